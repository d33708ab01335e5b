package collection_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/collection"
)

// key is a write with a key whose request is the text.
func key(name, request string) lode.Write {
	return lode.Write{Key: name, Request: lode.HashOf([]byte(request))}
}

func version(v lode.Version) *lode.Version { return &v }

// write is one logical write as a client sends it, once or again.
type write struct {
	name string
	send func(*node, lode.Write) string // the answer as text
}

// answer puts a result into a form that can be compared; what marks a repetition is left out.
func answer(result any, err error) string {
	if r, ok := result.(lode.Receipt); ok {
		r.Replayed = false
		result = r
	}
	var coded *lode.Error
	if errors.As(err, &coded) {
		return fmt.Sprintf("%s %q %q %s", coded.Code, coded.Field, coded.Value, coded.Message)
	}
	return fmt.Sprintf("%+v %v", result, err)
}

func createWrite(name string) write {
	return write{"create " + name, func(n *node, w lode.Write) string {
		return answer(n.Engine.CreateCollection(ctx, root, w, lode.Collection{
			Name: name, Metric: lode.Dot, Embedder: lode.EmbedderConfig{Provider: lode.ProviderOpenAI, Model: "m", Dim: dim},
		}))
	}}
}

func dropWrite(name string) write {
	return write{"drop " + name, func(n *node, w lode.Write) string {
		return answer(nil, n.Engine.DeleteCollection(ctx, root, w, name))
	}}
}

func submitWrite(coll string, id lode.DocID, text string, want *lode.Version) write {
	return write{fmt.Sprint("submit ", coll, id, text), func(n *node, w lode.Write) string {
		a := n.accepted(coll, id, text)
		a.Write, a.IfVersion = w, want
		return answer(n.Submit(ctx, root, a))
	}}
}

func retryWrite(coll string, id lode.DocID) write {
	return write{fmt.Sprint("retry ", coll, id), func(n *node, w lode.Write) string {
		return answer(n.Engine.Retry(ctx, root, w, coll, id))
	}}
}

func deleteWrite(coll string, kind lode.Kind, ids ...lode.DocID) write {
	return write{fmt.Sprint("delete ", coll, kind, ids), func(n *node, w lode.Write) string {
		return answer(n.Engine.DeleteDocuments(ctx, root, w, coll, kind, targets(ids)))
	}}
}

func putWrite(coll string, texts ...string) write {
	return write{fmt.Sprint("put ", coll, texts), func(n *node, w lode.Write) string {
		var points []lode.Point
		for _, text := range texts {
			id, _, _ := strings.Cut(text, " ")
			points = append(points, lode.Point{ID: lode.DocID(id), Text: text, Vector: vectorOf(text)})
		}
		versions, errs, err := n.Engine.PutPoints(ctx, root, w, coll, points)
		return answer(fmt.Sprint(versions, errs), err)
	}}
}

// sent is a write that was answered.
type sent struct {
	write
	key    lode.Write
	answer string
}

func (s sent) again(n *node) {
	n.t.Helper()
	before := n.hash()
	if got := s.send(n, s.key); got != s.answer {
		n.t.Errorf("%s: answered %s, the first time %s", s.name, got, s.answer)
	}
	if n.hash() != before {
		n.t.Errorf("%s was carried out again", s.name)
	}
}

