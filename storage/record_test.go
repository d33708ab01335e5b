package storage_test

import (
	"bytes"
	"encoding/hex"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/internal/seal"
	"github.com/lodedb/lode/storage"
)

const kindVersion seal.Kind = 0x28

func fullVersion() *lode.DocVersion {
	zone := time.FixedZone("far", 5*3600+1800)
	return &lode.DocVersion{
		Doc: 1, Version: 2, State: lode.StateReady, Blob: lode.HashOf([]byte("b")), Size: 3, URI: "file://x", MediaType: "text/plain",
		ReceivedAt: time.Date(2026, 1, 2, 3, 4, 5, 600, zone), Epoch: 4, Title: "T", Silver: lode.HashOf([]byte("s")), Chunks: 5, FirstRow: 6,
		Runs: []lode.Run{{Stage: lode.StageParse, Start: time.Now(), Duration: 7, Inputs: []lode.Hash{lode.HashOf(nil)}, Counts: map[string]int64{"z": 1, "a": 2, "long name": -3}}},
	}
}

// TestRecordsAreByteStable is what equal state on all nodes rests on.
func TestRecordsAreByteStable(t *testing.T) {
	v := fullVersion()
	b, err := storage.EncodeRecord(kindVersion, v)
	if err != nil {
		t.Fatal(err)
	}
	for range 20 {
		got := new(lode.DocVersion)
		if err := storage.DecodeRecord(kindVersion, b, got); err != nil {
			t.Fatal(err)
		}
		same := cmp.Comparer(func(a, b time.Time) bool { return a.Equal(b) })
		if diff := cmp.Diff(v, got, same); diff != "" {
			t.Fatal(diff)
		}
		if _, offset := got.ReceivedAt.Zone(); offset != 0 || got.UpdatedAt != (time.Time{}) {
			t.Fatalf("times %v and %v", got.ReceivedAt, got.UpdatedAt)
		}
		again, err := storage.EncodeRecord(kindVersion, got)
		if err != nil || !bytes.Equal(again, b) {
			t.Fatalf("encoding is not stable: %v", err)
		}
	}
}

func TestDecodedRecordsShareNoMemory(t *testing.T) {
	row := &lode.StagedChunk{Chunk: lode.Chunk{Text: "text", Path: []string{"path"}}, Vector: []byte{1, 2, 3, 4}}
	b, err := storage.EncodeRecord(0x29, row)
	if err != nil {
		t.Fatal(err)
	}
	got := new(lode.StagedChunk)
	if err := storage.DecodeRecord(0x29, b, got); err != nil {
		t.Fatal(err)
	}
	clear(b)
	if diff := cmp.Diff(row, got); diff != "" {
		t.Error(diff)
	}
}

