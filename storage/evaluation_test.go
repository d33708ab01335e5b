package storage_test

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/internal/seal"
	"github.com/lodedb/lode/storage"
)

// putSet stores an evaluation set with its blob.
func (b *bench) putSet(c lode.CollectionID, name, content string) lode.Hash {
	b.Helper()
	h, release, err := b.Blobs().Put(ctx, []byte(content))
	if err != nil {
		b.Fatal(err)
	}
	defer release()
	b.update(func(tx *storage.Tx) error {
		return tx.PutEvaluation(c, &storage.Evaluation{Name: name, Blob: h, Size: int64(len(content)), Hash: lode.HashOf([]byte(name)), Questions: 1, Spans: 1, At: day})
	})
	return h
}

func (b *bench) setNames(c lode.CollectionID) (names []string) {
	b.view(func(tx *storage.Tx) error {
		all, err := tx.Evaluations(c)
		for _, e := range all {
			names = append(names, e.Name)
		}
		return err
	})
	return names
}

func TestEvaluations(t *testing.T) {
	b := openReady(t)
	first := b.putSet(1, "support", "first")
	b.putSet(1, "alpha", "first") // the same bytes
	second := b.putSet(1, "support", "second")
	b = b.reopen()
	if got := b.setNames(1); !slices.Equal(got, []string{"alpha", "support"}) {
		t.Errorf("sets %v", got)
	}
	refs := func(h lode.Hash) (n uint64) {
		b.view(func(tx *storage.Tx) (err error) { n, err = tx.BlobRefs(h); return err })
		return n
	}
	if refs(first) != 1 || refs(second) != 1 {
		t.Errorf("references %d and %d", refs(first), refs(second))
	}
	if n, err := b.SweepBlobs(ctx); n != 0 || err != nil {
		t.Errorf("swept %d blobs in use: %v", n, err)
	}
	b.update(func(tx *storage.Tx) error { return tx.DropEvaluation(1, "alpha") })
	b.flush()
	if n, err := b.SweepBlobs(ctx); n != 1 || err != nil {
		t.Errorf("swept %d blobs, want that of the dropped set: %v", n, err)
	}
	b.view(func(tx *storage.Tx) error {
		if _, err := tx.Evaluation(1, "alpha"); !lode.IsCode(err, lode.CodeNotFound) {
			t.Errorf("dropped set: %v", err)
		}
		return nil
	})
	b.update(func(tx *storage.Tx) error { return tx.DropCollection(1) })
	b.flush()
	if n, err := b.SweepBlobs(ctx); n != 1 || err != nil {
		t.Errorf("swept %d blobs, want that of the dropped collection: %v", n, err)
	}
}

// judgements are the questions of the feedback that is kept, oldest first.
func (b *bench) judgements(c lode.CollectionID) (all []string) {
	b.view(func(tx *storage.Tx) error {
		return tx.Feedback(c, func(f *storage.Feedback) error {
			all = append(all, fmt.Sprintf("%d:%s", f.Doc, f.Query))
			return nil
		})
	})
	return all
}

func (b *bench) judge(doc lode.DocNo, query string, keep int) {
	b.Helper()
	b.update(func(tx *storage.Tx) error {
		return tx.PutFeedback(1, &storage.Feedback{Doc: doc, Query: query, Span: lode.Span{Start: 1, End: 2}, Grade: 1, At: day}, keep)
	})
}

func TestFeedback(t *testing.T) {
	b := openReady(t)
	one, two := b.addDocument(1, "one", "one\n"), b.addDocument(1, "two", "two\n")
	for i, doc := range []lode.DocNo{one.No, two.No, one.No, two.No} {
		b.judge(doc, fmt.Sprint(i), 3)
	}
	want := []string{"2:1", "1:2", "2:3"} // the oldest went
	if got := b.judgements(1); !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	b.update(func(tx *storage.Tx) error { return tx.DropDocument(two) })
	b = b.reopen()
	b.judge(one.No, "4", 3)
	b.judge(one.No, "5", 3)
	if got, want := b.judgements(1), []string{"1:4", "1:5"}; !slices.Equal(got, want) { // 2 is 3 older than 5
		t.Errorf("after the deletion of a document: got %v, want %v", got, want)
	}
	var failed error
	_ = b.Update(b.next(), func(tx *storage.Tx) error {
		failed = tx.PutFeedback(1, &storage.Feedback{Doc: two.No}, 3)
		return errors.New("nothing of this")
	})
	if !lode.IsCode(failed, lode.CodeNotFound) {
		t.Errorf("a judgement of a document that is gone: %v", failed)
	}
}