// sendAll sends writes of every kind, those that are refused among them.
func sendAll(n *node) (all []sent) {
	n.t.Helper()
	ask := func(w write, want string) {
		n.t.Helper()
		k := key(fmt.Sprint("key-", len(all)), w.name)
		s := sent{w, k, w.send(n, k)}
		if !strings.Contains(s.answer, want) {
			n.t.Errorf("%s: %s, want %s", w.name, s.answer, want)
		}
		all = append(all, s)
	}
	ask(createWrite("c"), "Name:c")
	ask(createWrite("gone"), "Name:gone")
	ask(submitWrite("c", "a", "one", nil), "Outcome:created")
	ask(submitWrite("c", "a", "two", nil), "Outcome:updated")
	ask(submitWrite("c", "a", "two", nil), "Outcome:unchanged")
	ask(submitWrite("c", "a", "two", version(0)), "precondition")
	ask(putWrite("c", "p 1", "q 1"), "[1 1]")
	ask(putWrite("c", "p 2"), "[2]")
	ask(putWrite("gone", "p 1"), "[1]")
	ask(deleteWrite("c", lode.KindVector, "p", "nobody"), "not exist")
	ask(retryWrite("c", "a"), "conflict")
	j := n.job("c", lode.Receipt{Doc: 1, Version: 2, Epoch: 1})
	if err := n.Fail(ctx, j, lode.Failure{Stage: lode.StageParse, Code: lode.CodeMalformed}, nil); err != nil {
		n.t.Fatal(err)
	}
	ask(retryWrite("c", "a"), "Epoch:2")
	ask(deleteWrite("c", lode.KindDocument, "a"), "[<nil>]")
	ask(dropWrite("gone"), "<nil>")
	return all
}

// TestNamedWrites: whatever a client writes, it may ask again under its key: at once, after a
// restart, of a node that replayed the log, and of one that got a snapshot.
func TestNamedWrites(t *testing.T) {
	n := open(t)
	all := sendAll(n)
	f := func(n *node) {
		t.Helper()
		for _, s := range all {
			s.again(n)
		}
	}
	f(n)
	n.restart()
	f(n)

	follower := replay(t, n.log.all(), 7)
	copyBlobs(t, n, follower)
	if follower.hash() != n.hash() {
		t.Error("replay gives another state")
	}
	follower.log.mu.entries = n.log.all()
	f(follower)

	write, release, err := n.Snapshot()
	if err != nil {
		t.Fatal(err)
	}
	defer release()
	var image bytes.Buffer
	restored := openBare(t)
	restored.fetchFrom(n)
	if err := errors.Join(write(&image), restored.Restore(&image)); err != nil {
		t.Fatal(err)
	}
	copyBlobs(t, n, restored)
	restored.log.mu.entries = n.log.all()
	f(restored)

	for _, s := range all { // negative control: under other keys all of it would happen again
		s.key.Key += "-other"
		s.send(n, s.key)
	}
	if n.hash() == follower.hash() {
		t.Error("the same writes under other keys changed nothing: the test proves nothing")
	}
}

// TestKeyOfAnotherRequest is a conflict, and changes nothing.
func TestKeyOfAnotherRequest(t *testing.T) {
	n := open(t)
	n.create("c")
	if got := putWrite("c", "p 1").send(n, key("k", "put p")); !strings.Contains(got, "[1]") {
		t.Fatal(got)
	}
	before := n.hash()
	wide := key("k", "put p")
	wide.Parts = 2
	other := wide
	other.Part = 1 // a part that is not kept: the request is known by the other one
	for name, c := range map[string]struct {
		write
		lode.Write
	}{
		"other request":      {putWrite("c", "p 2"), key("k", "put another p")},
		"other kind":         {createWrite("d"), key("k", "create d")},
		"other kind, hidden": {createWrite("d"), key("k", "put p")},
		"a list of two":      {putWrite("c", "p 1", "q 1"), key("k", "put p")},
		"more parts":         {submitWrite("c", "a", "x", nil), wide},
		"another part":       {submitWrite("c", "a", "x", nil), other},
	} {
		got := c.send(n, c.Write)
		if !strings.HasPrefix(got, `conflict "idempotency_key" "k"`) {
			t.Errorf("%s: %s", name, got)
		}
	}
	// Two that are on their way at the same time, of which the log takes both.
	first := capture(t, n, func() { putWrite("c", "q 1").send(n, key("l", "put q")) })
	second := capture(t, n, func() { putWrite("c", "r 1").send(n, key("l", "put r")) })
	if n.hash() != before {
		t.Error("a refused write left a trace")
	}
	results := n.log.commit([][]byte{first, second, first})
	if err, ok := results[1].(error); !ok || !lode.IsCode(err, lode.CodeConflict) {
		t.Errorf("the second of two requests: %v", results[1])
	}
	if _, refused := results[0].(error); refused || results[2] == nil {
		t.Errorf("the first, and the same again: %v, %v", results[0], results[2])
	}
	// Another client has its own keys.
	_, errs, err := n.Engine.PutPoints(ctx, lode.AllSeeing("other"), key("k", "mine"), "c", []lode.Point{{ID: "s", Vector: vectorOf("s")}})
	if err != nil || errs[0] != nil {
		t.Errorf("the key of another client: %v, %v", errs, err)
	}
}

