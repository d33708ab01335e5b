package collection

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/index"
	lexical "github.com/lodedb/lode/index/bm25/segment"
	"github.com/lodedb/lode/index/flat"
	"github.com/lodedb/lode/internal/text"
)

func emptyCollection() *collection {
	return newCollection(lode.Collection{Name: "c", Dim: 2, Metric: lode.Dot}, &Options{
		NewDense: func(dim int, m lode.Metric) index.Dense { return flat.New(dim, m) },
	})
}

func found(t *testing.T, s *snapshot) (dense, byWords []lode.RowID) {
	t.Helper()
	var parts []*index.Bitset
	for i := range s.parts {
		parts = append(parts, s.parts[i].live)
	}
	d, err := s.search(context.Background(), lode.Vector{1, 0}, 1<<20, parts)
	if err != nil {
		t.Fatal(err)
	}
	views, err := s.wordViews(parts)
	if err != nil {
		t.Fatal(err)
	}
	q := lexical.Parser{Analyzer: new(text.Analyzer)}.Plain("zebra")
	l, err := lexical.Search(context.Background(), q, views, wordSearch(1<<20))
	if err != nil {
		t.Fatal(err)
	}
	var words []lode.RowID
	for _, h := range l {
		words = append(words, s.wordRow(h.Part, h.Row))
	}
	slices.Sort(words)
	ids := func(c []index.Candidate) (ids []lode.RowID) {
		for _, c := range s.candidates(c) {
			ids = append(ids, c.Row)
		}
		slices.Sort(ids)
		return ids
	}
	return ids(d), words
}

// sealWords puts the words of a part into a file, as far as a test can tell.
func sealWords(t *testing.T, p *part) {
	t.Helper()
	var b bytes.Buffer
	if err := p.words.growing.Seal(&b); err != nil {
		t.Fatal(err)
	}
	x, err := lexical.Open(b.Bytes(), wordOptions)
	if err != nil {
		t.Fatal(err)
	}
	w := (&wordsFile{Sealed: x}).asWords()
	w.rows = slices.Clone(p.wordRows())
	p.words = w.together(p.rows)
}

// TestCompaction replaces documents until the segment is compacted, and looks at old
// snapshots meanwhile: they never change. The words of older parts lie in files.
func TestCompaction(t *testing.T) {
	c := emptyCollection()
	random := rand.New(rand.NewPCG(1, 2))
	live := map[lode.DocNo][]lode.RowID{}
	next := lode.RowID(1)
	add := func(no lode.DocNo, rows int) {
		v := &version{doc: &lode.Document{No: no}, segment: lode.SegmentID(next/2000) + 1, first: next}
		live[no] = nil
		for range rows {
			v.rows++
			v.words = append(v.words, wordsOf("", &lode.Chunk{Text: "zebra"}, ""))
			v.vectors = append(v.vectors, lode.Vector{float32(next), 1})
			live[no] = append(live[no], next)
			next++
		}
		if err := c.segment.show(v); err != nil {
			t.Fatal(err)
		}
	}
	want := func() (all []lode.RowID) {
		for _, rows := range live {
			all = append(all, rows...)
		}
		slices.Sort(all)
		return all
	}
	type seen struct {
		snapshot *snapshot
		rows     []lode.RowID
	}
	var old []seen
	compactions, sealed, before := 0, 0, 0
	for round := range 60 {
		for range 200 {
			no := lode.DocNo(random.IntN(500) + 1)
			if random.IntN(10) == 0 {
				c.segment.hide(no)
				delete(live, no)
				continue
			}
			add(no, 1+random.IntN(4))
		}
		if err := c.publish(); err != nil {
			t.Fatal(err)
		}
		for _, p := range c.segment.parts {
			if p.segment%2 == 0 && p.words.growing != nil && lode.RowID(p.segment)*2000 < next {
				sealWords(t, p)
				sealed++
			}
		}
		s := c.published.Load()
		if len(s.rows) < before {
			compactions++
		}
		before = len(s.rows)
		dense, lexical := found(t, s)
		if rows := want(); !slices.Equal(dense, rows) || !slices.Equal(lexical, rows) {
			t.Fatalf("round %d: %d and %d rows are found, want %d", round, len(dense), len(lexical), len(rows))
		}
		for _, id := range want()[:20] {
			if ordinal, e, ok := s.find(id); !ok || !slices.Contains(live[e.doc.No], id) || s.rows[ordinal].id != id {
				t.Fatalf("row %d is not found", id)
			}
		}
		if round%20 == 0 {
			old = append(old, seen{s, want()})
		}
	}
	if compactions == 0 || sealed == 0 {
		t.Errorf("the segment was compacted %d times, with %d files of words", compactions, sealed)
	}
	for i, o := range old {
		if dense, _ := found(t, o.snapshot); !slices.Equal(dense, o.rows) {
			t.Errorf("snapshot %d has changed", i)
		}
		documents := 0
		o.snapshot.docs.each(func(e *entry) bool { documents++; return true })
		if documents == 0 || documents > 500 {
			t.Errorf("snapshot %d has %d documents", i, documents)
		}
	}
}

// TestTable: a published table never changes, whatever follows.
func TestTable(t *testing.T) {
	w := newTableWriter()
	render := func(tab table) (all string) {
		tab.each(func(e *entry) bool { all += fmt.Sprint(e.doc.No, ":", e.first, " "); return true })
		return all
	}
	var published []table
	var rendered []string
	random := rand.New(rand.NewPCG(3, 4))
	for i := range 3000 {
		no := lode.DocNo(random.IntN(700) + 1)
		switch e := w.find(no); {
		case e == nil:
			w.add(&entry{doc: &lode.Document{No: no}, first: lode.RowID(i)})
		case i%3 == 0:
			w.remove(no)
		default:
			w.replace(&entry{doc: e.doc, first: lode.RowID(i)})
		}
		if i%250 == 0 {
			published = append(published, w.publish())
			rendered = append(rendered, render(published[len(published)-1]))
		}
	}
	for i := range published {
		if render(published[i]) != rendered[i] {
			t.Errorf("published table %d has changed", i)
		}
	}
}
