package collection_test

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/collection"
)

// TestLexicalSyntax: the syntax of search boxes is read where it is asked for, and titles count.
func TestLexicalSyntax(t *testing.T) {
	w := newWordsNode(t)
	for i, text := range []string{"gold ore in quartz", "ore of gold", "silver in quartz", "goldsmith"} {
		if errs, err := w.PutPoints(ctx, root, "c", []lode.Point{{ID: lode.DocID(fmt.Sprint("p", i)), Vector: vectorOf(text), Text: text}}); err != nil || errs[0] != nil {
			t.Fatal(err, errs)
		}
	}
	for query, want := range map[string][]lode.RowID{
		`"gold ore"`:      {1},
		`+quartz -silver`: {1},
		`gold* -ore`:      {4},
		`-gold`:           nil,
	} {
		found, err := w.view(root, "c").LexicalWith(ctx, query, lode.LexicalSearch{K: 10, Syntax: lode.SyntaxQuery})
		if got := rowIDs(found); err != nil || !slices.Equal(got, want) {
			t.Errorf("%s: %v, %v; want %v", query, got, err, want)
		}
	}
	found, err := w.view(root, "c").LexicalWith(ctx, `-silver`, lode.LexicalSearch{K: 10, Syntax: lode.SyntaxPlain})
	if got := rowIDs(found); err != nil || !slices.Equal(got, []lode.RowID{3}) {
		t.Errorf("plain: %v, %v", got, err)
	}
	for _, bad := range []lode.LexicalSearch{{}, {K: 1, Syntax: "other"}, {K: lode.MaxK + 1}} {
		_, err := w.view(root, "c").LexicalWith(ctx, "gold", bad)
		wantCode(t, err, lode.CodeInvalid)
	}
	_, err = w.view(root, "c").LexicalWith(ctx, strings.Repeat("x", lode.MaxQueryBytes+1), lode.LexicalSearch{K: 1})
	wantCode(t, err, lode.CodeInvalid)
}

// TestExplain names words as the query has them, also for a row that the search does not find.
func TestExplain(t *testing.T) {
	w := newWordsNode(t)
	w.ingestOne("d", "the vessels of gold\nnothing of that")
	v := w.view(root, "c")
	terms, err := v.LexicalExplain(ctx, `"Golden Vessel" Vessel gold* tin`, lode.SyntaxQuery, 1)
	if err != nil || len(terms) != 2 || terms[0].Term == terms[1].Term {
		t.Fatal(terms, err)
	}
	for _, term := range terms {
		if term.Score <= 0 || term.Term != "Vessel" && term.Term != "gold*" {
			t.Errorf("%+v", term)
		}
	}
	if terms, err := v.LexicalExplain(ctx, "vessel", lode.SyntaxPlain, 2); err != nil || len(terms) != 0 {
		t.Errorf("%v, %v", terms, err)
	}
	if spans := v.Highlight("gold vessel", lode.SyntaxPlain, "the vessels of gold", ""); fmt.Sprint(spans) != "[{4 11} {15 19}]" {
		t.Errorf("%v", spans)
	}
	if _, err := v.LexicalExplain(ctx, "vessel", lode.SyntaxPlain, 3); !errors.Is(err, collection.ErrViewGone) {
		t.Errorf("a row that is not there: %v", err)
	}
}

func (w *wordsNode) ingestOne(id lode.DocID, text string, readers ...string) {
	w.t.Helper()
	a := w.accepted("c", id, text)
	a.Readers = readers
	if err := w.finish(w.job("c", w.submit(a)), text); err != nil {
		w.t.Fatal(err)
	}
}