// TestCheckFindsEvaluations is the negative control of what the checker says of sets and judgements.
func TestCheckFindsEvaluations(t *testing.T) {
	original := openReady(t)
	original.addDocument(1, "one", "one\n")
	original.putSet(1, "support", "content")
	original.judge(1, "q", 10)
	original.close()
	key := binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64(nil, 1), 1)
	const kindEvaluation, kindFeedback seal.Kind = 0x3C, 0x3D
	for want, do := range map[string]func(*testing.T, *bench){
		"stands in no order": func(t *testing.T, b *bench) { damage(t, b, "feedback order", key[:8], drop) },
		"which is not there": func(t *testing.T, b *bench) { damage(t, b, "feedback", key, drop) },
		"impossible span": func(t *testing.T, b *bench) {
			damage(t, b, "feedback", key, edit(kindFeedback, func(f *storage.Feedback) { f.Span.End = -1 }))
		},
		"has a number that was not given out": func(t *testing.T, b *bench) { damage(t, b, "counters", []byte("last feedback"), drop) },
		"is about document 1, which does not exist": func(t *testing.T, b *bench) {
			damage(t, b, "documents", key[:8], drop)
		},
		"where its name is not looked for": func(t *testing.T, b *bench) {
			damage(t, b, "evaluations", b.onlyKey("evaluations"), edit(kindEvaluation, func(e *storage.Evaluation) { e.Name = "other" }))
		},
		"its record says 8": func(t *testing.T, b *bench) {
			damage(t, b, "evaluations", b.onlyKey("evaluations"), edit(kindEvaluation, func(e *storage.Evaluation) { e.Size++ }))
		},
		"0 versions and evaluations": func(t *testing.T, b *bench) { damage(t, b, "evaluations", b.onlyKey("evaluations"), drop) },
	} {
		t.Run(want, func(t *testing.T) {
			b := openCopy(t, original.dir)
			do(t, b)
			if got := b.breaches(); !mentions(got, want) {
				t.Errorf("want %q among %v", want, got)
			}
		})
	}
}

func (b *bench) onlyKey(bucket string) []byte {
	b.Helper()
	key, err := b.OnlyKey(bucket)
	if err != nil {
		b.Fatal(err)
	}
	return key
}

// putSet and judge are steps of the model; what must hold of them is the checker's to say.
func (m *machine) putSet(t *rapid.T) {
	c := m.pick(t)
	name := rapid.SampledFrom([]string{"s", "t"}).Draw(t, "set")
	content := m.text(t)
	for _, b := range []*bench{m.one, m.two} {
		b.putSet(c, name, content)
	}
}

func (m *machine) dropSet(t *rapid.T) {
	c := m.pick(t)
	names := m.one.setNames(c)
	if len(names) == 0 {
		t.Skip("no set")
	}
	name := rapid.SampledFrom(names).Draw(t, "set")
	m.both(func(tx *storage.Tx) error { return tx.DropEvaluation(c, name) })
}

func (m *machine) judge(t *rapid.T) {
	c := m.pick(t)
	id := rapid.SampledFrom([]string{"x", "y", "z"}).Draw(t, "id")
	d := m.docs[c][id]
	if d == nil {
		t.Skip("no such document")
	}
	m.both(func(tx *storage.Tx) error {
		return tx.PutFeedback(c, &storage.Feedback{Doc: d.no, Query: id, At: day}, 2)
	})
}
