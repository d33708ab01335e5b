package collection_test

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/collection"
)

// TestIfVersion covers what a condition means for documents.
func TestIfVersion(t *testing.T) {
	n := open(t)
	n.create("c")
	submit := func(text string, want *lode.Version, change ...func(*lode.Accepted)) (lode.Receipt, error) {
		a := n.accepted("c", "a", text)
		a.IfVersion = want
		for _, f := range change {
			f(&a)
		}
		return n.Submit(ctx, root, a)
	}
	f := func(name string, wantVersion lode.Version, outcome lode.Outcome) func(lode.Receipt, error) {
		return func(r lode.Receipt, err error) {
			t.Helper()
			if err != nil || r.Version != wantVersion || r.Outcome != outcome {
				t.Errorf("%s: %+v, %v", name, r, err)
			}
		}
	}
	refused := func(name string, current, want lode.Version) func(lode.Receipt, error) {
		return func(_ lode.Receipt, err error) {
			t.Helper()
			coded, ok := err.(*lode.Error)
			if !ok || coded.Code != lode.CodePrecondition || coded.Field != "if_version" || coded.Value != fmt.Sprint(want) {
				t.Errorf("%s: %v", name, err)
			} else if current > 0 && !strings.Contains(coded.Message, fmt.Sprint("the newest is ", current)) {
				t.Errorf("%s names no version: %v", name, err)
			}
		}
	}
	refused("replace what is not there", 0, 1)(submit("one", version(1)))
	before := n.hash()
	refused("again", 0, 1)(submit("one", version(1)))
	if n.hash() != before {
		t.Error("a refusal left a trace")
	}
	f("create", 1, lode.OutcomeCreated)(submit("one", version(0)))
	refused("create again", 1, 0)(submit("one", version(0)))
	f("the same", 1, lode.OutcomeUnchanged)(submit("one", version(1)))
	f("replace a pending version", 2, lode.OutcomeUpdated)(submit("two", version(1)))
	refused("a version that was replaced", 2, 1)(submit("three", version(1)))
	withYear := func(year int64) func(*lode.Accepted) {
		return func(a *lode.Accepted) { a.Metadata = lode.Metadata{"year": lode.IntegerValue(year)} }
	}
	f("metadata", 3, lode.OutcomeUpdated)(submit("two", version(2), withYear(2020)))
	refused("metadata, second of two", 3, 2)(submit("two", version(2), withYear(2021)))
	f("metadata without a condition", 3, lode.OutcomeMetadata)(submit("two", nil, withYear(2022)))

	errs, err := n.Engine.DeleteDocuments(ctx, root, lode.Write{}, "c", lode.KindDocument, []lode.Target{
		{ID: "a", IfVersion: version(2)}, {ID: "nobody", IfVersion: version(1)}, {ID: "a", IfVersion: version(3)}, {ID: "a", IfVersion: version(3)},
	})
	if err != nil || !lode.IsCode(errs[0], lode.CodePrecondition) || !lode.IsCode(errs[1], lode.CodeNotFound) || errs[2] != nil || !lode.IsCode(errs[3], lode.CodeNotFound) {
		t.Errorf("delete: %v, %v", errs, err)
	}

	// Who may not see a document learns nothing of its version.
	hidden := n.accepted("c", "h", "secret")
	hidden.Readers = []string{"a"}
	n.submit(hidden)
	other := n.accepted("c", "h", "mine")
	for _, want := range []*lode.Version{nil, version(0), version(1), version(2)} {
		other.IfVersion = want
		_, err := n.Submit(ctx, lode.Principal{ID: "b"}, other)
		wantCode(t, err, lode.CodeConflict)
	}
}

// TestIfVersionOfPoints covers raw vectors: every conditional change is a version.
func TestIfVersionOfPoints(t *testing.T) {
	n := open(t)
	n.create("c")
	put := func(want *lode.Version, text string, year int64) (lode.Version, error) {
		t.Helper()
		p := lode.Point{ID: "p", Vector: vectorOf(text), Text: text, Metadata: lode.Metadata{"year": lode.IntegerValue(year)}, IfVersion: want}
		versions, errs, err := n.Engine.PutPoints(ctx, root, lode.Write{}, "c", []lode.Point{p})
		if err != nil {
			t.Fatal(err)
		}
		return versions[0], errs[0]
	}
	f := func(want *lode.Version, text string, year int64, version lode.Version, code lode.Code) {
		t.Helper()
		if got, err := put(want, text, year); got != version || lode.CodeOf(err) != code {
			t.Errorf("if_version %v, %s %d: version %d, %v", want, text, year, got, err)
		}
	}
	f(version(1), "one", 1, 0, lode.CodePrecondition)
	f(version(0), "one", 1, 1, "")
	f(version(0), "one", 1, 0, lode.CodePrecondition)
	f(version(1), "one", 1, 1, "") // equal content
	f(version(1), "two", 1, 2, "")
	f(version(2), "two", 2, 3, "") // metadata alone
	f(version(2), "two", 3, 0, lode.CodePrecondition)
	f(nil, "two", 4, 3, "")
	if p, err := n.Point(ctx, root, "c", "p"); err != nil || p.Version != 3 {
		t.Errorf("%+v, %v", p, err)
	}
}

