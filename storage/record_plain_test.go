package storage_test

import (
	"bytes"
	"math"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/storage"
)

// plainRecords are the records that have a reader of their own, with every field that it reads.
func plainRecords() []any {
	at, hash := time.Date(2026, 3, 4, 5, 6, 7, 890, time.UTC), lode.HashOf([]byte("x"))
	run := lode.Run{Stage: lode.StageParse, Start: at, Duration: time.Minute, Inputs: []lode.Hash{hash, {}}, Outputs: []lode.Hash{hash},
		Config: "text/1", Counts: map[string]int64{"rows": 300, "a longer name than others have": 1 << 40}}
	return []any{
		&lode.Chunk{ID: lode.ChunkID{Doc: 1 << 33, Version: math.MaxUint32, Ordinal: 70000}, Text: strings.Repeat("text ü ", 50),
			Span: lode.Span{Start: 23, End: 24}, Path: []string{"a", "", "c"}, Page: 255, Tokens: 256,
			Header: &lode.ChunkHeader{Span: lode.Span{Start: 1, End: 22}, Text: "name | size"},
			Flags:  []lode.TextFlag{{Kind: lode.FlagHidden, Span: lode.Span{Start: 1, End: 300}, Rule: "tag"}, {Kind: "another"}}},
		&lode.DocVersion{Doc: math.MaxUint64, Version: 3, State: lode.StateReady, Blob: hash, Size: 1 << 50, URI: "file:x", MediaType: "text/plain",
			ReceivedAt: at, Epoch: 65536, Title: "\xff", Silver: hash, Gold: hash, Chunks: 10, FirstRow: 65535, Runs: []lode.Run{run, {Stage: "another"}},
			UpdatedAt: at.Add(time.Second), Segment: 9, ExpiresAt: &at, Language: "de"},
		&storage.Segment{ID: 1, State: storage.SegmentMerged, Pending: 2, Members: 3, Bytes: 4, ClosedAt: 5, Hash: hash, FileBytes: 6, PutAt: 7,
			Inputs: []lode.SegmentID{8, 1 << 35}, Into: 9, Rows: 10, FileRows: 11},
		storage.FullApplied(), storage.FullSealedRow(),
	}
}

// general are the fields that are left to the general decoder.
var general = map[string]bool{"Metadata": true, "Readers": true, "Failure": true, "Kept": true}

// TestPlainRecords: the reader of its own reads every field, and what it reads is what the
// general decoder reads.
func TestPlainRecords(t *testing.T) {
	for _, want := range plainRecords() {
		for _, v := range []any{want, reflect.New(reflect.TypeOf(want).Elem()).Interface()} {
			b, err := storage.Encode(v)
			if err != nil {
				t.Fatal(err)
			}
			if !agree(t, b, v) {
				t.Errorf("%T is left to the general decoder: %x", v, b)
			}
		}
		everyField(t, reflect.ValueOf(want).Elem())
	}
}

// TestRecordsKeepEveryField: what is written is read with every field. A row of a sealed segment holds a
// chunk's fields beside its own, and of two fields with one key one would be lost.
func TestRecordsKeepEveryField(t *testing.T) {
	for _, want := range plainRecords() {
		b, err := storage.Encode(want)
		if err != nil {
			t.Fatal(err)
		}
		got := reflect.New(reflect.TypeOf(want).Elem()).Interface()
		if err := storage.GeneralRecord(b, got); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%T: %v\nwritten %+v\nread    %+v", want, err, want, got)
		}
	}
}

// everyField wants a value in every field, so that the test knows when there is a new one.
func everyField(t *testing.T, v reflect.Value) {
	t.Helper()
	for i := range v.NumField() {
		name, field := v.Type().Field(i).Name, v.Field(i)
		if field.IsZero() != general[name] {
			t.Errorf("%s.%s: is it read by record_plain.go? Then it belongs in this test", v.Type(), name)
		}
		if field.Kind() == reflect.Slice && field.Len() > 0 {
			field = field.Index(0)
		}
		if field.Kind() == reflect.Pointer && !field.IsNil() {
			field = field.Elem()
		}
		if field.Kind() == reflect.Struct && field.Type() != reflect.TypeFor[time.Time]() {
			everyField(t, field)
		}
	}
}

