package collection_test

import (
	"slices"
	"testing"
	"time"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/collection"
)

// TestSubmitOutcomes walks one document through everything that a submission can mean.
func TestSubmitOutcomes(t *testing.T) {
	n := open(t)
	n.create("c")
	a := n.accepted("c", "d", "one\ntwo")
	a.Metadata = lode.Metadata{"year": lode.IntegerValue(2020)}
	submit := func(want lode.Outcome, version lode.Version, epoch uint32) lode.Receipt {
		t.Helper()
		r := n.submit(a)
		if r.Outcome != want || r.Version != version || r.Epoch != epoch || r.ID != "d" {
			t.Errorf("receipt %+v, want %s version %d epoch %d", r, want, version, epoch)
		}
		return r
	}
	first := submit(lode.OutcomeCreated, 1, 1)
	submit(lode.OutcomeUnchanged, 1, 1)
	a.Metadata = lode.Metadata{"year": lode.FloatValue(2020)} // equal to filters, not the same
	submit(lode.OutcomeMetadata, 1, 1)
	if err := n.finish(n.job("c", first), "one\ntwo"); err != nil {
		t.Fatal(err)
	}
	submit(lode.OutcomeUnchanged, 1, 1)
	a.URI = "file:elsewhere"
	submit(lode.OutcomeMetadata, 1, 1)
	a.Readers = []string{"b", "a", "b"}
	submit(lode.OutcomeMetadata, 1, 1)
	a.Readers = []string{"a", "b"} // the same set
	submit(lode.OutcomeUnchanged, 1, 1)
	a.MediaType = "text/markdown" // another parser makes another content
	submit(lode.OutcomeUpdated, 2, 1)
	b := n.accepted("c", "d", "three")
	a.Blob, a.Size = b.Blob, b.Size
	third := submit(lode.OutcomeUpdated, 3, 1)
	if got := n.texts(root, "c", lode.Filter{}); !slices.Equal(sorted(got), []string{"one", "two"}) {
		t.Errorf("while a version is pending, search shows %q", got)
	}
	failure := lode.Failure{Stage: lode.StageParse, Code: lode.CodeMalformed, Reason: "no \xff good"}
	if err := n.Fail(ctx, n.job("c", third), failure, nil); err != nil {
		t.Fatal(err)
	}
	fourth := submit(lode.OutcomeUpdated, 3, 2)
	if err := n.finish(n.job("c", fourth), "three"); err != nil {
		t.Fatal(err)
	}
	if got := n.texts(root, "c", lode.Filter{}); !slices.Equal(got, []string{"three"}) {
		t.Errorf("search shows %q", got)
	}
	_, v, err := n.Document(ctx, root, "c", lode.KindDocument, "d")
	if err != nil || v.Failure != nil || len(v.Runs) != 3 {
		t.Errorf("version %+v, %v", v, err)
	}
	if _, stats, _ := n.Collection(ctx, root, "c"); stats != (lode.CollectionStats{Documents: 1, Chunks: 1}) {
		t.Errorf("stats %+v", stats)
	}
}

func sorted(s []string) []string { return slices.Sorted(slices.Values(s)) }

// TestPendingIsSuperseded: a newer submission takes the place of one that is not done, and
// late work on the old one changes nothing.
func TestPendingIsSuperseded(t *testing.T) {
	n := open(t)
	n.create("c")
	old := n.submit(n.accepted("c", "d", "old"))
	oldJob := n.job("c", old)
	if _, err := n.StageSilver(ctx, oldJob, []byte("part")); err != nil {
		t.Fatal(err)
	}
	next := n.submit(n.accepted("c", "d", "new"))
	if next.Version != 2 || next.Outcome != lode.OutcomeUpdated {
		t.Fatalf("receipt %+v", next)
	}
	wantCode(t, n.finish(oldJob, "old"), lode.CodeSuperseded)
	wantCode(t, n.Fail(ctx, oldJob, lode.Failure{Stage: lode.StageParse, Code: lode.CodeInternal}, nil), lode.CodeSuperseded)
	_, err := n.Claim(ctx, oldJob)
	wantCode(t, err, lode.CodeSuperseded)
	_, _, _, err = n.Version(ctx, oldJob)
	wantCode(t, err, lode.CodeSuperseded)
	jobs, err := n.Jobs(ctx)
	if err != nil || !slices.Equal(jobs, []lode.Job{n.job("c", next)}) {
		t.Errorf("jobs %+v, %v", jobs, err)
	}
}