// TestConditionsRace: of many writers who saw the same version exactly one wins, whatever it
// is that they change.
func TestConditionsRace(t *testing.T) {
	n := open(t)
	n.create("c")
	group(n)
	const writers = 16
	race := func(name string, try func(i int) error) {
		t.Helper()
		var won, lost atomic.Int32
		var all sync.WaitGroup
		for i := range writers {
			all.Go(func() {
				switch err := try(i); {
				case err == nil:
					won.Add(1)
				case lode.IsCode(err, lode.CodePrecondition) || lode.IsCode(err, lode.CodeNotFound):
					lost.Add(1)
				default:
					t.Errorf("%s: %v", name, err)
				}
			})
		}
		all.Wait()
		if won.Load() != 1 || lost.Load() != writers-1 {
			t.Errorf("%s: %d won, %d lost", name, won.Load(), lost.Load())
		}
	}
	submit := func(text string, want lode.Version, year int) error {
		a := n.accepted("c", "a", text)
		a.IfVersion, a.Metadata = &want, lode.Metadata{"year": lode.IntegerValue(int64(year))}
		_, err := n.Submit(ctx, root, a)
		return err
	}
	race("create", func(i int) error { return submit(fmt.Sprint(i), 0, 0) })
	race("replace", func(i int) error { return submit(fmt.Sprint("new ", i), 1, 0) })
	if err := submit("settled", 2, 0); err != nil {
		t.Fatal(err)
	}
	race("metadata", func(i int) error { return submit("settled", 3, i+1) })
	race("delete", func(int) error {
		errs, err := n.Engine.DeleteDocuments(ctx, root, lode.Write{}, "c", lode.KindDocument, []lode.Target{{ID: "a", IfVersion: version(4)}})
		if err != nil {
			return err
		}
		return errs[0]
	})
	race("vector", func(i int) error {
		p := lode.Point{ID: "p", Vector: vectorOf(fmt.Sprint(i)), IfVersion: version(0)}
		_, errs, err := n.Engine.PutPoints(ctx, root, lode.Write{}, "c", []lode.Point{p})
		if err != nil {
			return err
		}
		return errs[0]
	})
}

// TestOperation follows an upload of three documents from its first part to its end.
func TestOperation(t *testing.T) {
	n := open(t)
	n.create("c")
	id, err := n.OperationID(root, "k")
	if err != nil {
		t.Fatal(err)
	}
	read := func(who lode.Principal) (collection.Operation, error) { return n.Operation(ctx, who, id) }
	want := func(state collection.OperationState, documents ...collection.OperationState) collection.Operation {
		t.Helper()
		op, err := read(root)
		if err != nil {
			t.Fatal(err)
		}
		var got []collection.OperationState
		for _, d := range op.Documents {
			got = append(got, d.State)
		}
		if op.State != state || !slices.Equal(got, documents) || op.Known != len(documents) || op.ID != id || op.At.IsZero() {
			t.Errorf("%+v, want %s %v", op, state, documents)
		}
		if ended := state == collection.OperationDone || state == collection.OperationFailed; !ended && !op.Finished.IsZero() {
			t.Errorf("%s, and finished at %s", state, op.Finished)
		}
		return op
	}
	if _, err := read(root); !lode.IsCode(err, lode.CodeNotFound) {
		t.Errorf("before the first part: %v", err)
	}
	receipts := map[int]lode.Receipt{}
	hand := func(i int, text string, condition *lode.Version) {
		t.Helper()
		a := n.accepted("c", lode.DocID(fmt.Sprint("d", i)), text)
		a.Write, a.IfVersion = key("k", "three"), condition
		a.Write.Part, a.Write.Parts = i, 3
		r, err := n.Submit(ctx, root, a)
		if err != nil && condition == nil {
			t.Fatal(err)
		}
		receipts[i] = r
	}
	hand(0, "zero", nil)
	want(collection.OperationRunning, collection.OperationRunning)
	if err := n.finish(n.job("c", receipts[0]), "zero"); err != nil {
		t.Fatal(err)
	}
	want(collection.OperationIncomplete, collection.OperationDone)
	hand(2, "two", nil)
	hand(1, "one", version(7)) // refused
	want(collection.OperationRunning, collection.OperationDone, collection.OperationFailed, collection.OperationRunning)
	n.restart()
	if err := n.Fail(ctx, n.job("c", receipts[2]), lode.Failure{Stage: lode.StageParse, Code: lode.CodeMalformed, Reason: "torn"}, nil); err != nil {
		t.Fatal(err)
	}
	op := want(collection.OperationFailed, collection.OperationDone, collection.OperationFailed, collection.OperationFailed)
	if op.Finished.IsZero() || op.Collection != "c" || op.Kind != collection.OperationUpload || op.Items != 3 || op.Parts != 3 {
		t.Errorf("%+v", op)
	}
	if d := op.Documents[0]; d.ID != "d0" || d.Outcome != lode.OutcomeCreated || d.Version != 1 || d.Chunks != 1 || d.Err != nil {
		t.Errorf("%+v", d)
	}
	if d := op.Documents[1]; d.Err == nil || d.Err.Code != lode.CodePrecondition {
		t.Errorf("%+v", d)
	}
	if d := op.Documents[2]; d.Err == nil || d.Err.Code != lode.CodeMalformed || d.Stage != lode.StageParse {
		t.Errorf("%+v", d)
	}

	// A retry is an operation too, and shows the same document.
	_, err = n.Engine.Retry(ctx, root, key("r", "retry"), "c", "d2")
	if err != nil {
		t.Fatal(err)
	}
	id, err = n.OperationID(root, "r")
	if err != nil {
		t.Fatal(err)
	}
	if op := want(collection.OperationRunning, collection.OperationRunning); op.Kind != collection.OperationRetry || op.Documents[0].ID != "d2" {
		t.Errorf("%+v", op)
	}
	// What was replaced or deleted since is gone, and the rest stays known.
	if _, err := n.DeleteDocuments(ctx, root, "c", lode.KindDocument, []lode.DocID{"d2"}); err != nil {
		t.Fatal(err)
	}
	want(collection.OperationDone, collection.OperationGone)
	if err := n.DeleteCollection(ctx, root, "c"); err != nil {
		t.Fatal(err)
	}
	if op := want(collection.OperationDone, collection.OperationGone); op.Collection != "" || !op.Finished.IsZero() {
		t.Errorf("%+v", op)
	}
}

