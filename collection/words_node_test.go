package collection_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/collection"
	"github.com/lodedb/lode/index/bm25/segment"
	"github.com/lodedb/lode/internal/text"
	"github.com/lodedb/lode/storage"
)

// worded is a row as searches by words see it.
type worded struct {
	id            lode.RowID
	text, heading string
	language      text.Language
}

// oneIndex is the answer of one index in memory that holds just these rows, and never held others:
// what every search by words must be equal to, to the bit.
func oneIndex(t tb, rows []worded, query string) []lode.Candidate {
	t.Helper()
	rows = slices.Clone(rows)
	slices.SortFunc(rows, func(a, b worded) int { return int(a.id) - int(b.id) })
	x, err := segment.NewGrowing(segment.Options{Fields: 2, Positions: true})
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range rows {
		a := new(text.Analyzer)
		if r.language != "" {
			if a, err = text.For(r.language); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := x.Add(segment.Row{a.Tokens(nil, r.text), a.Tokens(nil, r.heading)}); err != nil {
			t.Fatal(err)
		}
	}
	q := segment.Parser{Analyzer: new(text.Analyzer)}.Plain(query)
	found, err := segment.Search(ctx, q, []segment.View{{Part: x}}, segment.SearchOptions{K: lode.MaxK, K1: 1.2, B: 0.75, Boosts: []float64{1, 2}})
	if err != nil {
		t.Fatal(err)
	}
	out := make([]lode.Candidate, len(found))
	for i, h := range found {
		out[i] = lode.Candidate{Row: rows[h.Row].id, Score: float64(h.Score)}
	}
	return out
}

// wordsNode is a node that is written to at random, and what a search by words of it may know.
type wordsNode struct {
	*node
	t      *testing.T
	random *rand.Rand
	docs   map[lode.DocID][]worded // of shown documents and points, in order of rows
	hidden map[lode.DocID]bool     // those that only the board may see
	next   lode.RowID
}

// newWordsNode logs the seed of its chance.
func newWordsNode(t *testing.T, change ...func(*collection.Options)) *wordsNode {
	seed := uint64(time.Now().UnixNano())
	if s := os.Getenv("LODE_SEED"); s != "" {
		n, err := strconv.ParseUint(s, 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		seed = n
	}
	t.Logf("LODE_SEED=%d", seed)
	w := &wordsNode{node: open(t, change...), t: t, random: rand.New(rand.NewPCG(seed, 1)), docs: map[lode.DocID][]worded{}, hidden: map[lode.DocID]bool{}, next: 1}
	w.create("c")
	return w
}

var vocabulary = strings.Fields("vein ore gold silver bronze quartz shaft drift lode mill stamp assay smelt flux slag vessel vessels mining miner mined")

func (w *wordsNode) phrase(most int) string {
	words := make([]string, w.random.IntN(most+1))
	for i := range words {
		words[i] = vocabulary[w.random.IntN(1+w.random.IntN(len(vocabulary)))]
	}
	return strings.Join(words, " ")
}

func (w *wordsNode) readers(id lode.DocID) []string {
	if w.hidden[id] {
		return []string{"board"}
	}
	return nil
}

// put ingests a document of some chunks with a title, or a point.
func (w *wordsNode) put() {
	w.t.Helper()
	n := w.random.IntN(40)
	if n < 20 {
		id := lode.DocID(fmt.Sprint("p", n))
		text := w.phrase(6)
		w.hidden[id] = w.random.IntN(3) == 0
		p := lode.Point{ID: id, Vector: vectorOf(fmt.Sprint(w.next)), Text: text, Readers: w.readers(id)} // another vector: another row
		if errs, err := w.PutPoints(ctx, root, "c", []lode.Point{p}); err != nil || errs[0] != nil {
			w.t.Fatal(err, errs)
		}
		w.docs[id] = []worded{{id: w.next, text: text}}
		w.next++
		return
	}
	id := lode.DocID(fmt.Sprint("d", n))
	w.hidden[id] = w.random.IntN(3) == 0
	w.commit(id, w.begin(id))
}

// begun is a document whose chunks are staged.
type begun struct {
	job   lode.Job
	texts []string
	title string
	parts int
}

// begin submits and stages a document.
func (w *wordsNode) begin(id lode.DocID) begun {
	w.t.Helper()
	b := begun{title: w.phrase(3)}
	for range 1 + w.random.IntN(4) {
		b.texts = append(b.texts, w.phrase(8))
	}
	b.texts[0] += fmt.Sprint(" number", w.next, w.random.Uint64()) // other bytes than before
	a := w.accepted("c", id, strings.Join(b.texts, "\n"))
	a.Readers = w.readers(id)
	b.job = w.job("c", w.submit(a))
	silver, chunks := refine(b.job, strings.Join(b.texts, "\n"))
	silver.Title = b.title
	data, err := storage.EncodeSilver(silver)
	if err == nil {
		b.parts, err = w.StageSilver(ctx, b.job, data)
	}
	if err == nil {
		err = w.StageChunks(ctx, b.job, chunks)
	}
	if err != nil {
		w.t.Fatal(err)
	}
	return b
}

// commit shows a document that was begun.
func (w *wordsNode) commit(id lode.DocID, b begun) {
	w.t.Helper()
	text := strings.Join(b.texts, "\n")
	done := w.completion(b.job, text, b.parts)
	silver, _ := refine(b.job, text)
	silver.Title = b.title
	done.Title, done.Silver = b.title, silver.Hash()
	if err := w.Complete(ctx, done); err != nil {
		w.t.Fatal(err)
	}
	w.docs[id] = nil
	for _, text := range b.texts {
		w.docs[id] = append(w.docs[id], worded{id: w.next, text: text, heading: b.title})
		w.next++
	}
}

func (w *wordsNode) drop() {
	w.t.Helper()
	for id := range w.docs {
		kind := lode.KindDocument
		if id[0] == 'p' {
			kind = lode.KindVector
		}
		if errs, err := w.DeleteDocuments(ctx, root, "c", kind, []lode.DocID{id}); err != nil || errs[0] != nil {
			w.t.Fatal(err, errs)
		}
		delete(w.docs, id)
		return
	}
}

func (w *wordsNode) live() (rows []worded) {
	for _, d := range w.docs {
		rows = append(rows, d...)
	}
	return rows
}

// visible are the rows that a principal may see.
func (w *wordsNode) visible(p lode.Principal) map[lode.RowID]bool {
	rows := map[lode.RowID]bool{}
	for id, d := range w.docs {
		for _, r := range d {
			rows[r.id] = p.MaySee(w.readers(id))
		}
	}
	return rows
}

// verify compares answers with those of one index, for somebody who sees everything and for
// somebody who does not, and explains them.
func (w *wordsNode) verify() {
	w.t.Helper()
	for _, p := range []lode.Principal{root, stranger} {
		query, k, may := w.phrase(3), 1+w.random.IntN(6), w.visible(p)
		var want []lode.Candidate
		for _, c := range oneIndex(w.t, w.live(), query) {
			if may[c.Row] && len(want) < k {
				want = append(want, c)
			}
		}
		v := w.view(p, "c")
		got, err := v.Lexical(ctx, query, k, lode.Filter{})
		if err != nil || !slices.Equal(got, want) {
			w.t.Fatalf("%q for %s: %v, %v; want %v", query, p.ID, got, err, want)
		}
		for _, c := range got {
			terms, err := v.LexicalExplain(ctx, query, lode.SyntaxPlain, c.Row)
			sum := 0.0
			for _, t := range terms {
				sum += t.Score
			}
			if err != nil || float64(float32(sum)) != c.Score {
				w.t.Fatalf("row %d of %q scores %v, explained by %v, %v", c.Row, query, c.Score, terms, err)
			}
			if bound := v.LexicalBound(query, lode.SyntaxPlain); bound < c.Score {
				w.t.Fatalf("row %d of %q scores %v, above the bound %v", c.Row, query, c.Score, bound)
			}
		}
	}
}

// stranger sees what is open to all.
var stranger = lode.Principal{ID: "stranger", Labels: []string{"nothing"}}

// damage changes a byte of a file of words, and is false where there is none.
func (w *wordsNode) damage() bool {
	w.t.Helper()
	files := w.wordFiles()
	if len(files) == 0 {
		return false
	}
	path := files[w.random.IntN(len(files))]
	b, err := os.ReadFile(path)
	if err != nil {
		w.t.Fatal(err)
	}
	b[w.random.IntN(len(b))] ^= 1 << w.random.IntN(8)
	if err := os.WriteFile(path, b, 0o600); err != nil { // in the same file, which may be mapped
		w.t.Fatal(err)
	}
	return true
}

func (n *node) wordFiles() []string {
	n.t.Helper()
	files, err := filepath.Glob(filepath.Join(n.dir, "segments", "*.words.index"))
	if err != nil {
		n.t.Fatal(err)
	}
	return files
}

// lexical is what a search by words answers.
func (n *node) lexical(p lode.Principal, query string) []lode.Candidate {
	n.t.Helper()
	found, err := n.view(p, "c").Lexical(ctx, query, 100, lode.Filter{})
	if err != nil {
		n.t.Fatal(err)
	}
	return found
}
