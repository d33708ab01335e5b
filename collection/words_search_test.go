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

// speak ingests a document in a language.
func (w *wordsNode) speak(id lode.DocID, language, text string) {
	w.t.Helper()
	j := w.job("c", w.submit(w.accepted("c", id, text)))
	silver, chunks := refine(j, text)
	parts, err := w.StageSilver(ctx, j, encode(w.t, silver))
	if err == nil {
		err = w.StageChunks(ctx, j, chunks)
	}
	done := w.completion(j, text, parts)
	done.Language = language
	if err == nil {
		err = w.Complete(ctx, done)
	}
	if err != nil {
		w.t.Fatal(err)
	}
}

// TestLanguages: rows are found by the rules of their own languages, also after they were sealed
// and loaded again, and a question is read by those of all of them.
func TestLanguages(t *testing.T) {
	w := newWordsNode(t)
	w.speak("en", "", "houses in the city")
	w.speak("de", "de", "die Häuser der Stadt")
	w.speak("de2", "de", "ein Haus am See")
	w.speak("fr", "fr", "l'avion et les maisons")
	w.speak("ja", "ja", "東京都 housing")
	look := func(when string) {
		t.Helper()
		for query, want := range map[string]string{
			"house":           "[1]",
			"Haus":            "[2 3]",
			"Häusern":         "[2 3]",
			"avions":          "[4]",
			"maison":          "[4]",
			"京都":              "[5]",
			"houses Städte":   "[1 2]",
			"maisons housing": "[1 4 5]",
		} {
			found := rowIDs(w.lexical(root, query))
			slices.Sort(found)
			if got := fmt.Sprint(found); got != want {
				t.Errorf("%s: %s finds %s, want %s", when, query, got, want)
			}
		}
	}
	look("in memory")
	w.restart()
	look("loaded")
	w.seal("c")
	w.flush()
	if n, err := w.BuildWords(ctx); n != 1 || err != nil {
		t.Fatal(n, err)
	}
	look("in a file")
	w.restart()
	look("opened")
	if spans := w.view(root, "c").Highlight("Häuser", lode.SyntaxPlain, "an Häusern vorbei", "de"); fmt.Sprint(spans) != "[{3 11}]" {
		t.Errorf("highlights %v", spans)
	}
	other := replay(t, w.log.all(), 3)
	if other.hash() != w.hash() {
		t.Error("another node has another state")
	}
	copyBlobs(t, w.node, other)
}

// TestSpokenLater: the language of a collection counts for points that come later, and a
// submission in another language is another version.
func TestSpokenLater(t *testing.T) {
	w := newWordsNode(t)
	put := func(id lode.DocID) {
		t.Helper()
		if errs, err := w.PutPoints(ctx, root, "c", []lode.Point{{ID: id, Vector: vectorOf("p"), Text: "Die Wohnungen"}}); err != nil || errs[0] != nil {
			t.Fatal(err, errs)
		}
	}
	put("before")
	german := "de"
	if _, err := w.Tune(ctx, root, lode.Write{}, "c", lode.TuningChange{Language: &german}); err != nil {
		t.Fatal(err)
	}
	put("after")
	for _, when := range []string{"at once", "loaded"} {
		if got := fmt.Sprint(rowIDs(w.lexical(root, "Wohnung"))); got != "[2]" {
			t.Errorf("%s: %s", when, got)
		}
		w.restart()
	}
	a := w.accepted("c", "d", "Wohnung")
	for _, c := range []struct {
		language string
		version  lode.Version
	}{{"", 1}, {"", 1}, {"de", 2}, {"de", 2}, {"", 2}} {
		a.Language = c.language
		if r := w.submit(a); r.Version != c.version {
			t.Errorf("in %q it is version %d, want %d", c.language, r.Version, c.version)
		}
	}
	for _, bad := range []string{"xx", "english", "DE"} {
		_, err := w.Tune(ctx, root, lode.Write{}, "c", lode.TuningChange{Language: &bad})
		wantCode(t, err, lode.CodeInvalid)
		a.Language = bad
		_, err = w.Submit(ctx, root, a)
		wantCode(t, err, lode.CodeInvalid)
	}
}

// TestGlossary: a question for a name finds what holds a synonym, in one direction, from when it
// was said until it is taken back.
func TestGlossary(t *testing.T) {
	w := newWordsNode(t)
	w.ingestOne("d", "Kubernetes runs\na k8s cluster\nthe point of sale\na till")
	tune := func(entries ...lode.Synonym) error {
		_, err := w.Tune(ctx, root, lode.Write{}, "c", lode.TuningChange{Glossary: &entries})
		return err
	}
	find := func(query string) string {
		found := rowIDs(w.lexical(root, query))
		slices.Sort(found)
		return fmt.Sprint(found)
	}
	if got := find("k8s"); got != "[2]" {
		t.Errorf("without a glossary %s", got)
	}
	if err := tune(lode.Synonym{Name: "k8s", Also: []string{"kubernetes"}}, lode.Synonym{Name: "till", Also: []string{"point of sale"}}); err != nil {
		t.Fatal(err)
	}
	for _, when := range []string{"at once", "loaded"} {
		if a, b, c := find("k8s"), find("kubernetes"), find("tills"); a != "[1 2]" || b != "[1]" || c != "[3 4]" {
			t.Errorf("%s: %s, %s, %s", when, a, b, c)
		}
		w.restart()
	}
	long := make([]lode.Synonym, lode.MaxGlossary+1)
	for _, bad := range [][]lode.Synonym{
		{{Name: "the", Also: []string{"word"}}}, {{Name: "word", Also: []string{"--"}}}, {{Name: "word"}}, {{Also: []string{"word"}}},
		{{Name: "word", Also: make([]string, lode.MaxSynonyms+1)}}, long,
	} {
		wantCode(t, tune(bad...), lode.CodeInvalid)
	}
	if err := tune([]lode.Synonym{}...); err != nil || find("k8s") != "[2]" {
		t.Errorf("taken back: %s, %v", find("k8s"), err)
	}
}

// TestBoundOfLatest: the bound is that of the rows that the latest search by words has seen, which may
// be newer than the view.
func TestBoundOfLatest(t *testing.T) {
	w := newWordsNode(t)
	w.ingestOne("a", "gold")
	w.seal("c")
	v := w.view(root, "c")
	for i := range 20 {
		w.ingestOne(lode.DocID(fmt.Sprint("d", i)), fmt.Sprint("silver ", i))
	}
	found, err := v.Lexical(ctx, "gold", 1, lode.Filter{})
	if err != nil || len(found) != 1 {
		t.Fatal(found, err)
	}
	if bound := v.LexicalBound("gold", lode.SyntaxPlain); bound < found[0].Score {
		t.Errorf("a row scores %v, above the bound %v", found[0].Score, bound)
	}
}