// TestPassingRefusal: a write that was refused for a passing reason has not used its key.
func TestPassingRefusal(t *testing.T) {
	n := open(t)
	n.create("c")
	w := putWrite("c", "p 1")
	for _, refusal := range []error{
		lode.Errorf(lode.CodeOverloaded, "busy"), lode.Errorf(lode.CodeUnavailable, "no leader"), lode.Errorf(lode.CodeOutcomeUnknown, "lost"),
	} {
		n.SetProposer(func(context.Context, []byte) (any, error) { return nil, refusal })
		if got := w.send(n, key("k", "r")); !strings.HasPrefix(got, string(lode.CodeOf(refusal))) {
			t.Errorf("refused with %s", got)
		}
	}
	n.SetProposer(n.log.propose)
	if got := w.send(n, key("k", "other request")); !strings.Contains(got, "[1]") {
		t.Errorf("%s: the key was used up by a write that was refused", got)
	}
	// The same for a refusal of Apply that is none of the request's fault.
	command := capture(t, n, func() { putWrite("c", "q 1").send(n, key("l", "r")) })
	bare := openBare(t)
	if err, ok := bare.Apply([]collection.Entry{{Index: 1, Term: 1, Data: command}})[0].(error); !ok || !lode.IsCode(err, lode.CodeUnavailable) {
		t.Errorf("before the cluster has a name: %v", err)
	}
	entries := n.log.all()
	for i := range entries {
		entries[i].Index += 1
	}
	bare.Apply(append(slices.Clone(entries), collection.Entry{Index: uint64(len(entries)) + 2, Term: 1, Data: command}))
	if _, err := bare.Point(ctx, root, "c", "q"); err != nil {
		t.Errorf("the key was used up before the cluster had a name: %v", err)
	}
}

// TestRacingDuplicates: of many requests with one key one is carried out, and all get its
// answer.
func TestRacingDuplicates(t *testing.T) {
	n := open(t)
	n.create("c")
	n.create("old")
	group(n)
	writes := []write{
		createWrite("new"), dropWrite("old"), putWrite("c", "p 1", "q 1"), putWrite("c", "p 2"),
		deleteWrite("c", lode.KindVector, "q"), submitWrite("c", "a", "one", nil), submitWrite("c", "b", "one", version(0)),
	}
	var proposed atomic.Int32 // the first waits for a second, so that there is a race
	n.SetProposer(func(ctx context.Context, command []byte) (any, error) {
		proposed.Add(1)
		for begun := time.Now(); proposed.Load() < 2 && time.Since(begun) < 5*time.Second; {
			time.Sleep(100 * time.Microsecond)
		}
		return n.log.propose(ctx, command)
	})
	duplicates := 0
	for i, w := range writes {
		k := key(fmt.Sprint("race-", i), w.name)
		before := len(n.log.all())
		proposed.Store(0)
		answers := make([]string, 24)
		var all sync.WaitGroup
		for i := range answers {
			all.Go(func() { answers[i] = w.send(n, k) })
		}
		all.Wait()
		for _, got := range answers {
			if got != answers[0] || strings.Contains(got, "conflict") || strings.Contains(got, "invalid") || strings.Contains(got, "not exist") {
				t.Errorf("%s: %s, another got %s", w.name, got, answers[0])
			}
		}
		duplicates += len(n.log.all()) - before - 1
	}
	if duplicates == 0 {
		t.Error("no duplicate reached the log: the test proves nothing about Apply")
	}
	if _, v, err := n.Document(ctx, root, "c", lode.KindVector, "p"); err != nil || v.Version != 2 {
		t.Errorf("two writes made version %d (%v)", v.Version, err)
	}
	follower := replay(t, n.log.all(), 5)
	copyBlobs(t, n, follower)
	if follower.hash() != n.hash() {
		t.Error("a log with duplicates gives another state when it is cut into other batches")
	}
}

