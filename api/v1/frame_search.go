package v1

import (
	"slices"

	"github.com/lodedb/lode"
)

// SearchFrame is a search for vectors as a frame: "LVSQ". The numbers of the head are k, the
// bytes of the filter, and two zeros.
type SearchFrame struct {
	Parts   FrameParts    // what the answer shows beside id, version and score
	Vectors []lode.Vector // 1 to lode.MaxSearches of one dimension
	K       int
	Filter  []byte // JSON of a lode.Filter; empty: none
}

// maxFilterBytes bounds a filter as JSON.
const maxFilterBytes = 1 << 20

// Append appends the frame.
func (s *SearchFrame) Append(b []byte) ([]byte, error) {
	dim, err := sameDim(slices.Values(s.Vectors))
	if err != nil {
		return nil, err
	}
	if err := lode.ValidateK(s.K); err != nil {
		return nil, err
	}
	h := head{parts: s.Parts, dim: uint32(dim), count: uint32(len(s.Vectors)), numbers: [4]uint32{uint32(s.K), uint32(len(s.Filter))}}
	b = slices.Grow(b, frameHead+4*dim*len(s.Vectors)+len(s.Filter))
	b = h.append(b, magicSearch)
	for _, v := range s.Vectors {
		b = lode.AppendVector(b, v)
	}
	return append(b, s.Filter...), nil
}

// ParseSearchFrame reads a search. Whether the filter is one is left to the caller.
func ParseSearchFrame(b []byte) (*SearchFrame, error) {
	h, f, err := openFrame(b, magicSearch)
	if err != nil {
		return nil, err
	}
	if err := h.unused(2); err != nil {
		return nil, err
	}
	if err := h.checkDim(); err != nil {
		return nil, err
	}
	if err := h.checkCount(lode.MaxSearches); err != nil {
		return nil, err
	}
	k, filter := h.numbers[0], h.numbers[1]
	if k > lode.MaxK {
		k = lode.MaxK + 1 // an int of 32 bits holds it
	}
	if err := lode.ValidateK(int(k)); err != nil {
		return nil, err
	}
	if filter > maxFilterBytes {
		return nil, lode.FieldError(lode.CodeTooLarge, "filter", filter, "the filter has %d bytes of JSON, the limit is %d", filter, maxFilterBytes)
	}
	if err := f.want(4*uint64(h.dim)*uint64(h.count), uint64(filter)); err != nil {
		return nil, err
	}
	s := &SearchFrame{Parts: h.parts, K: int(k), Vectors: f.vectors(int(h.count), int(h.dim))}
	if filter > 0 {
		s.Filter = slices.Clone(f.rest)
	}
	return s, nil
}
