package collection_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/collection"
	"github.com/lodedb/lode/storage"
)

// keep gives collection c a history.
func (n *node) keep(history time.Duration) {
	n.t.Helper()
	period := lode.Period(history)
	if _, err := n.Tune(ctx, root, lode.Write{}, "c", lode.TuningChange{History: &period}); err != nil {
		n.t.Fatal(err)
	}
}

// saw is what a principal finds in c as of a time.
func (n *node) saw(p lode.Principal, at time.Time) string {
	n.t.Helper()
	v, err := n.ViewAsOf(ctx, p, "c", at)
	if err != nil {
		n.t.Fatal(err)
	}
	texts := n.textsOf(v, lode.Filter{})
	slices.Sort(texts)
	return strings.Join(texts, " ")
}

func (n *node) delete(kind lode.Kind, id lode.DocID) {
	n.t.Helper()
	if errs, err := n.DeleteDocuments(ctx, root, "c", kind, []lode.DocID{id}); err != nil || errs[0] != nil {
		n.t.Fatal(errs, err)
	}
}

// TestHistory: what was shown is found as of its time, past seals, merges and restarts, and goes
// with all of its room when it is pruned.
func TestHistory(t *testing.T) {
	n := open(t, withGraphs(&testGraphs{}))
	n.create("c")
	n.ingest("c", "before", "before")
	n.keep(time.Hour)
	none := n.tick()
	n.ingest("c", "d", "one\ntwo")
	n.point("p", "a")
	first := n.tick()
	n.ingest("c", "d", "three")
	n.patch(lode.Write{}, collection.Selection{Kind: lode.KindVector, IDs: []lode.DocID{"p"}}, lode.Patch{Set: lode.Metadata{"tenant": lode.StringValue("b")}})
	second := n.tick()
	n.delete(lode.KindDocument, "d")
	n.delete(lode.KindDocument, "before")
	third := n.tick()
	look := func(step string) {
		t.Helper()
		for _, c := range []struct {
			at   time.Time
			want string
		}{{none, "before"}, {first, "before one p two"}, {second, "before p three"}, {third, "p"}} {
			if got := n.saw(root, c.at); got != c.want {
				t.Errorf("%s: as of %s %q was shown, want %q", step, c.at, got, c.want)
			}
		}
		for at, want := range map[time.Time]int{first: 1, second: 0} {
			v, err := n.ViewAsOf(ctx, root, "c", at)
			if err != nil {
				t.Fatal(err)
			}
			if counted, err := v.Count(ctx, eq("tenant", "a")); err != nil || counted.Documents != want {
				t.Errorf("%s: as of %s %+v are of tenant a, want %d: %v", step, at, counted, want, err)
			}
			if words, err := v.Lexical(ctx, "two", 5, lode.Filter{}); err != nil || len(words) != want {
				t.Errorf("%s: as of %s %v by words, want %d: %v", step, at, words, want, err)
			}
		}
		n.check()
	}
	old := lode.ChunkID{Doc: 2, Version: 1, Ordinal: 1}
	if row, err := n.Chunk(ctx, root, "c", old, first); err != nil || row.Chunk.Text != "two" {
		t.Errorf("chunk %+v: %v", row, err)
	} else if silver, err := n.VersionSilver(ctx, row.Document.Collection, row.Version); err != nil || silver.Text != "one\ntwo" {
		t.Errorf("silver %+v: %v", silver, err)
	}
	for _, id := range []lode.ChunkID{{Doc: 2, Version: 2}, {Doc: 2, Version: 1, Ordinal: 2}, {Doc: 9, Version: 1}} {
		_, err := n.Chunk(ctx, root, "c", id, first)
		wantCode(t, err, lode.CodeNotFound)
	}
	_, err := n.Chunk(ctx, root, "c", old, time.Time{})
	wantCode(t, err, lode.CodeNotFound)
	look("written")
	n.seal("c")
	look("sealed")
	n.buildGraphs(1)
	look("with a graph")
	n.restart()
	look("restarted")
	n.crash()
	look("crashed")

	n.clock.Lock()
	n.now = n.now.Add(2 * time.Hour)
	n.clock.Unlock()
	if pruned, err := n.PruneHistory(ctx); err != nil || pruned != 4 {
		t.Errorf("%d pruned, want 4: %v", pruned, err)
	}
	if again, err := n.PruneHistory(ctx); err != nil || again != 0 {
		t.Errorf("%d pruned again: %v", again, err)
	}
	if got := n.sees(root, lode.Filter{}); got != "p" {
		t.Errorf("%q is shown, want p", got)
	}
	all, err := n.Segments(ctx, root, "c")
	if err != nil || len(all) != 1 || all[0].Rows != 1 || all[0].FileRows != 5 {
		t.Errorf("segments %+v: %v", all, err)
	}
	for _, text := range []string{"before", "one\ntwo", "three"} {
		err := n.store.View(func(tx *storage.Tx) error {
			refs, err := tx.BlobRefs(lode.HashOf([]byte(text)))
			if refs != 0 {
				t.Errorf("%q has %d references", text, refs)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	_, err = n.ViewAsOf(ctx, root, "c", second)
	wantCode(t, err, lode.CodeInvalid)
}

// TestHistoryOfOneCommand: what a command makes and takes away again was never shown.
func TestHistoryOfOneCommand(t *testing.T) {
	n := open(t)
	n.create("c")
	n.keep(time.Hour)
	put := func(points ...lode.Point) {
		t.Helper()
		for i := range points {
			points[i].ID = "p"
			points[i].Vector = vectorOf(points[i].Text)
		}
		if errs, err := n.PutPoints(ctx, root, "c", points); err != nil || errors.Join(errs...) != nil {
			t.Fatal(errs, err)
		}
	}
	said := lode.Metadata{"x": lode.IntegerValue(1)}
	put(lode.Point{Text: "one"}, lode.Point{Text: "two"})
	first := n.tick()
	put(lode.Point{Text: "two", Metadata: said}, lode.Point{Text: "three"}, lode.Point{Text: "four"})
	second := n.tick()
	put(lode.Point{Text: "four", Metadata: said}, lode.Point{Text: "four"}, lode.Point{Text: "five"})
	n.delete(lode.KindVector, "p")
	third := n.tick()
	for at, want := range map[time.Time]string{first: "two", second: "four", third: ""} {
		if got := n.saw(root, at); got != want {
			t.Errorf("as of %s %q was shown, want %q", at, got, want)
		}
	}
	n.check()
	n.keep(0)
	if _, err := n.PruneHistory(ctx); err != nil {
		t.Fatal(err)
	}
	if all, err := n.Segments(ctx, root, "c"); err != nil || len(all) > 1 || len(all) == 1 && all[0].Members != 0 {
		t.Errorf("segments %+v: %v", all, err)
	}
}

// TestHistoryAccess: of the past is shown what one might see then and may see now.
func TestHistoryAccess(t *testing.T) {
	n := open(t)
	n.create("c")
	n.keep(time.Hour)
	a, b := lode.Principal{ID: "a", Labels: []string{"a"}}, lode.Principal{ID: "b", Labels: []string{"b"}}
	ab := lode.Principal{ID: "ab", Labels: []string{"a", "b"}}
	for _, id := range []string{"narrowed", "deleted"} {
		n.point(id, "x", "a", "b")
	}
	n.point("secret", "x", "a")
	n.point("all", "x")
	at := n.tick()
	want := func(step, toA, toB, toAB string) {
		t.Helper()
		if gotA, gotB, gotAB := n.saw(a, at), n.saw(b, at), n.saw(ab, at); gotA != toA || gotB != toB || gotAB != toAB {
			t.Errorf("%s: a saw %q, b %q, both %q; want %q, %q, %q", step, gotA, gotB, gotAB, toA, toB, toAB)
		}
	}
	secret := func(who lode.Principal) error {
		_, err := n.Chunk(ctx, who, "c", lode.ChunkID{Doc: 3, Version: 1}, at)
		return err
	}
	if err := secret(a); err != nil {
		t.Error(err)
	}
	wantCode(t, secret(b), lode.CodeNotFound)
	want("as it was", "all deleted narrowed secret", "all deleted narrowed", "all deleted narrowed secret")
	readers := func(id string, labels ...string) {
		labels = append([]string{}, labels...)
		n.patch(lode.Write{}, collection.Selection{Kind: lode.KindVector, IDs: []lode.DocID{lode.DocID(id)}}, lode.Patch{Readers: &labels})
	}
	readers("narrowed", "a")
	want("revoked", "all deleted narrowed secret", "all deleted", "all deleted narrowed secret")
	readers("secret")
	wantCode(t, secret(b), lode.CodeNotFound)
	want("opened since", "all deleted narrowed secret", "all deleted", "all deleted narrowed secret")
	readers("deleted", "b")
	n.delete(lode.KindVector, "deleted")
	want("revoked before it was deleted", "all narrowed secret", "all deleted", "all deleted narrowed secret")
	n.delete(lode.KindVector, "narrowed")
	n.restart()
	want("restarted", "all narrowed secret", "all deleted", "all deleted narrowed secret")

	// A version that waits restricts too. Of two sets that both name readers one must be in both.
	n.ingest("c", "d", "doc")
	at = n.tick()
	waiting := n.accepted("c", "d", "another")
	waiting.Readers = []string{"a"}
	r := n.submit(waiting)
	want("while a version waits", "all doc secret", "all secret", "all doc secret")
	if err := n.finish(n.job("c", r), "another"); err != nil {
		t.Fatal(err)
	}
	waiting = n.accepted("c", "d", "a third")
	waiting.Readers = []string{"b"}
	n.submit(waiting)
	if got := n.saw(a, at) + "|" + n.saw(b, at) + "|" + n.saw(ab, at); got != "all secret|all secret|all secret" {
		t.Errorf("of two sets without a label in both: %q", got)
	}
}

// TestHistoryRefusals: a time that is not in the history is refused, and says what is.
func TestHistoryRefusals(t *testing.T) {
	full := false
	n := open(t, func(o *collection.Options) {
		o.Memory = func(bytes int64) error {
			if full {
				return lode.Errorf(lode.CodeOverloaded, "no room for %d bytes", bytes)
			}
			return nil
		}
	})
	n.create("c")
	n.point("p", "a")
	refused := func(at time.Time, code lode.Code, words string) {
		t.Helper()
		_, err := n.ViewAsOf(ctx, root, "c", at)
		if wantCode(t, err, code); err != nil && !strings.Contains(err.Error(), words) {
			t.Errorf("%v does not say %q", err, words)
		}
	}
	early := n.tick()
	refused(early, lode.CodeInvalid, "keeps no history")
	n.keep(time.Minute)
	refused(early, lode.CodeInvalid, "begins at")
	at := n.tick()
	full = true
	refused(at, lode.CodeOverloaded, "no room")
	full = false
	if got := n.saw(root, at); got != "p" {
		t.Errorf("%q was shown", got)
	}
	full = true // it is held
	if got := n.saw(root, at); got != "p" {
		t.Errorf("%q was shown", got)
	}
	full = false
	refused(n.now.Add(time.Hour), lode.CodeInvalid, "future")
	n.clock.Lock()
	n.now = n.now.Add(2 * time.Minute)
	n.clock.Unlock()
	refused(at, lode.CodeInvalid, "begins at")
	if _, err := n.ViewAsOf(ctx, root, "none", at); !lode.IsCode(err, lode.CodeNotFound) {
		t.Error(err)
	}
	n.keep(0)
	refused(n.tick(), lode.CodeInvalid, "keeps no history")
}

// TestLateChanges: a change of another leader, whose clock is behind, belongs to a past that was
// asked about before.
func TestLateChanges(t *testing.T) {
	n := open(t)
	n.create("c")
	n.keep(time.Hour)
	n.point("p", "a")
	behind := n.tick()
	at := behind.Add(30 * time.Second)
	ahead := at.Add(30 * time.Second)
	set := func(now time.Time) {
		n.clock.Lock()
		n.now = now
		n.clock.Unlock()
	}
	set(ahead)
	if got := n.saw(root, at); got != "p" {
		t.Errorf("%q was shown", got)
	}
	set(behind)
	n.point("q", "a")
	set(ahead)
	if got := n.saw(root, at); got != "p q" {
		t.Errorf("%q was shown after a late change", got)
	}
	n.point("r", "a")
	if got := n.saw(root, at); got != "p q" {
		t.Errorf("%q was shown after a change that came later", got)
	}
	point := func(now time.Time, text string) {
		set(now)
		if errs, err := n.PutPoints(ctx, root, "c", []lode.Point{{ID: "s", Vector: vectorOf(text), Text: text}}); err != nil || errs[0] != nil {
			t.Fatal(errs, err)
		}
	}
	point(behind, "s1")
	point(ahead, "s2")
	point(behind, "s3") // not before the one that it replaces
	set(ahead.Add(time.Minute))
	for when, want := range map[time.Time]string{at: "p q s1", ahead.Add(10 * time.Second): "p q r s3"} {
		if got := n.saw(root, when); got != want {
			t.Errorf("as of %s %q was shown, want %q", when, got, want)
		}
	}
}

// TestPrunedHistory: what is gone does not come back when a history is made longer.
func TestPrunedHistory(t *testing.T) {
	n := open(t)
	n.create("c")
	n.keep(10 * time.Minute)
	n.point("p", "a")
	at := n.tick()
	n.delete(lode.KindVector, "p")
	n.point("q", "a")
	n.clock.Lock()
	n.now = n.now.Add(time.Hour)
	n.clock.Unlock()
	if pruned, err := n.PruneHistory(ctx); err != nil || pruned != 1 {
		t.Fatal(pruned, err)
	}
	n.keep(10 * time.Hour)
	_, err := n.ViewAsOf(ctx, root, "c", at)
	wantCode(t, err, lode.CodeInvalid)
	if got := n.saw(root, n.now.Add(-5*time.Minute)); got != "q" {
		t.Errorf("%q was shown", got)
	}
}

// TestManyAreForgotten needs several commands.
func TestManyAreForgotten(t *testing.T) {
	n := open(t)
	n.create("c")
	n.keep(time.Hour)
	var points []lode.Point
	for i := range 3000 {
		points = append(points, lode.Point{ID: lode.DocID(fmt.Sprint(i)), Vector: vectorOf(fmt.Sprint(i))})
	}
	if _, err := n.PutPoints(ctx, root, "c", points); err != nil {
		t.Fatal(err)
	}
	at := n.tick()
	if got, err := n.DeleteSelected(ctx, root, lode.Write{}, "c", collection.Selection{Kind: lode.KindVector, Filter: lode.Not(eq("x", "y"))}); err != nil || got.Changed != 3000 {
		t.Fatal(got, err)
	}
	v, err := n.ViewAsOf(ctx, root, "c", at)
	if err != nil {
		t.Fatal(err)
	}
	if found, err := v.Dense(ctx, vectorOf("x"), 5000, lode.Filter{}); err != nil || len(found) != 3000 {
		t.Errorf("%d were shown: %v", len(found), err)
	}
	n.keep(0)
	if pruned, err := n.PruneHistory(ctx); err != nil || pruned != 3000 {
		t.Errorf("%d are forgotten: %v", pruned, err)
	}
}

// TestExpiredInHistory: what has expired was shown until then, also after it is removed.
func TestExpiredInHistory(t *testing.T) {
	n := open(t)
	n.create("c")
	n.keep(time.Hour)
	ends := n.tick().Add(10 * time.Second)
	p := lode.Point{ID: "p", Text: "p", Vector: vectorOf("p"), ExpiresAt: &ends}
	if errs, err := n.PutPoints(ctx, root, "c", []lode.Point{p}); err != nil || errs[0] != nil {
		t.Fatal(errs, err)
	}
	at := n.tick()
	for n.tick().Before(ends) {
	}
	expired := n.tick()
	for step := range 2 {
		if before, after := n.saw(root, at), n.saw(root, expired); before != "p" || after != "" {
			t.Errorf("%d: %q was shown before, %q after", step, before, after)
		}
		if _, err := n.ExpireDue(ctx); err != nil {
			t.Fatal(err)
		}
	}
}