// TestHiddenWords: neither suggestions nor explanations tell of rows that a principal may not see,
// nor of what has expired; the answer is the same, to the letter, as if those were not there.
func TestHiddenWords(t *testing.T) {
	for _, sealed := range []bool{false, true} {
		w := newWordsNode(t)
		w.ingestOne("secret", "the Wolframite shaft\nwolframite and wolframite", "board")
		expired := w.now.Add(time.Minute)
		point := lode.Point{ID: "p", Vector: vectorOf("p"), Text: "molybdenite", ExpiresAt: &expired}
		if errs, err := w.PutPoints(ctx, root, "c", []lode.Point{point}); err != nil || errs[0] != nil {
			t.Fatal(err, errs)
		}
		w.ingestOne("open", "Some Tungsten was found\nmore tungsten, a tungstate")
		if sealed {
			w.seal("c")
			if n, err := w.BuildWords(ctx); n != 1 || err != nil {
				t.Fatal(n, err)
			}
		}
		board := lode.Principal{ID: "director", Labels: []string{"board"}}
		ask := func(p lode.Principal, query string) string {
			t.Helper()
			found, err := w.view(p, "c").Suggest(ctx, query, 3)
			if err != nil {
				t.Fatal(err)
			}
			return fmt.Sprint(found)
		}
		for _, c := range []struct {
			p           lode.Principal
			query, want string
		}{
			{root, "wolfrmaite", "[{wolfrmaite Wolframite 2}]"},
			{board, "wolfrmaite", "[{wolfrmaite Wolframite 2}]"},
			{stranger, "wolfrmaite", "[]"},
			{stranger, "wolframite", "[]"},
			{stranger, "tungstan in the shaft", "[{tungstan Tungsten 2} {tungstan tungstate 1}]"},
			{root, "molibdenite", "[{molibdenite molybdenite 1}]"},
			{root, "gold", "[]"},
		} {
			if got := ask(c.p, c.query); got != c.want {
				t.Errorf("%s for %q is told %s, want %s", c.p.ID, c.query, got, c.want)
			}
		}
		w.clock.Lock()
		w.now = expired.Add(time.Minute)
		w.clock.Unlock()
		if got := ask(root, "molibdenite"); got != "[]" {
			t.Errorf("of what has expired: %s", got)
		}
		for _, row := range []lode.RowID{1, 2} {
			if _, err := w.view(stranger, "c").LexicalExplain(ctx, "wolframite", lode.SyntaxPlain, row); !errors.Is(err, collection.ErrViewGone) {
				t.Errorf("row %d is explained: %v", row, err)
			}
		}
		if terms, err := w.view(board, "c").LexicalExplain(ctx, "wolframite", lode.SyntaxPlain, 2); err != nil || len(terms) != 1 {
			t.Errorf("%v, %v", terms, err)
		}
	}
}

// TestWordsDamagedMeanwhile: a file of words that becomes unreadable while it is searched answers
// with an error until other words are in its place, never wrongly.
func TestWordsDamagedMeanwhile(t *testing.T) {
	w := newWordsNode(t)
	for range 60 {
		w.put()
	}
	w.seal("c")
	for range 2 { // written, read through
		if _, err := w.BuildWords(ctx); err != nil {
			t.Fatal(err)
		}
	}
	want := w.lexical(root, "ore gold vein")
	w.restart() // nothing of the file was touched yet
	path := w.wordFiles()[0]
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for i := 4096; i < len(b)-4096; i += 512 {
		b[i] ^= 0x55
	}
	for i := 64; i < min(4096, len(b)/2); i++ {
		b[i] ^= 0x55
	}
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
	found, err := w.view(root, "c").Lexical(ctx, "ore gold vein", 100, lode.Filter{})
	if err == nil && !slices.Equal(found, want) {
		t.Errorf("%v, want %v", found, want)
	}
	if err != nil {
		wantCode(t, err, lode.CodeCorrupt)
	}
	w.drop() // what is removed cannot be, either
	for range 3 {
		if _, err := w.BuildWords(ctx); err != nil {
			t.Fatal(err)
		}
	}
	w.verify()
	if again, err := os.ReadFile(path); err != nil || slices.Equal(again, b) {
		t.Errorf("the file was not written again: %v", err)
	}
}

// TestPastWords: a state of the past is answered from the files of words too, with the statistics
// of then.
func TestPastWords(t *testing.T) {
	w := newWordsNode(t)
	w.keep(time.Hour)
	for range 40 {
		w.put()
	}
	was, at := slices.Clone(w.live()), w.tick()
	for range 20 {
		w.put()
	}
	w.seal("c")
	for range 2 {
		if _, err := w.BuildWords(ctx); err != nil {
			t.Fatal(err)
		}
	}
	for range 20 {
		w.put()
		w.drop()
	}
	for range 10 {
		query := w.phrase(3)
		v, err := w.ViewAsOf(ctx, root, "c", at)
		if err != nil {
			t.Fatal(err)
		}
		got, err := v.Lexical(ctx, query, lode.MaxK, lode.Filter{})
		if want := oneIndex(t, was, query); err != nil || !slices.Equal(got, want) {
			t.Errorf("%q: %v, %v; want %v", query, got, err, want)
		}
		w.verify()
	}
}
