package v1

import (
	"slices"

	"github.com/lodedb/lode"
)

// SearchFrame is a search for vectors as a frame: "LVSQ". The numbers of the head are k, the
// bytes of the filter, the breadth, and 1 for an exact search.
type SearchFrame struct {
	Parts   FrameParts    // what the answer shows beside id, version and score
	Vectors []lode.Vector // 1 to lode.MaxSearches of one dimension
	K       int
	Ef      int    // breadth; 0: the default
	Exact   bool   // compare every vector
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
	if err := (&lode.DenseSearch{K: s.K, Ef: s.Ef, Exact: s.Exact}).Validate(); err != nil {
		return nil, err
	}
	h := head{parts: s.Parts, dim: uint32(dim), count: uint32(len(s.Vectors)), numbers: [4]uint32{uint32(s.K), uint32(len(s.Filter)), uint32(s.Ef), one(s.Exact)}}
	b = slices.Grow(b, frameHead+4*dim*len(s.Vectors)+len(s.Filter))
	b = h.append(b, magicSearch)
	for _, v := range s.Vectors {
		b = lode.AppendVector(b, v)
	}
	return append(b, s.Filter...), nil
}

func one(b bool) uint32 {
	if b {
		return 1
	}
	return 0
}

// ParseSearchFrame reads a search. Whether the filter is one is left to the caller.
func ParseSearchFrame(b []byte) (*SearchFrame, error) {
	h, f, err := openFrame(b, magicSearch)
	if err != nil {
		return nil, err
	}
	if h.numbers[3] > 1 {
		return nil, lode.Invalid("exact", h.numbers[3], "exact must be 0 or 1")
	}
	if err := h.checkDim(); err != nil {
		return nil, err
	}
	if err := h.checkCount(lode.MaxSearches); err != nil {
		return nil, err
	}
	how := h.denseSearch()
	if err := how.Validate(); err != nil {
		return nil, err
	}
	filter := h.numbers[1]
	if filter > maxFilterBytes {
		return nil, lode.FieldError(lode.CodeTooLarge, "filter", filter, "the filter has %d bytes of JSON, the limit is %d", filter, maxFilterBytes)
	}
	if err := f.want(4*uint64(h.dim)*uint64(h.count), uint64(filter)); err != nil {
		return nil, err
	}
	s := &SearchFrame{Parts: h.parts, K: how.K, Ef: how.Ef, Exact: how.Exact, Vectors: f.vectors(int(h.count), int(h.dim))}
	if filter > 0 {
		s.Filter = slices.Clone(f.rest)
	}
	return s, nil
}

// denseSearch returns what the head asks for. Numbers past the limits become just too large
// ones, so that an int of 32 bits holds them.
func (h *head) denseSearch() *lode.DenseSearch {
	return &lode.DenseSearch{
		K:     int(min(h.numbers[0], lode.MaxK+1)),
		Ef:    int(min(h.numbers[2], lode.MaxEf+1)),
		Exact: h.numbers[3] == 1,
	}
}
