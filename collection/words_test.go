package collection_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/collection"
	"github.com/lodedb/lode/storage"
)

// TestWords: whatever is written, sealed, merged, built, damaged and started again, answers are
// those of one index of the rows that are live.
func TestWords(t *testing.T) {
	w := newWordsNode(t, withGraphs(&testGraphs{}), func(o *collection.Options) { o.GraphRows = 12 })
	rounds, damages := 300, 0
	if testing.Short() {
		rounds = 120
	}
	build := func() {
		if _, err := w.BuildWords(ctx); err != nil {
			t.Fatal(err)
		}
	}
	for range rounds {
		switch n := w.random.IntN(20); {
		case n < 9:
			w.put()
		case n < 11:
			w.drop()
		case n < 13:
			w.seal("c")
		case n < 15:
			build()
		case n < 16:
			w.buildGraphs(-1)
		case n < 17:
			if _, err := w.MergeDue(ctx); err != nil {
				t.Fatal(err)
			}
		case n < 18:
			w.restart()
		case n < 19:
			w.crash()
		default:
			w.stop()
			if w.damage() {
				damages++
			}
			w.start()
			build() // found, and given up
			build() // written anew
		}
		w.verify()
		w.check()
	}
	if damages == 0 {
		t.Error("nothing was damaged")
	}
}

// TestWordsMixed: rows of a segment that was closed while a document was on its way lie between
// those of the next one. Equal scores come in order of rows all the same.
func TestWordsMixed(t *testing.T) {
	w := newWordsNode(t)
	for range 30 {
		late := lode.DocID(fmt.Sprint("late", w.random.IntN(4)))
		b := w.begin(late)
		w.seal("c") // it is closed now, and built when nothing is staged in it any more
		for range 3 {
			w.put()
		}
		w.commit(late, b)
		w.put()
		w.verify()
		if _, err := w.SealDue(ctx); err != nil {
			t.Fatal(err)
		}
		if _, err := w.BuildWords(ctx); err != nil {
			t.Fatal(err)
		}
		w.verify()
	}
	if len(w.wordFiles()) < 3 {
		t.Errorf("%d segments have words in files", len(w.wordFiles()))
	}
}

// TestWordsNotRead: a start with graphs and words reads no row of the segments that have them.
func TestWordsNotRead(t *testing.T) {
	w := newWordsNode(t, withGraphs(&testGraphs{}))
	for range 30 {
		w.put()
	}
	w.seal("c")
	w.flush()
	w.buildGraphs(1)
	if n, err := w.BuildWords(ctx); n != 1 || err != nil {
		t.Fatal(n, err)
	}
	want := fmt.Sprint(w.lexical(root, "ore gold vein"))
	w.stop()
	ruinRows(t, w.node)
	w.start()
	if got := fmt.Sprint(w.lexical(root, "ore gold vein")); got != want {
		t.Errorf("%s, want %s", got, want)
	}
	w.stop()
	if err := os.Remove(w.wordFiles()[0]); err != nil { // the control: now they are read
		t.Fatal(err)
	}
	store, err := storage.Open(w.dir, w.storage)
	if err != nil {
		t.Fatal(err)
	}
	if e, err := collection.New(store, w.opts); !lode.IsCode(err, lode.CodeCorrupt) {
		t.Errorf("the texts were not read: %v", err)
		_ = e.Close()
	}
	if err := store.Close(); err != nil {
		t.Fatal(err)
	}
	mendRows(t, w.node)
	w.start()
}

// TestWordsOfAnother: the words of another segment with as many rows are not taken for its own.
func TestWordsOfAnother(t *testing.T) {
	w := newWordsNode(t)
	for _, text := range []string{"gold", "silver"} {
		for i := range 5 {
			w.ingestOne(lode.DocID(fmt.Sprint(text, i)), fmt.Sprint(text, " ", i))
		}
		w.seal("c")
	}
	if n, err := w.BuildWords(ctx); n != 2 || err != nil {
		t.Fatal(n, err)
	}
	want := fmt.Sprint(w.lexical(root, "gold"))
	w.stop()
	files := w.wordFiles()
	other, err := os.ReadFile(files[1])
	if err == nil {
		err = os.WriteFile(files[0], other, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	w.start()
	for range 2 {
		if got := fmt.Sprint(w.lexical(root, "gold")); got != want {
			t.Errorf("%s, want %s", got, want)
		}
		if _, err := w.BuildWords(ctx); err != nil {
			t.Fatal(err)
		}
	}
	if again, err := os.ReadFile(files[0]); err != nil || bytes.Equal(again, other) {
		t.Errorf("the file was not written again: %v", err)
	}
}

// ruinRows changes a byte in the rows of the only sealed segment; mendRows changes it back.
func ruinRows(t *testing.T, n *node) {
	t.Helper()
	_, files := n.segmentFiles()
	i := slices.IndexFunc(files, func(f string) bool { return strings.HasSuffix(f, ".segment") })
	path := filepath.Join(n.dir, "segments", files[i])
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	at := bytes.Index(b, []byte("vein"))
	if at < 0 {
		t.Fatal("there is no text in the segment")
	}
	b[at] ^= 1 // wein
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
}

func mendRows(t *testing.T, n *node) {
	t.Helper()
	_, files := n.segmentFiles()
	i := slices.IndexFunc(files, func(f string) bool { return strings.HasSuffix(f, ".segment") })
	path := filepath.Join(n.dir, "segments", files[i])
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, bytes.Replace(b, []byte("wein"), []byte("vein"), 1), 0o600); err != nil {
		t.Fatal(err)
	}
}
