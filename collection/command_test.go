package collection

import (
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
	for _, cmd := range []command{
		&initCluster{ID: "c", IDKey: make([]byte, 16)},
		&createCollection{Collection: lode.Collection{Name: "c"}},
		&submit{ID: "d", Metadata: lode.Metadata{"k": lode.ListValue(lode.FloatValue(0.5))}, Readers: []string{"a"}},
		&stageSilver{Data: []byte("x")},
		&stageChunks{},
		&complete{Completion: lode.Completion{Runs: []lode.Run{{Counts: map[string]int64{"a": 1}}}}},
		&fail{}, &retry{}, &claim{}, &deleteCollection{},
		&deleteDocuments{IDs: []lode.DocID{"a"}},
		&putPoints{Points: []cbor.RawMessage{item}},
	} {
		data, err := c.encode(cmd)
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
		data, err := c.encode(cmd)
		if err != nil {
			t.Fatalf("a command that was read cannot be written: %v", err)
		}
		again, err := c.decode(data)
		if err != nil {
			t.Fatal(err)
		}
		if twice, err := c.encode(again); err != nil || string(twice) != string(data) {
			t.Fatalf("encoding is not stable: %v", err)
		}
	})
}