// TestKept: what is kept is the newest writes of each client, no more and no less, and a
// write whose outcome was dropped is an ordinary one again.
func TestKept(t *testing.T) {
	n := open(t)
	n.SetKeep(3)
	n.create("c")
	var all []sent
	for i := range 5 {
		w := putWrite("c", fmt.Sprint("p", i, " x"))
		k := key(fmt.Sprint(i), w.name)
		all = append(all, sent{w, k, w.send(n, k)})
	}
	for _, s := range all[2:] {
		s.again(n)
	}
	before := n.hash()
	if all[1].send(n, all[1].key); n.hash() == before {
		t.Error("the outcome of an older write is still kept")
	}
	before = n.hash()
	if all[2].send(n, all[2].key); n.hash() == before {
		t.Error("the older write did not take the place of the oldest")
	}
}

// TestKeptInFull is the promise at its real number: the last 10,000 writes of a client
// are kept, the one before them is not.
func TestKeptInFull(t *testing.T) {
	if collection.KeptOperations != 10_000 {
		t.Errorf("%d writes are kept: the documentation says 10,000", collection.KeptOperations)
	}
	n := open(t)
	n.create("c")
	var commands [][]byte
	n.SetProposer(func(_ context.Context, data []byte) (any, error) {
		commands = append(commands, bytes.Clone(data))
		return nil, errors.New("caught")
	})
	// Deletions of what does not exist: the smallest write that has an outcome.
	w := deleteWrite("c", lode.KindVector, "nobody")
	for i := range collection.KeptOperations + 1 {
		w.send(n, key(fmt.Sprint(i), w.name))
	}
	n.SetProposer(n.log.propose)
	for batch := range slices.Chunk(commands, 512) {
		n.log.commit(batch)
	}
	known := func(i int) bool {
		id, err := n.OperationID(root, fmt.Sprint(i))
		if err != nil {
			t.Fatal(err)
		}
		_, err = n.Operation(ctx, root, id)
		if err != nil && !lode.IsCode(err, lode.CodeNotFound) {
			t.Fatal(err)
		}
		return err == nil
	}
	if known(0) || !known(1) || !known(collection.KeptOperations) {
		t.Errorf("write 0 is kept: %v, 1: %v, %d: %v", known(0), known(1), collection.KeptOperations, known(collection.KeptOperations))
	}
	if len(n.log.all()) != collection.KeptOperations+3 {
		t.Errorf("%d entries", len(n.log.all()))
	}
}

// TestManyParts: a list that needs several commands goes on where it stopped.
func TestManyParts(t *testing.T) {
	n := open(t)
	n.create("c")
	var ids []lode.DocID
	for i := range 600 {
		ids = append(ids, lode.DocID(fmt.Sprint("p", i)))
	}
	var points []lode.Point
	for _, id := range ids {
		points = append(points, lode.Point{ID: id, Vector: vectorOf(string(id))})
	}
	if _, err := n.PutPoints(ctx, root, "c", points); err != nil {
		t.Fatal(err)
	}
	calls := 0
	n.SetProposer(func(ctx context.Context, data []byte) (any, error) {
		if calls++; calls == 2 {
			return nil, lode.Errorf(lode.CodeUnavailable, "no leader")
		}
		return n.log.propose(ctx, data)
	})
	w := deleteWrite("c", lode.KindVector, ids...)
	k := key("k", "delete all")
	if got := w.send(n, k); !strings.HasPrefix(got, "unavailable") {
		t.Errorf("the part that was refused: %s", got)
	}
	s := sent{w, k, w.send(n, k)}
	if strings.Contains(s.answer, "not exist") || calls != 4 {
		t.Errorf("after %d commands: %.200s", calls, s.answer)
	}
	s.again(n)
	if _, stats, err := n.Collection(ctx, root, "c"); err != nil || stats.Vectors != 0 {
		t.Errorf("%d vectors are left (%v)", stats.Vectors, err)
	}
	n.SetProposer(n.log.propose)
	k = key("l", "delete all that is gone")
	s = sent{w, k, w.send(n, k)}
	if strings.Count(s.answer, "not exist") != 600 || !strings.Contains(s.answer, `"p599"`) {
		t.Errorf("%.200s", s.answer)
	}
	s.again(n) // every refusal with its own id
}

