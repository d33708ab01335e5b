package collection_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/collection"
)

func eq(field, value string) lode.Filter { return lode.WhereEq(field, lode.StringValue(value)) }

func (n *node) patch(w lode.Write, s collection.Selection, p lode.Patch) collection.Selected {
	n.t.Helper()
	got, err := n.Patch(ctx, root, w, "c", s, p)
	if err != nil {
		n.t.Fatal(err)
	}
	return got
}

func (n *node) point(id, tenant string, readers ...string) {
	n.t.Helper()
	p := lode.Point{ID: lode.DocID(id), Vector: vectorOf(id), Text: id, Metadata: lode.Metadata{"tenant": lode.StringValue(tenant)}, Readers: readers}
	if errs, err := n.PutPoints(ctx, root, "c", []lode.Point{p}); err != nil || errs[0] != nil {
		n.t.Fatal(err, errs)
	}
}

// sees is what a principal finds, by words and by vector, which must be the same.
func (n *node) sees(p lode.Principal, f lode.Filter) string {
	n.t.Helper()
	texts := slices.Sorted(slices.Values(n.texts(p, "c", f)))
	found, err := n.view(p, "c").Dense(ctx, vectorOf("x"), 1000, f)
	if err != nil {
		n.t.Fatal(err)
	}
	if len(found) != len(texts) {
		n.t.Errorf("%d rows are found by vector, %d by words", len(found), len(texts))
	}
	return strings.Join(texts, " ")
}

// TestPatch: metadata and readers change by id and by filter, at once, in growing and in sealed
// segments, past restarts and on other nodes, and versions stay.
func TestPatch(t *testing.T) {
	n := open(t, withGraphs(new(testGraphs)))
	n.create("c")
	for i := range 6 {
		n.point(fmt.Sprint("p", i), []string{"a", "b"}[i%2], "all")
	}
	n.seal("c")
	n.buildGraphs(1)
	n.point("p6", "a", "all")
	n.ingest("c", "doc", "doc")
	all := lode.Principal{ID: "all", Labels: []string{"all"}}
	boss := lode.Principal{ID: "boss", Labels: []string{"boss"}}

	tenantA := collection.Selection{Kind: lode.KindVector, Filter: eq("tenant", "a")}
	got := n.patch(lode.Write{}, tenantA, lode.Patch{Readers: &[]string{"boss"}})
	if got.Matched != 4 || got.Changed != 4 || got.Errs != nil {
		t.Errorf("by filter: %+v", got)
	}
	if s, b := n.sees(all, lode.Filter{}), n.sees(boss, lode.Filter{}); s != "doc p1 p3 p5" || b != "doc p0 p2 p4 p6" {
		t.Errorf("all sees %q, boss %q", s, b)
	}
	if again := n.patch(lode.Write{}, tenantA, lode.Patch{Readers: &[]string{"boss"}}); again.Matched != 4 || again.Changed != 0 {
		t.Errorf("the same again: %+v", again)
	}
	got = n.patch(lode.Write{}, collection.Selection{Kind: lode.KindVector, IDs: []lode.DocID{"p0", "p1", "none"}}, lode.Patch{Set: lode.Metadata{"tenant": lode.StringValue("c")}})
	if got.Matched != 2 || got.Changed != 2 || len(got.Errs) != 3 || got.Errs[0] != nil || !lode.IsCode(got.Errs[2], lode.CodeNotFound) {
		t.Errorf("by id: %+v", got)
	}
	got = n.patch(lode.Write{}, collection.Selection{Kind: lode.KindVector, IDs: []lode.DocID{"p0", "p2"}, Filter: eq("tenant", "c")}, lode.Patch{Delete: []string{"tenant"}})
	if got.Matched != 1 || got.Changed != 1 {
		t.Errorf("by id and filter: %+v", got)
	}
	got, err := n.Patch(ctx, all, lode.Write{}, "c", collection.Selection{Kind: lode.KindVector, IDs: []lode.DocID{"p2"}}, lode.Patch{AddReaders: []string{"all"}})
	if err != nil || got.Matched != 0 || !lode.IsCode(got.Errs[0], lode.CodeNotFound) {
		t.Errorf("what may not be seen: %+v, %v", got, err)
	}
	other := replay(t, n.log.all(), 3)
	copyBlobs(t, n, other)
	n.restart()
	for _, m := range []*node{n, other} {
		if c, a := m.sees(root, eq("tenant", "c")), m.sees(root, eq("tenant", "a")); c != "p1" || a != "p2 p4 p6" {
			t.Errorf("tenant c has %q, a has %q", c, a)
		}
		if p, err := m.Point(ctx, root, "c", "p0"); err != nil || p.Version != 1 || len(p.Metadata) != 0 {
			t.Errorf("p0 is %+v, %v", p, err)
		}
	}
}