func TestOddRecordsAreRefused(t *testing.T) {
	for name, payload := range map[string]string{
		"empty":           "",
		"cut short":       "\xa1\x01",
		"not a map":       "\x01",
		"bytes behind":    "\xa1\x01\x01\x00",
		"duplicate key":   "\xa2\x01\x01\x01\x02",
		"indefinite map":  "\xbf\x01\x01\xff",
		"tag":             "\xc1\xa1\x01\x01",
		"unknown field":   "\xa1\x18\x63\x01",
		"wrong type":      "\xa1\x01\x61x",
		"deep nesting":    "\xa1\x0f\x81\x81\x81\x81\x81\x81\x81\x81\x81\x81\x81\x81\x81\x81\x81\x81\x81\x81\x81\x01",
		"huge array":      "\xa1\x0f\x9b\xff\xff\xff\xff\xff\xff\xff\xff",
		"negative number": "\xa1\x01\x20",
	} {
		err := storage.DecodeRecord(kindVersion, seal.Seal(kindVersion, []byte(payload)), new(lode.DocVersion))
		if !lode.IsCode(err, lode.CodeCorrupt) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestLargeRecordsAreNotWritten(t *testing.T) {
	_, err := storage.EncodeRecord(kindVersion, &lode.DocVersion{Title: string(make([]byte, storage.MaxRecordBytes))})
	wantCode(t, err, lode.CodeTooLarge)
	_, err = storage.EncodeRecord(kindVersion, &lode.DocVersion{Runs: []lode.Run{{Outputs: make([]lode.Hash, 1<<20+1)}}})
	wantCode(t, err, lode.CodeTooLarge)
}

// FuzzRecord decodes any payload as every kind of record: no crash, coded errors, and what
// was decoded has one encoding.
func FuzzRecord(f *testing.F) {
	seed, err := storage.EncodeRecord(kindVersion, fullVersion())
	if err != nil {
		f.Fatal(err)
	}
	f.Add(seed[seal.HeaderBytes:])
	f.Add([]byte("\xa1\x01\x01"))
	f.Add([]byte("\xbf\xff"))
	forms := storage.Forms()
	f.Fuzz(func(t *testing.T, payload []byte) {
		for kind, form := range forms {
			v := form.Value()
			if v == nil {
				continue
			}
			if err := storage.DecodeRecord(kind, seal.Seal(kind, payload), v); err != nil {
				if !lode.IsCode(err, lode.CodeCorrupt) {
					t.Errorf("kind %#x: error without code: %v", kind, err)
				}
				continue
			}
			first, err := storage.EncodeRecord(kind, v)
			if err != nil {
				t.Fatalf("kind %#x: decoded record cannot be encoded: %v", kind, err)
			}
			again := form.Value()
			if err := storage.DecodeRecord(kind, first, again); err != nil {
				t.Fatalf("kind %#x: encoded record cannot be decoded: %v", kind, err)
			}
			if second, _ := storage.EncodeRecord(kind, again); !bytes.Equal(first, second) {
				t.Errorf("kind %#x: encoding is not stable", kind)
			}
		}
	})
}

func FuzzParseNode(f *testing.F) {
	f.Add(storage.FormatNode("6ba7b810-9dad-11d1-80b4-00c04fd430c8"))
	f.Add([]byte("lode data folder\nformat 2\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		id, err := storage.ParseNode(b)
		if err == nil && !bytes.Equal(storage.FormatNode(id), b) {
			t.Error("a NODE was read that is never written")
		}
		if err != nil && !lode.IsCode(err, lode.CodeCorrupt) {
			t.Errorf("error without code: %v", err)
		}
	})
}

// TestRecordsHoldDeepMetadata writes the deepest metadata that is allowed, every kind of value,
// an end and a patch, and reads them back.
func TestRecordsHoldDeepMetadata(t *testing.T) {
	deep := lode.NullValue()
	for depth := range lode.MaxMetadataDepth {
		if depth%2 == 0 {
			deep = lode.ObjectValue(lode.Metadata{"z": deep, "a": lode.IntegerValue(1)})
		} else {
			deep = lode.ListValue(deep, lode.NullValue())
		}
	}
	ends, readers := day.Add(time.Hour), []string{}
	d := &lode.Document{ID: "d", Metadata: lode.Metadata{"deep": deep, "null": lode.NullValue(), "hole": lode.ObjectValue(nil)}, CreatedAt: day, UpdatedAt: day, ExpiresAt: &ends}
	if err := d.Metadata.Validate(); err != nil {
		t.Fatal(err)
	}
	patch := &lode.Patch{Set: d.Metadata, Readers: &readers, ExpiresAt: &lode.Expiry{}}
	roundTrip(t, d, new(lode.Document))
	roundTrip(t, &lode.DocVersion{ExpiresAt: &ends, Metadata: d.Metadata}, new(lode.DocVersion))
	roundTrip(t, patch, new(lode.Patch))
	roundTrip(t, &lode.Patch{ExpiresAt: &lode.Expiry{At: &ends}, Replace: &lode.Metadata{}}, new(lode.Patch))
}

func roundTrip(t *testing.T, v, got any) {
	t.Helper()
	b, err := storage.EncodeRecord(kindVersion, v)
	if err != nil {
		t.Fatal(err)
	}
	if err := storage.DecodeRecord(kindVersion, b, got); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(v, got, cmp.Comparer(func(a, b time.Time) bool { return a.Equal(b) })); diff != "" {
		t.Error(diff)
	}
	for range 20 {
		if again, err := storage.EncodeRecord(kindVersion, got); err != nil || !bytes.Equal(again, b) {
			t.Fatalf("encoding is not stable: %v", err)
		}
	}
}

// TestRecordsOfFlatMetadata reads what was written when metadata was flat, and writes the same.
func TestRecordsOfFlatMetadata(t *testing.T) {
	const kindDocument seal.Kind = 0x27
	const written = "4c012700000000008d000000d380e34bab01070201030104636f6c6405a56162a2010405f56166a2010304f938006169a201020322616ca201050682a20101026178a201020301" +
		"63732e74a20101026179068161610701080009000a781e323032362d30332d30345430353a30363a30372e3030303030303038395a0b781e323032362d30332d30345430353a30363a30372e3030303030303038395a"
	old, err := hex.DecodeString(written)
	if err != nil {
		t.Fatal(err)
	}
	want := &lode.Document{
		No: 7, Collection: 1, Kind: lode.KindDocument, ID: "old", CreatedAt: day, UpdatedAt: day, Readers: []string{"a"}, Newest: 1,
		Metadata: lode.Metadata{
			"b": lode.BoolValue(true), "f": lode.FloatValue(0.5), "i": lode.IntegerValue(-3), "s.t": lode.StringValue("y"),
			"l": lode.ListValue(lode.StringValue("x"), lode.IntegerValue(1)),
		},
	}
	got := new(lode.Document)
	if err := storage.DecodeRecord(kindDocument, old, got); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if again, err := storage.EncodeRecord(kindDocument, got); err != nil || !bytes.Equal(again, old) {
		t.Errorf("became %x: %v", again, err)
	}
}
