package collection_test

import (
	"errors"
	"sync"
	"testing"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/collection"
	"github.com/lodedb/lode/storage"
)

// TestWordsBesideAll: while rows come and go, segments are sealed and merged and their words and graphs
// are built, everything that is asked about words is answered, without what a principal may not see.
func TestWordsBesideAll(t *testing.T) {
	w := newWordsNode(t, withGraphs(&testGraphs{}), func(o *collection.Options) {
		o.GraphRows, o.Merge = 40, storage.MergePolicy{Factor: 2, MaxInputs: 3}
	})
	stop := make(chan struct{})
	var all sync.WaitGroup
	beside := func(do func() error) {
		all.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				if err := do(); err != nil && !errors.Is(err, collection.ErrViewGone) {
					t.Error(err)
					return
				}
			}
		})
	}
	beside(func() error { _, err := w.BuildWords(ctx); return err })
	beside(func() error { _, err := w.BuildGraphs(ctx); return err })
	beside(func() error { _, err := w.MergeDue(ctx); return err })
	for _, p := range []lode.Principal{root, stranger} {
		beside(func() error { return askWords(w.node, p) })
	}
	rounds := 250
	if testing.Short() {
		rounds = 60
	}
	for i := range rounds {
		w.put()
		w.drop()
		w.put()
		if i%12 == 11 {
			w.seal("c")
		}
	}
	close(stop)
	all.Wait()
	w.verify()
	w.restart()
	w.verify()
	w.check()
}

// askWords asks everything about words that a view answers.
func askWords(n *node, p lode.Principal) error {
	v, err := n.View(ctx, p, "c")
	if err != nil {
		return err
	}
	found, err := v.LexicalWith(ctx, `gold ore "vessel of" min* -flux`, lode.LexicalSearch{K: 20, Syntax: lode.SyntaxQuery})
	if err != nil {
		return err
	}
	v.LexicalBound("gold ore", lode.SyntaxPlain)
	v.Highlight("gold ore", lode.SyntaxPlain, "some gold", "en")
	for _, c := range found {
		if _, err := v.LexicalExplain(ctx, "gold ore", lode.SyntaxPlain, c.Row); err != nil {
			return err
		}
	}
	_, err = v.Suggest(ctx, "quarts slagg", 3)
	return err
}
