package storage

import (
	"bytes"
	"reflect"
	"testing"

	"github.com/lodedb/lode"
)

// TestSealedRowsStayTheSame: a row without vectors in named spaces has the bytes that it always
// had, so that segments keep their hashes.
func TestSealedRowsStayTheSame(t *testing.T) {
	s := &lode.StagedChunk{
		Chunk:  lode.Chunk{ID: lode.ChunkID{Doc: 3, Version: 2, Ordinal: 1}, Text: "text", Span: lode.Span{Start: 1, End: 5}, Path: []string{"a"}, Page: 4, Tokens: 1},
		Vector: []byte{1, 2, 3, 4},
	}
	old, err := encMode.Marshal(&s.Chunk)
	if err != nil {
		t.Fatal(err)
	}
	got, err := makeSealedRow(s)
	if err != nil || !bytes.Equal(got, old) {
		t.Errorf("%x, want %x (%v)", got, old, err)
	}
	s.Vectors, s.Sparse = map[string][]byte{"b": {1, 2, 3, 4}, "a": {}}, map[string][]byte{"w": make([]byte, 8)}
	if got, err = makeSealedRow(s); err != nil || bytes.Equal(got, old) {
		t.Fatalf("named vectors are not written (%v)", err)
	}
	again, err := parseSealedRow(got)
	want := *s
	want.Vector = nil
	if err != nil || !reflect.DeepEqual(again, &want) {
		t.Errorf("%+v, want %+v (%v)", again, want, err)
	}
}

// TestIndexNames: names of files and of indexes stand for each other.
func TestIndexNames(t *testing.T) {
	h := lode.HashOf([]byte("x"))
	for _, n := range []IndexName{{Hash: h}, {Hash: h, Space: 1}, {Hash: h, Space: 8}, {Hash: h, Words: true}} {
		if got, ok := parseIndexName(n.String()); !ok || got != n {
			t.Errorf("%s became %+v", n, got)
		}
	}
	for _, name := range []string{"", ".index", "ab.index", h.String(), h.String() + ".segment", h.String() + ".0.index", h.String() + ".x.index", h.String() + ".01.index", h.String() + "..index", h.String() + ".index.index", h.String() + ".words.index.index", h.String() + ".words", h.String() + ".1.index.1.tmp"} {
		if n, ok := parseIndexName(name); ok {
			t.Errorf("%q is the name of %+v", name, n)
		}
	}
}