// TestKeyRefused covers keys and writes that cannot be named.
func TestKeyRefused(t *testing.T) {
	n := open(t)
	n.create("c")
	for name, c := range map[string]struct {
		lode.Write
		code lode.Code
	}{
		"long":       {key(strings.Repeat("k", 129), "r"), lode.CodeInvalid},
		"blank":      {key("a b", "r"), lode.CodeInvalid},
		"control":    {key("a\n", "r"), lode.CodeInvalid},
		"not ASCII":  {key("ä", "r"), lode.CodeInvalid},
		"no request": {lode.Write{Key: "k"}, lode.CodeInternal},
		"no part":    {lode.Write{Key: "k", Request: lode.HashOf(nil), Part: 2, Parts: 2}, lode.CodeInternal},
		"too many":   {lode.Write{Key: "k", Request: lode.HashOf(nil), Parts: 1 << 20}, lode.CodeTooLarge},
	} {
		_, err := n.Engine.CreateCollection(ctx, root, c.Write, lode.Collection{Name: "d"})
		if !lode.IsCode(err, c.code) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if got := createWrite("d").send(n, key(strings.Repeat("~", 128), "r")); !strings.Contains(got, "Name:d") {
		t.Errorf("the longest key: %s", got)
	}
	_, err := n.Engine.CreateCollection(ctx, lode.Principal{}, key("k", "r"), lode.Collection{Name: "e"})
	wantCode(t, err, lode.CodeUnauthorized)
}

// fates is a network between clients and one node that loses requests and answers, and a
// node that restarts.
type fates struct {
	*node
	r     *rand.Rand
	lost  int
	state struct{ reached bool } // the log took the command that was sent last
}

func (f *fates) propose(ctx context.Context, command []byte) (any, error) {
	switch what := f.r.IntN(10); {
	case what < 2:
		f.lost++
		return nil, lode.Errorf(lode.CodeUnavailable, "the request was lost")
	case what < 5:
		f.lost++
		f.state.reached = true
		_, err := f.log.propose(ctx, command)
		return nil, errors.Join(lode.Errorf(lode.CodeOutcomeUnknown, "the answer was lost"), err)
	}
	f.state.reached = true
	return f.log.propose(ctx, command)
}

// attempt is a write of the model with what is known of it.
type attempt struct {
	write
	key     lode.Write
	reached bool   // it was carried out
	answer  string // the first one that arrived after that; "" for none
}

func (f *fates) anyWrite() write {
	coll := fmt.Sprint("c", f.r.IntN(2))
	id := lode.DocID(fmt.Sprint("d", f.r.IntN(3)))
	text := fmt.Sprint("p", f.r.IntN(3), " ", f.r.IntN(3))
	switch f.r.IntN(12) {
	case 0:
		return dropWrite(coll)
	case 1, 2, 3:
		return createWrite(coll)
	case 4, 5:
		return submitWrite(coll, id, text, nil)
	case 6:
		return submitWrite(coll, id, text, version(lode.Version(f.r.IntN(3))))
	case 7:
		return deleteWrite(coll, lode.KindDocument, id)
	case 8:
		return deleteWrite(coll, lode.KindVector, "p0", "p1")
	}
	return putWrite(coll, text)
}

// send sends a write, for the first time or again, and reports whether it had a second effect
// or another answer.
func (f *fates) send(a *attempt) (doubled bool) {
	before := f.hash()
	f.state.reached = false
	got := a.write.send(f.node, a.key)
	lost := strings.Contains(got, " was lost")
	switch {
	case !a.reached:
		a.reached = f.state.reached
	case f.hash() != before:
		doubled = true
	}
	if lost || !a.reached {
		return doubled
	}
	if a.answer == "" {
		a.answer = got
	}
	return doubled || a.answer != got
}

// run sends random writes and repeats them at random, also long after they were answered.
func runFates(t *testing.T, seed uint64, steps int, keys bool) (doubled, repeated int) {
	f := &fates{node: open(t), r: rand.New(rand.NewPCG(seed, 7))}
	f.SetProposer(f.propose)
	var sent []*attempt
	for step := range steps {
		switch what := f.r.IntN(20); {
		case what == 0:
			f.restart()
			f.SetProposer(f.propose)
		case what == 1:
			f.copyOver()
		case what < 11 && len(sent) > 0:
			a := sent[max(0, len(sent)-1-f.r.IntN(8))]
			if a.reached {
				repeated++
			}
			if f.send(a) {
				doubled++
				if keys {
					t.Errorf("step %d: %s under key %s took effect twice, or was answered otherwise than %s", step, a.name, a.key.Key, a.answer)
				}
			}
		default:
			a := &attempt{write: f.anyWrite()}
			if keys {
				a.key = key(fmt.Sprint("k", len(sent)), a.name)
			}
			sent = append(sent, a)
			f.send(a)
		}
	}
	other := openBare(t)
	other.Apply(f.log.all())
	if other.hash() != f.hash() {
		t.Error("the log gives another state when it is replayed from its beginning")
	}
	copyBlobs(t, f.node, other)
	if f.lost == 0 {
		t.Error("nothing was lost")
	}
	return doubled, repeated
}

// copyOver replaces the state by a snapshot of it, as on another node.
func (f *fates) copyOver() {
	write, release, err := f.Snapshot()
	if err != nil {
		f.t.Fatal(err)
	}
	defer release()
	var image bytes.Buffer
	if err := errors.Join(write(&image), f.Restore(&image)); err != nil {
		f.t.Fatal(err)
	}
}

// TestRepeatedWrites is the model of exactly-once writes: whatever is lost on the way, a write
// that is repeated under its key takes effect once and gets one answer. Its negative control
// is the same run without keys.
func TestRepeatedWrites(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	steps := 1500
	if testing.Short() {
		steps = 300
	}
	doubled, repeated := runFates(t, seed, steps, true)
	t.Logf("%d writes were repeated after they took effect, %d doubled", repeated, doubled)
	if repeated < steps/10 {
		t.Errorf("only %d writes were repeated: the run proves nothing", repeated)
	}
	without, repeated := runFates(t, seed, steps, false)
	t.Logf("without keys: %d repeated, %d doubled", repeated, without)
	if without == 0 {
		t.Error("without keys nothing is doubled: the run proves nothing")
	}
}

// TestRepeatedIntoAnotherCollection: a repeated write finds its answer even when the collection
// of the name is another one by now, for which it would be wrong.
func TestRepeatedIntoAnotherCollection(t *testing.T) {
	n := open(t)
	n.create("c")
	odd := write{"put odd", func(n *node, w lode.Write) string {
		versions, errs, err := n.Engine.PutPoints(ctx, root, w, "c", []lode.Point{
			{ID: "p", Vector: vectorOf("p")}, {ID: "two", Vector: lode.Vector{1, 2}}, {ID: "none"}, {ID: "q", Vector: vectorOf("q")},
		})
		return answer(fmt.Sprint(versions, errs), err)
	}}
	k := key("k", odd.name)
	s := sent{odd, k, odd.send(n, k)}
	if !strings.HasPrefix(s.answer, "[1 0 0 1]") || !strings.Contains(s.answer, "2 dimensions, the collection has 4") {
		t.Errorf("%s", s.answer)
	}
	s.again(n)
	if err := n.DeleteCollection(ctx, root, "c"); err != nil {
		t.Fatal(err)
	}
	s.again(n)
	_, err := n.CreateCollection(ctx, root, lode.Collection{Name: "c", Embedder: lode.EmbedderConfig{Provider: lode.ProviderNone, Dim: 2}})
	if err != nil {
		t.Fatal(err)
	}
	s.again(n)
}