// TestClaimFences: after a claim the old epoch is refused everywhere and finds nothing
// staged.
func TestClaimFences(t *testing.T) {
	n := open(t)
	n.create("c")
	r := n.submit(n.accepted("c", "d", "text"))
	old := n.job("c", r)
	_, chunks := refine(old, "text")
	if err := n.StageChunks(ctx, old, chunks); err != nil {
		t.Fatal(err)
	}
	fresh, err := n.Claim(ctx, old)
	if err != nil || fresh.Epoch != 2 {
		t.Fatalf("claim: %+v, %v", fresh, err)
	}
	wantCode(t, n.finish(old, "text"), lode.CodeSuperseded)
	wantCode(t, n.StageChunks(ctx, old, chunks), lode.CodeSuperseded)
	wantCode(t, n.Complete(ctx, n.completion(old, "text", 1)), lode.CodeSuperseded)
	wantCode(t, n.Complete(ctx, n.completion(fresh, "text", 1)), lode.CodeInvalid) // nothing is staged
	if err := n.finish(fresh, "text"); err != nil {
		t.Fatal(err)
	}
	if err := n.Complete(ctx, n.completion(fresh, "text", 1)); err != nil {
		t.Errorf("the same completion again: %v", err)
	}
	wantCode(t, n.finish(fresh, "text"), lode.CodeSuperseded)
}

// TestCompleteNeedsEverything: a completion that does not describe what is staged changes
// nothing.
func TestCompleteNeedsEverything(t *testing.T) {
	n := open(t)
	n.create("c")
	const text = "one\ntwo\nthree"
	j := n.job("c", n.submit(n.accepted("c", "d", text)))
	silver, _ := refine(j, text)
	good := n.completion(j, text, 1)
	wantCode(t, n.Complete(ctx, good), lode.CodeInvalid) // no silver
	data := encode(t, silver)
	if _, err := n.StageSilver(ctx, j, data[:len(data)-1]); err != nil {
		t.Fatal(err)
	}
	wantCode(t, n.Complete(ctx, good), lode.CodeInvalid) // half of it
	if _, err := n.StageSilver(ctx, j, data); !lode.IsCode(err, lode.CodeConflict) {
		t.Errorf("other silver in the same epoch: %v", err)
	}
	j, err := n.Claim(ctx, j)
	if err != nil {
		t.Fatal(err)
	}
	_, chunks := refine(j, text)
	good = n.completion(j, text, 1)
	for range 2 { // the same again changes nothing
		if _, err := n.StageSilver(ctx, j, data); err != nil {
			t.Fatal(err)
		}
	}
	wantCode(t, n.Complete(ctx, good), lode.CodeInvalid) // no chunks
	if err := n.StageChunks(ctx, j, []lode.StagedChunk{chunks[0], chunks[2]}); err != nil {
		t.Fatal(err)
	}
	gap := good
	gap.Chunks = 2
	wantCode(t, n.Complete(ctx, gap), lode.CodeInvalid)
	if err := n.StageChunks(ctx, j, chunks[1:2]); err != nil {
		t.Fatal(err)
	}
	for _, spoil := range []func(*lode.Completion){
		func(c *lode.Completion) { c.Chunks = 2 },
		func(c *lode.Completion) { c.Chunks = -1 },
		func(c *lode.Completion) { c.Gold[0]++ },
		func(c *lode.Completion) { c.Silver[0]++ },
	} {
		c := good
		spoil(&c)
		wantCode(t, n.Complete(ctx, c), lode.CodeInvalid)
	}
	if got := n.texts(root, "c", lode.Filter{}); len(got) != 0 {
		t.Errorf("search shows %q before the commit", got)
	}
	for i := range chunks {
		_, err := n.Chunk(ctx, root, "c", chunks[i].Chunk.ID, time.Time{})
		wantCode(t, err, lode.CodeNotFound)
	}
	if err := n.Complete(ctx, good); err != nil {
		t.Fatal(err)
	}
	if got := n.texts(root, "c", lode.Filter{}); len(got) != 3 {
		t.Errorf("search shows %q", got)
	}
}

