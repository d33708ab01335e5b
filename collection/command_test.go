package collection

import (
	"strings"
	"testing"

	"github.com/fxamacker/cbor/v2"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/internal/seal"
)

// FuzzDecodeCommand: no bytes make the decoder panic or allocate without bound, and what it
// reads it writes back to the same command.
func FuzzDecodeCommand(f *testing.F) {
	c, err := newCodec()
	if err != nil {
		f.Fatal(err)
	}
	item, err := c.enc.Marshal(point{ID: "p", Vector: []byte{0, 0, 0, 0}})
	if err != nil {
		f.Fatal(err)
	}
	named, err := c.enc.Marshal(point{ID: "p", Vectors: map[string][]byte{"b": {0, 0, 0, 1}, "a": {}}, Sparse: map[string][]byte{"w": make([]byte, 8)}})
	if err != nil {
		f.Fatal(err)
	}
	for _, cmd := range []command{
		&putPoints{Points: []cbor.RawMessage{named}},
		&createCollection{Collection: lode.Collection{Vectors: []lode.VectorSpace{{Name: "a", Dim: 1}, {Name: "w", Sparse: true}}}},
		&initCluster{ID: "c", IDKey: make([]byte, 16)},
		&createCollection{Collection: lode.Collection{Name: "c"}},
		&submit{ID: "d", Metadata: lode.Metadata{"k": lode.ListValue(lode.FloatValue(0.5))}, Readers: []string{"a"}},
		&submit{ID: "d", Metadata: lode.Metadata{"o": lode.ObjectValue(lode.Metadata{"b": lode.NullValue(), "a": lode.ListValue(lode.ObjectValue(nil))})}},
		&stageSilver{Data: []byte("x")},
		&stageChunks{},
		&complete{Completion: lode.Completion{Runs: []lode.Run{{Counts: map[string]int64{"a": 1}}}}},
		&fail{}, &retry{}, &claim{}, &deleteCollection{},
		&deleteDocuments{IDs: []lode.DocID{"a"}},
		&putPoints{Points: []cbor.RawMessage{item}},
		&submit{ID: "d", IfVersion: new(lode.Version)},
		&deleteDocuments{IDs: []lode.DocID{"a", "b"}, IfVersions: []*lode.Version{nil, new(lode.Version)}},
		mustName(f, c, &putPoints{Points: []cbor.RawMessage{item}}),
		mustName(f, c, &createCollection{Collection: lode.Collection{Name: "c"}}),
	} {
		data, _, err := c.encode(cmd)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data[16:])
	}
	f.Fuzz(func(t *testing.T, payload []byte) {
		cmd, err := c.decode(seal.Seal(kindCommand, payload))
		if err != nil {
			return
		}
		data, _, err := c.encode(cmd)
		if err != nil {
			t.Fatalf("a command that was read cannot be written: %v", err)
		}
		again, err := c.decode(data)
		if err != nil {
			t.Fatal(err)
		}
		if twice, _, err := c.encode(again); err != nil || string(twice) != string(data) {
			t.Fatalf("encoding is not stable: %v", err)
		}
	})
}

