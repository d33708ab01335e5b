package collection_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/collection"
)

// putSet stores a set whose blob is durable.
func (n *node) putSet(p lode.Principal, coll, name, lines string) error {
	n.t.Helper()
	h, release, err := n.store.Blobs().Put(ctx, []byte(lines))
	if err != nil {
		n.t.Fatal(err)
	}
	defer release()
	_, err = n.PutEvaluation(ctx, p, lode.Write{}, coll, collection.EvaluationSet{Name: name, Blob: h, Size: int64(len(lines)), Hash: h, Questions: 1, Spans: 1})
	return err
}

func (n *node) judge(p lode.Principal, f collection.Feedback) (collection.Feedback, error) {
	return n.Judge(ctx, p, lode.Write{}, "c", f)
}

// feedback lists what is kept, as one line each.
func (n *node) feedback() (all []string) {
	n.t.Helper()
	err := n.EachFeedback(ctx, root, "c", func(f collection.Feedback) error {
		all = append(all, fmt.Sprintf("%s %s %d-%d %d", f.Query, f.Document, f.Span.Start, f.Span.End, f.Grade))
		return nil
	})
	if err != nil {
		n.t.Fatal(err)
	}
	return all
}

func TestEvaluationSets(t *testing.T) {
	n := open(t)
	n.create("c")
	if err := n.putSet(root, "c", "support", "one"); err != nil {
		t.Fatal(err)
	}
	if err := n.putSet(root, "c", "support", "two"); err != nil {
		t.Fatal(err)
	}
	n.restart()
	sets, err := n.Evaluations(root, "c")
	if err != nil || len(sets) != 1 || sets[0].Size != 3 || sets[0].At.IsZero() {
		t.Fatalf("%+v, %v", sets, err)
	}
	some := lode.Principal{ID: "p", Labels: []string{"a"}}
	wantCode(t, n.putSet(some, "c", "x", "x"), lode.CodeUnauthorized)
	_, err = n.Evaluation(some, "c", "support")
	wantCode(t, err, lode.CodeUnauthorized)
	wantCode(t, n.putSet(root, "c", "No Name", "x"), lode.CodeInvalid)
	wantCode(t, n.DeleteEvaluation(ctx, root, lode.Write{}, "c", "none"), lode.CodeNotFound)
	w := lode.Write{Key: "once", Request: lode.HashOf(nil)}
	for range 2 { // the second is answered as the first
		if err := n.DeleteEvaluation(ctx, root, w, "c", "support"); err != nil {
			t.Fatal(err)
		}
	}
	_, err = n.Evaluation(root, "c", "support")
	wantCode(t, err, lode.CodeNotFound)
	for i := range collection.MaxEvaluations {
		if err := n.putSet(root, "c", fmt.Sprint(i), "x"); err != nil {
			t.Fatal(err)
		}
	}
	before := n.hash()
	wantCode(t, n.putSet(root, "c", "more", "x"), lode.CodeTooLarge)
	if n.hash() != before {
		t.Error("a refusal left a trace")
	}
	if err := n.putSet(root, "c", "7", "y"); err != nil {
		t.Errorf("a set that replaces another: %v", err)
	}
}