// agree reads a payload both ways and reports whether the reader of its own takes it: then the
// general decoder must, with the same result. v says what it is of.
func agree(t *testing.T, payload []byte, v any) (taken bool) {
	t.Helper()
	plain, other := reflect.New(reflect.TypeOf(v).Elem()).Interface(), reflect.New(reflect.TypeOf(v).Elem()).Interface()
	own := bytes.Clone(payload)
	taken = storage.PlainRecord(own, plain)
	clear(own) // what was read shares no memory with it
	if !taken {
		if !reflect.ValueOf(plain).Elem().IsZero() {
			t.Errorf("%x: given up, and left %+v", payload, plain)
		}
		return false
	}
	if err := storage.GeneralRecord(payload, other); err != nil {
		t.Errorf("%x: %T is taken, and refused by the general decoder: %v", payload, v, err)
	} else if !reflect.DeepEqual(plain, other) {
		t.Errorf("%x: read as\n%+v\nand not\n%+v", payload, plain, other)
	}
	return true
}

// TestPlainRecordsGiveUp changes bytes and cuts records: both decoders never disagree.
func TestPlainRecordsGiveUp(t *testing.T) {
	const seed = 20261127
	t.Logf("seed %d", seed)
	rnd := rand.New(rand.NewPCG(seed, 0))
	for _, v := range plainRecords() {
		b, err := storage.Encode(v)
		if err != nil {
			t.Fatal(err)
		}
		taken, given := 0, 0
		for range steps(3000, 100_000) {
			bad := bytes.Clone(b)
			for range 1 + rnd.IntN(3) {
				bad[rnd.IntN(len(bad))] = byte(rnd.Uint32())
			}
			switch rnd.IntN(8) {
			case 0:
				bad = bad[:rnd.IntN(len(bad))]
			case 1:
				bad = slices.Insert(bad, rnd.IntN(len(bad)+1), byte(rnd.Uint32()))
			}
			if agree(t, bad, v) {
				taken++
			} else {
				given++
			}
		}
		if taken == 0 || given == 0 {
			t.Errorf("%T: %d taken and %d given up; the test tries too little", v, taken, given)
		}
	}
}

// TestPlainRecordsOfOthers: what is not as encodeRecord writes it is for the general decoder.
func TestPlainRecordsOfOthers(t *testing.T) {
	for name, payload := range map[string]string{
		"long form":       "\xa1\x01\x18\x05",
		"longer form":     "\xa1\x01\x1b\x00\x00\x00\x00\x00\x00\x00\x05",
		"order of fields": "\xa2\x02\x01\x01\x01",
		"field twice":     "\xa2\x01\x01\x01\x01",
		"unknown field":   "\xa1\x18\x63\x01",
		"negative":        "\xa1\x0d\x20",
		"empty list":      "\xa1\x0f\x80",
		"long list":       "\xa1\x0f\x9b\xff\xff\xff\xff\xff\xff\xff\xff",
		"short hash":      "\xa1\x04\x41\x01",
		"a zone":          "\xa1\x08\x78\x19" + "2026-01-02T03:04:05+01:00",
		"failure":         "\xa1\x10\xa0",
		"bytes behind":    "\xa0\x00",
		"nothing":         "",
	} {
		if agree(t, []byte(payload), new(lode.DocVersion)) {
			t.Errorf("%s is taken", name)
		}
	}
}

func FuzzPlainRecord(f *testing.F) {
	for i, v := range plainRecords() {
		b, err := storage.Encode(v)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(i, b)
	}
	all := plainRecords()
	f.Fuzz(func(t *testing.T, i int, payload []byte) { agree(t, payload, all[uint(i)%uint(len(all))]) })
}