// TestPatchWaiting: a patch of a document whose newest version is not ready changes what was said
// with that one, narrows at once, and does not widen before the commit.
func TestPatchWaiting(t *testing.T) {
	n := open(t)
	n.create("c")
	n.ingest("c", "doc", "old")
	job := n.job("c", n.submit(n.accepted("c", "doc", "new")))
	n.patch(lode.Write{}, collection.Selection{Kind: lode.KindDocument, IDs: []lode.DocID{"doc"}}, lode.Patch{Readers: &[]string{"boss"}})
	other, boss := lode.Principal{ID: "o", Labels: []string{"o"}}, lode.Principal{ID: "b", Labels: []string{"boss"}}
	if o, b := n.sees(other, lode.Filter{}), n.sees(boss, lode.Filter{}); o != "" || b != "old" {
		t.Errorf("before the commit: %q and %q", o, b)
	}
	if err := n.finish(job, "new"); err != nil {
		t.Fatal(err)
	}
	if o, b := n.sees(other, lode.Filter{}), n.sees(boss, lode.Filter{}); o != "" || b != "new" {
		t.Errorf("after the commit: %q and %q", o, b)
	}
}

// TestSelectedByFilter: documents that no search shows are selected too.
func TestSelectedByFilter(t *testing.T) {
	n := open(t)
	n.create("c")
	n.ingest("c", "ready", "ready")
	pending := n.submit(n.accepted("c", "pending", "pending"))
	failed := n.job("c", n.submit(n.accepted("c", "failed", "failed")))
	if err := n.Fail(ctx, failed, lode.Failure{Stage: lode.StageParse, Code: lode.CodeInvalid, Reason: "x"}, nil); err != nil {
		t.Fatal(err)
	}
	n.point("p", "a")
	empty := n.job("c", n.submit(n.accepted("c", "empty", "empty")))
	everything := collection.Selection{Kind: lode.KindDocument, Filter: lode.And()}
	patch := lode.Patch{Set: lode.Metadata{"k": lode.BoolValue(true)}}
	if got := n.patch(lode.Write{}, everything, patch); got.Matched != 4 || got.Changed != 4 {
		t.Errorf("patched %+v", got)
	}
	silver, _ := refine(empty, "text")
	parts, err := n.StageSilver(ctx, empty, encode(t, silver))
	if err != nil {
		t.Fatal(err)
	}
	none := n.completion(empty, "text", parts) // ready, and nothing to be searched
	none.Chunks, none.Gold = 0, lode.GoldHash(nil)
	if err := n.Complete(ctx, none); err != nil {
		t.Fatal(err)
	}
	if got := n.patch(lode.Write{}, everything, patch); got.Matched != 4 || got.Changed != 0 {
		t.Errorf("patched again %+v", got)
	}
	got, err := n.DeleteSelected(ctx, root, lode.Write{}, "c", collection.Selection{Kind: lode.KindDocument, Filter: lode.WhereEq("k", lode.BoolValue(true))})
	if err != nil || got.Changed != 4 {
		t.Errorf("deleted %+v, %v", got, err)
	}
	if s := n.sees(root, lode.Filter{}); s != "p" {
		t.Errorf("left: %q", s)
	}
	_, _, err = n.Document(ctx, root, "c", lode.KindDocument, pending.ID)
	wantCode(t, err, lode.CodeNotFound)
}