// TestOperationOfOthers: an operation of another principal does not exist, and a document that
// a principal may not see any more is gone for it.
func TestOperationOfOthers(t *testing.T) {
	n := open(t)
	n.create("c")
	ann, bob := lode.Principal{ID: "ann", Labels: []string{"a"}}, lode.Principal{ID: "bob", Labels: []string{"a"}}
	a := n.accepted("c", "d", "text")
	a.Write = key("k", "one")
	if _, err := n.Submit(ctx, ann, a); err != nil {
		t.Fatal(err)
	}
	id, err := n.OperationID(ann, "k")
	if err != nil {
		t.Fatal(err)
	}
	if op, err := n.Operation(ctx, ann, id); err != nil || op.State != collection.OperationRunning {
		t.Errorf("one's own: %+v, %v", op, err)
	}
	if op, err := n.Operation(ctx, root, id); err != nil || op.State != collection.OperationRunning {
		t.Errorf("who sees all: %+v, %v", op, err)
	}
	_, err = n.Operation(ctx, bob, id)
	wantCode(t, err, lode.CodeNotFound)
	if other, err := n.OperationID(bob, "k"); err != nil || other == id {
		t.Errorf("two clients have the operation %s (%v)", other, err)
	}
	b := n.accepted("c", "d", "text")
	b.Readers = []string{"b"}
	n.submit(b)
	if op, err := n.Operation(ctx, ann, id); err != nil || op.Documents[0].State != collection.OperationGone {
		t.Errorf("after the readers changed: %+v, %v", op, err)
	}
	for _, bad := range []string{"", "op-", "op-12", id[3:], strings.ToUpper(id), id + "0", "op-" + strings.Repeat("g", 32)} {
		_, err := n.Operation(ctx, root, bad)
		wantCode(t, err, lode.CodeNotFound)
	}
	_, err = n.Operation(ctx, lode.Principal{}, id)
	wantCode(t, err, lode.CodeUnauthorized)
	_, err = n.OperationID(root, "")
	wantCode(t, err, lode.CodeInvalid)
}

// TestOperationsOfLists: deletions and vectors report what was refused, by its place.
func TestOperationsOfLists(t *testing.T) {
	n := open(t)
	all := sendAll(n)
	states := map[string]int{}
	for i, s := range all {
		id, err := n.OperationID(root, fmt.Sprint("key-", i))
		if err != nil {
			t.Fatal(err)
		}
		op, err := n.Operation(ctx, root, id)
		if err != nil || op.Kind == "" || op.Known != 1 {
			t.Errorf("%s: %+v, %v", s.name, op, err)
		}
		refused := strings.Contains(s.answer, "not exist") || strings.HasPrefix(s.answer, "conflict") || strings.HasPrefix(s.answer, "precondition")
		if refused != (op.State == collection.OperationFailed) {
			t.Errorf("%s: answered %s, the operation is %s", s.name, s.answer, op.State)
		}
		if op.Kind == collection.OperationDelete && op.Items == 2 && (len(op.Failed) != 1 || op.Failed[0].Item != 1 || op.Failed[0].Err.Code != lode.CodeNotFound) {
			t.Errorf("%s: %+v", s.name, op)
		}
		states[op.Kind]++
	}
	if len(states) != 6 {
		t.Errorf("kinds %v", states)
	}
}