func mustName(t testing.TB, c codec, cmd command) *named {
	t.Helper()
	n, err := c.name(operation{Part: 1, Parts: 2, Request: lode.HashOf(nil)}, cmd)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// TestNamedCommand: what has a name is read back as it was, grows as what is inside, and only
// writes of clients can have one.
func TestNamedCommand(t *testing.T) {
	c, err := newCodec()
	if err != nil {
		t.Fatal(err)
	}
	for _, inner := range []command{&createCollection{}, &deleteCollection{Collection: 1}, &submit{ID: "d"}, &retry{}, &deleteDocuments{}, &putPoints{}} {
		data, _, err := c.encode(mustName(t, c, inner))
		if err != nil {
			t.Fatal(err)
		}
		cmd, err := c.decode(data)
		if err != nil {
			t.Fatal(err)
		}
		got := cmd.(*named)
		if got.inner.commandType() != inner.commandType() || grows(got) != grows(inner) || got.Operation.Part != 1 {
			t.Errorf("%T became %+v", inner, got)
		}
		if again, _, err := c.encode(got); err != nil || string(again) != string(data) {
			t.Errorf("%T is written in two ways (%v)", inner, err)
		}
	}
	refused := func(what string, n *named) {
		t.Helper()
		if _, _, err := c.encode(n); err == nil {
			t.Errorf("%s was written", what)
		}
	}
	for _, inner := range []command{&initCluster{}, &claim{}, &stageSilver{}, &stageChunks{}, &complete{}, &fail{}, mustName(t, c, &retry{})} {
		refused("a named command of type", mustName(t, c, inner))
	}
	late := mustName(t, c, &retry{})
	late.Operation.Part = 2
	refused("part 2 of 2", late)
	newer := mustName(t, c, &retry{})
	newer.Version = 2
	refused("a payload of a newer version", newer)
	if _, _, err := c.encode(&deleteDocuments{IDs: []lode.DocID{"a"}, IfVersions: make([]*lode.Version, 2)}); err == nil {
		t.Error("two conditions for one id were written")
	}
}

// TestOldPayloads: payloads of version 1 are read as they were written.
func TestOldPayloads(t *testing.T) {
	c, err := newCodec()
	if err != nil {
		t.Fatal(err)
	}
	for _, cmd := range []command{&submit{ID: "d"}, &deleteDocuments{IDs: []lode.DocID{"a"}}, &putPoints{}, &createCollection{}, &stageChunks{}} {
		payload, err := c.enc.Marshal(cmd)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := c.decodePayload(cmd.commandType(), 1, payload); err != nil {
			t.Errorf("%T: %v", cmd, err)
		}
	}
}

// TestOutcomeIsBounded: a long list of refusals keeps their codes, one that is short keeps
// every word.
func TestOutcomeIsBounded(t *testing.T) {
	c, err := newCodec()
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range []int{1, 2, groupItems} {
		errs := make([]error, n+1)
		for i := range n {
			errs[i+1] = lode.FieldError(lode.CodeConflict, "id", strings.Repeat("x", 120-i%100), "the id is taken by %d", i).WithHint("choose another")
		}
		b, err := c.encodeOutcome(written{versions: make([]lode.Version, n+1), errs: errs})
		if err != nil || len(b) > 16<<10 {
			t.Errorf("%d refusals take %d bytes (%v)", n, len(b), err)
		}
		got, err := resolve[written](c, replay{b})
		if err != nil || len(got.errs) != n+1 || got.errs[0] != nil || !lode.IsCode(got.errs[n], lode.CodeConflict) {
			t.Fatalf("%d refusals became %d (%v)", n, len(got.errs), err)
		}
		if n < groupItems && got.errs[1].Error() != errs[1].Error() {
			t.Errorf("%v became %v", errs[1], got.errs[1])
		}
	}
	// One refusal of many items is kept once; the ids are those of the repeated request.
	missing := make([]error, groupItems)
	for i := range missing {
		missing[i] = lode.NotFound("document", i)
	}
	b, err := c.encodeOutcome(missing)
	if err != nil || len(b) > 8<<10 {
		t.Errorf("%d equal refusals take %d bytes (%v)", groupItems, len(b), err)
	}
	again, err := resolve[[]error](c, replay{b})
	if err != nil {
		t.Fatal(err)
	}
	nameOwn(again, []int{7}, func(at int) lode.DocID { return "7" })
	if again[7].Error() != missing[7].Error() {
		t.Errorf("%v became %v", missing[7], again[7])
	}
	for _, bad := range []outcome{{Items: 1, Refused: []refusal{{Items: []int{1}}}}, {Items: 1, Refused: []refusal{{Items: []int{-1}}}}} {
		b, err := c.enc.Marshal(bad)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := resolve[[]error](c, replay{b}); !lode.IsCode(err, lode.CodeCorrupt) {
			t.Errorf("%+v: %v", bad, err)
		}
	}
}