func TestFeedback(t *testing.T) {
	n := open(t)
	n.create("c")
	n.ingest("c", "a", "one\ntwo")
	secret := n.accepted("c", "secret", "three")
	secret.Readers = []string{"boss"}
	if err := n.finish(n.job("c", n.submit(secret)), "three"); err != nil {
		t.Fatal(err)
	}
	first := lode.ChunkID{Doc: 1, Version: 1, Ordinal: 1}
	got, err := n.judge(root, collection.Feedback{Query: "q1", Chunk: first, Grade: 2})
	if err != nil || got.Document != "a" || got.Bronze != lode.HashOf([]byte("one\ntwo")) || got.Span.Len() == 0 {
		t.Fatalf("%+v, %v", got, err)
	}
	if _, err := n.judge(root, collection.Feedback{Query: "q2", Document: "a", Span: lode.Span{Start: 0, End: 3}}); err != nil {
		t.Fatal(err)
	}
	// Who may not see a document may not judge it, and does not learn that it is there.
	some := lode.Principal{ID: "p", Labels: []string{"a"}}
	_, err = n.judge(some, collection.Feedback{Query: "q", Document: "secret", Span: lode.Span{Start: 0, End: 3}})
	wantCode(t, err, lode.CodeNotFound)
	_, err = n.judge(some, collection.Feedback{Query: "q", Chunk: lode.ChunkID{Doc: 2, Version: 1}})
	wantCode(t, err, lode.CodeNotFound)
	if _, err := n.judge(some, collection.Feedback{Query: "q3", Chunk: first, Grade: 1}); err != nil {
		t.Fatal(err)
	}
	if err := n.EachFeedback(ctx, some, "c", func(collection.Feedback) error { return nil }); !lode.IsCode(err, lode.CodeUnauthorized) {
		t.Errorf("somebody reads what others asked: %v", err)
	}
	for name, f := range map[string]collection.Feedback{
		"no question":      {Chunk: first},
		"a blank question": {Chunk: first, Query: " \t"},
		"a long question":  {Chunk: first, Query: strings.Repeat("q", collection.MaxFeedbackQueryBytes+1)},
		"a long answer":    {Chunk: first, Query: "q", Answer: strings.Repeat("q", collection.MaxFeedbackBytes+1)},
		"a grade":          {Chunk: first, Query: "q", Grade: -1},
		"span behind text": {Query: "q", Document: "a", Span: lode.Span{Start: 0, End: 300}},
		"an empty span":    {Query: "q", Document: "a"},
	} {
		if _, err := n.judge(root, f); !lode.IsCode(err, lode.CodeInvalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
	_, err = n.judge(root, collection.Feedback{Query: "q", Document: "a", Span: lode.Span{Start: 0, End: 3}, Bronze: lode.HashOf(nil)})
	wantCode(t, err, lode.CodePrecondition)
	span := fmt.Sprintf("%d-%d", got.Span.Start, got.Span.End)
	if got, want := n.feedback(), []string{"q1 a " + span + " 2", "q2 a 0-3 0", "q3 a " + span + " 1"}; !slices.Equal(got, want) {
		t.Errorf("kept %q, want %q", got, want)
	}
	// Another version leaves judgements alone: they name the bytes that were judged. The end of the
	// document takes them along.
	n.ingest("c", "a", "other text")
	if len(n.feedback()) != 3 {
		t.Errorf("after another version: %q", n.feedback())
	}
	if _, err := n.DeleteDocuments(ctx, root, "c", lode.KindDocument, []lode.DocID{"a"}); err != nil {
		t.Fatal(err)
	}
	n.restart()
	if got := n.feedback(); len(got) != 0 {
		t.Errorf("after the deletion: %q", got)
	}
}

// TestEvaluationReplay: sets and judgements come out of the log in any batches, and out of a snapshot.
func TestEvaluationReplay(t *testing.T) {
	n := open(t)
	n.create("c")
	n.ingest("c", "a", "one\ntwo")
	for i := range 6 {
		if err := n.putSet(root, "c", fmt.Sprint(i%2), fmt.Sprint(i)); err != nil {
			t.Fatal(err)
		}
		if _, err := n.judge(root, collection.Feedback{Query: fmt.Sprint(i), Chunk: lode.ChunkID{Doc: 1, Version: 1}}); err != nil {
			t.Fatal(err)
		}
	}
	if err := n.DeleteEvaluation(ctx, root, lode.Write{}, "c", "1"); err != nil {
		t.Fatal(err)
	}
	entries := n.log.all()
	for _, batch := range []int{1, 3, len(entries)} {
		m := replay(t, entries, batch)
		copyBlobs(t, n, m)
		for i := range 6 {
			_, release, err := m.store.Blobs().Put(ctx, []byte(fmt.Sprint(i)))
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(release)
		}
		if m.hash() != n.hash() || !slices.Equal(m.feedback(), n.feedback()) {
			t.Errorf("replay in batches of %d gives another state", batch)
		}
	}
}
