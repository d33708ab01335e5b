package collection_test

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/collection"
)

// TestSearchWhileReplacing: whatever is replaced meanwhile, each search finds every
// document once, in one version, and so k rows where k match.
func TestSearchWhileReplacing(t *testing.T) { searchWhileReplacing(t, open(t), nil) }

// TestSearchWhileBuilding is TestSearchWhileReplacing while segments are sealed and merged, and
// graphs and words of them built.
func TestSearchWhileBuilding(t *testing.T) {
	n := open(t, withGraphs(&testGraphs{}))
	built := 0
	searchWhileReplacing(t, n, func() {
		if _, err := n.Seal(ctx, root, "c"); err != nil && !lode.IsCode(err, lode.CodeConflict) {
			t.Error(err)
		}
		words, err := n.BuildWords(ctx)
		_, mergeErr := n.MergeDue(ctx)
		_, graphErr := n.BuildGraphs(ctx)
		if err := errors.Join(err, mergeErr, graphErr); err != nil {
			t.Error(err)
		}
		built += words
	})
	t.Logf("%d files of words", built)
	if built == 0 {
		t.Error("no words were built")
	}
}

// searchWhileReplacing also does something else again and again.
func searchWhileReplacing(t *testing.T, n *node, beside func()) {
	const documents, lines = 6, 3
	n.create("c")
	group(n)
	text := func(doc, version int) string {
		all := make([]string, lines)
		for i := range all {
			all[i] = fmt.Sprintf("zebra document%d version%d line%d", doc, version, i)
		}
		return strings.Join(all, "\n")
	}
	write := func(doc, version int) {
		a := n.accepted("c", lode.DocID(fmt.Sprint(doc)), text(doc, version))
		a.Metadata = lode.Metadata{"even": lode.BoolValue(doc%2 == 0)}
		r, err := n.Submit(ctx, root, a)
		if err == nil {
			err = n.finish(n.job("c", r), text(doc, version))
		}
		if err != nil {
			t.Error(err)
		}
	}
	for doc := range documents {
		write(doc, 0)
	}

	var searches, gone atomic.Int64
	var stop atomic.Bool
	var readers, writers sync.WaitGroup
	search := func(lexical bool, f lode.Filter, want int) {
		v, err := n.View(ctx, root, "c")
		if err != nil {
			t.Error(err)
			return
		}
		var found []lode.Candidate
		if lexical {
			found, err = v.Lexical(ctx, "zebra", lode.MaxK, f)
		} else {
			found, err = v.Dense(ctx, vectorOf("q"), lode.MaxK, f)
		}
		if err != nil || len(found) != want {
			t.Errorf("lexical %v: %d rows, want %d (%v)", lexical, len(found), want, err)
			return
		}
		rows, err := v.Rows(ctx, rowIDs(found), true)
		if errors.Is(err, collection.ErrViewGone) {
			gone.Add(1)
			return
		}
		if err != nil {
			t.Error(err)
			return
		}
		searches.Add(1)
		versions := map[lode.DocID]string{}
		for _, row := range rows {
			words := strings.Fields(row.Chunk.Text)
			if words[1] != "document"+string(row.Document.ID) || versions[row.Document.ID] != "" && versions[row.Document.ID] != words[2] {
				t.Errorf("row %d shows %q beside %s", row.ID, row.Chunk.Text, versions[row.Document.ID])
			}
			versions[row.Document.ID] = words[2]
		}
	}
	even := lode.WhereEq("even", lode.BoolValue(true))
	for i := range 4 {
		readers.Go(func() {
			for !stop.Load() {
				search(i%2 == 0, lode.Filter{}, documents*lines)
				search(i%2 == 0, even, documents*lines/2)
			}
		})
	}
	if beside != nil {
		readers.Go(func() {
			for !stop.Load() {
				beside()
			}
		})
	}
	for doc := range documents {
		writers.Go(func() {
			for version := 1; version <= 10; version++ {
				write(doc, version)
			}
		})
	}
	writers.Wait()
	stop.Store(true)
	readers.Wait()
	t.Logf("%d searches, %d views gone", searches.Load(), gone.Load())
	if searches.Load() == 0 {
		t.Error("no search came through")
	}
}

// TestCheckWhileWriting: the checker finds nothing on a node that is busy.
func TestCheckWhileWriting(t *testing.T) {
	n := open(t)
	n.create("c")
	group(n)
	var writers sync.WaitGroup
	for w := range 3 {
		writers.Go(func() {
			for i := range 40 {
				id := lode.DocID(fmt.Sprint(w, "-", i%5))
				p := lode.Point{ID: id, Vector: vectorOf(fmt.Sprint(w, i)), Text: "zebra"}
				if errs, err := n.PutPoints(ctx, root, "c", []lode.Point{p}); err != nil || errs[0] != nil {
					t.Error(errs, err)
				}
				if i%7 == 0 {
					if _, err := n.DeleteDocuments(ctx, root, "c", lode.KindVector, []lode.DocID{id}); err != nil {
						t.Error(err)
					}
				}
			}
		})
	}
	for range 5 {
		n.check()
	}
	writers.Wait()
}