// TestQuarantine: a failed version is listed, keeps its bytes and can be tried again.
func TestQuarantine(t *testing.T) {
	var events []string
	n := open(t, func(o *collection.Options) {
		o.Events = collection.Events{
			JobAdded:    func(lode.Job) { events = append(events, "job") },
			Committed:   func(lode.Document, lode.DocVersion) { events = append(events, "committed") },
			Quarantined: func(lode.Document, lode.DocVersion) { events = append(events, "quarantined") },
			Deleted:     func(lode.Document) { events = append(events, "deleted") },
			Dropped:     func(lode.Collection) { events = append(events, "dropped") },
		}
	})
	n.create("c")
	n.ingest("c", "good", "fine")
	a := n.accepted("c", "bad", "broken")
	j := n.job("c", n.submit(a))
	failure := lode.Failure{Stage: lode.StageEmbed, Code: lode.CodeProvider, Reason: "provider is away"}
	if err := n.Fail(ctx, j, failure, []lode.Run{{Stage: lode.StageParse}}); err != nil {
		t.Fatal(err)
	}
	page, next, err := n.Documents(ctx, root, "c", collection.DocumentsQuery{State: lode.StateQuarantined})
	if err != nil || next != 0 || len(page) != 1 || page[0].Document.ID != "bad" {
		t.Fatalf("quarantine: %+v, %d, %v", page, next, err)
	}
	v := page[0].Version
	if v.Failure == nil || v.Failure.Reason != failure.Reason || v.Blob != a.Blob || len(v.Runs) != 2 {
		t.Errorf("version %+v", v)
	}
	if jobs, _ := n.Jobs(ctx); len(jobs) != 0 {
		t.Errorf("jobs %+v", jobs)
	}
	_, err = n.Retry(ctx, root, "c", "good")
	wantCode(t, err, lode.CodeConflict)
	_, err = n.Retry(ctx, root, "c", "none")
	wantCode(t, err, lode.CodeNotFound)
	again, err := n.Retry(ctx, root, "c", "bad")
	if err != nil || again.Epoch != 2 {
		t.Fatalf("retry: %+v, %v", again, err)
	}
	if err := n.finish(again, "broken"); err != nil {
		t.Fatal(err)
	}
	if errs, err := n.DeleteDocuments(ctx, root, "c", lode.KindDocument, []lode.DocID{"bad", "none"}); err != nil || errs[0] != nil {
		t.Errorf("delete: %v, %v", errs, err)
	}
	if err := n.DeleteCollection(ctx, root, "c"); err != nil {
		t.Fatal(err)
	}
	want := []string{"job", "committed", "job", "quarantined", "job", "committed", "deleted", "dropped"}
	if !slices.Equal(events, want) {
		t.Errorf("events %q, want %q", events, want)
	}
}

// TestResubmitNarrowsAtOnce: readers of a newer version bind the older one that is still
// shown, and wider ones wait for their own content.
func TestResubmitNarrowsAtOnce(t *testing.T) {
	n := open(t)
	n.create("c")
	ann, bob := lode.Principal{ID: "ann", Labels: []string{"a"}}, lode.Principal{ID: "bob", Labels: []string{"b"}}
	sees := func(p lode.Principal, want ...string) {
		t.Helper()
		if got := n.texts(p, "c", lode.Filter{}); !slices.Equal(got, want) {
			t.Errorf("%s sees %q, want %q", p.ID, got, want)
		}
	}
	a := n.accepted("c", "d", "secret")
	a.Readers = []string{"a"}
	a.Metadata = lode.Metadata{"v": lode.IntegerValue(1)}
	if err := n.finish(n.job("c", n.submit(a)), "secret"); err != nil {
		t.Fatal(err)
	}
	sees(ann, "secret")
	sees(bob)
	b := n.accepted("c", "d", "published")
	b.Readers = nil
	b.Metadata = lode.Metadata{"v": lode.IntegerValue(2)}
	r := n.submit(b)
	sees(bob) // not the secret under the new readers
	b.Readers = []string{"b"}
	if got := n.submit(b).Outcome; got != lode.OutcomeMetadata {
		t.Errorf("outcome %s", got)
	}
	sees(ann)
	sees(bob)
	n.restart()
	sees(ann)
	sees(bob)
	if got := n.texts(root, "c", lode.WhereEq("v", lode.IntegerValue(1))); len(got) != 1 {
		t.Errorf("the shown version has lost its metadata: %q", got)
	}
	if err := n.finish(n.job("c", r), "published"); err != nil {
		t.Fatal(err)
	}
	sees(ann)
	sees(bob, "published")
	if got := n.texts(root, "c", lode.WhereEq("v", lode.IntegerValue(2))); len(got) != 1 {
		t.Errorf("the committed version lacks its metadata: %q", got)
	}
}