// TestSelectedOnce: a write with a key takes effect once, also when it needs several commands.
func TestSelectedOnce(t *testing.T) {
	n := open(t)
	n.create("c")
	var ids []lode.DocID
	for i := range 600 {
		ids = append(ids, lode.DocID(fmt.Sprint("p", i)))
	}
	n.point("p0", "a", "boss")
	n.point("p599", "b", "boss")
	key := lode.Write{Key: "k", Request: lode.Hash{1}}
	s := collection.Selection{Kind: lode.KindVector, IDs: ids}
	first := n.patch(key, s, lode.Patch{AddReaders: []string{"x"}})
	if first.Changed != 2 || len(first.Errs) != 600 || first.Errs[599] != nil || first.Errs[1] == nil {
		t.Fatalf("%+v", first)
	}
	n.patch(lode.Write{}, s, lode.Patch{RemoveReaders: []string{"x"}})
	n.restart()
	if again := n.patch(key, s, lode.Patch{AddReaders: []string{"x"}}); again.Changed != 2 || len(again.Errs) != 600 || again.Errs[599] != nil {
		t.Errorf("the answer to the repetition: %+v", again)
	}
	if p, err := n.Point(ctx, root, "c", "p0"); err != nil || slices.Contains(p.Readers, "x") {
		t.Errorf("it took effect again: %v, %v", p.Readers, err)
	}
	one := collection.Selection{Kind: lode.KindVector, Filter: eq("tenant", "b")}
	key.Key = "other"
	for range 2 {
		got, err := n.DeleteSelected(ctx, root, key, "c", one)
		if err != nil || got.Changed != 1 {
			t.Errorf("%+v, %v", got, err)
		}
	}
}

// TestBadSelections: what cannot be selected, or patched, is refused.
func TestBadSelections(t *testing.T) {
	n := open(t)
	n.create("c")
	set := lode.Patch{Set: lode.Metadata{"a": lode.IntegerValue(1)}}
	ids := collection.Selection{Kind: lode.KindVector, IDs: []lode.DocID{"a"}}
	for name, c := range map[string]struct {
		s     collection.Selection
		p     lode.Patch
		field string
	}{
		"nothing selected": {collection.Selection{Kind: lode.KindVector}, set, "filter"},
		"no kind":          {collection.Selection{IDs: []lode.DocID{"a"}}, set, "kind"},
		"bad id":           {collection.Selection{Kind: lode.KindVector, IDs: []lode.DocID{"a", ""}}, set, "ids[1]"},
		"many ids":         {collection.Selection{Kind: lode.KindVector, IDs: make([]lode.DocID, collection.MaxSelectedIDs+1)}, set, "ids"},
		"no change":        {ids, lode.Patch{}, "patch"},
	} {
		_, err := n.Patch(ctx, root, lode.Write{}, "c", c.s, c.p)
		wantCode(t, err, lode.CodeInvalid)
		if e, ok := err.(*lode.Error); ok && !strings.HasPrefix(e.Field, c.field) {
			t.Errorf("%s: field %q, want %q", name, e.Field, c.field)
		}
	}
	_, err := n.Patch(ctx, root, lode.Write{}, "none", ids, set)
	wantCode(t, err, lode.CodeNotFound)
}

// TestExpiry: what has expired is found no more, whether it was removed or not, then it is
// removed, and the log decides what is.
func TestExpiry(t *testing.T) {
	n := open(t, withGraphs(new(testGraphs)))
	n.create("c")
	soon := n.now.Add(time.Hour)
	for i := range 4 {
		p := lode.Point{ID: lode.DocID(fmt.Sprint("p", i)), Vector: vectorOf(fmt.Sprint(i)), Text: fmt.Sprint("p", i)}
		if i%2 == 0 {
			p.ExpiresAt = &soon
		}
		if errs, err := n.PutPoints(ctx, root, "c", []lode.Point{p}); err != nil || errs[0] != nil {
			t.Fatal(err, errs)
		}
		if i == 1 {
			n.seal("c")
			n.buildGraphs(1)
		}
	}
	view := n.view(root, "c") // of before
	expect := func(want string) {
		t.Helper()
		if got := n.sees(root, lode.Filter{}); got != want {
			t.Errorf("sees %q, want %q", got, want)
		}
	}
	expect("p0 p1 p2 p3")
	n.clock.Lock()
	n.now = soon
	n.clock.Unlock()
	expect("p1 p3")
	if found, err := view.Dense(ctx, vectorOf("0"), 10, lode.Filter{}); err != nil || len(found) != 4 {
		t.Errorf("a view from before finds %d, %v", len(found), err)
	}
	never := lode.Patch{ExpiresAt: &lode.Expiry{}}
	n.patch(lode.Write{}, collection.Selection{Kind: lode.KindVector, IDs: []lode.DocID{"p2"}}, never)
	expect("p1 p2 p3")
	if removed, err := n.ExpireDue(ctx); err != nil || removed != 1 {
		t.Errorf("removed %d, %v", removed, err)
	}
	if removed, err := n.ExpireDue(ctx); err != nil || removed != 0 {
		t.Errorf("removed %d again, %v", removed, err)
	}
	expect("p1 p2 p3")
	_, err := n.Point(ctx, root, "c", "p0")
	wantCode(t, err, lode.CodeNotFound)
}
