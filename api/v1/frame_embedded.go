package v1

import (
	"slices"

	"github.com/lodedb/lode"
)

// EmbeddedFrame is the vectors of texts as a frame: "LVEV". The head has their dimensions and
// number; nothing else is in it.
type EmbeddedFrame struct {
	Vectors []lode.Vector // 1 to MaxEmbedTexts of one dimension
}

// Append appends the frame.
func (e *EmbeddedFrame) Append(b []byte) ([]byte, error) {
	dim, err := sameDim(slices.Values(e.Vectors))
	if err != nil {
		return nil, err
	}
	h := head{dim: uint32(dim), count: uint32(len(e.Vectors))}
	b = h.append(slices.Grow(b, frameHead+4*dim*len(e.Vectors)), magicEmbedded)
	for _, v := range e.Vectors {
		b = lode.AppendVector(b, v)
	}
	return b, nil
}

// ParseEmbeddedFrame reads an answer.
func ParseEmbeddedFrame(b []byte) (*EmbeddedFrame, error) {
	h, f, err := openFrame(b, magicEmbedded)
	if err != nil {
		return nil, err
	}
	if err := h.unused(0); err != nil {
		return nil, err
	}
	if err := h.checkDim(); err != nil {
		return nil, err
	}
	if err := h.checkCount(MaxEmbedTexts); err != nil {
		return nil, err
	}
	if err := f.want(4 * uint64(h.dim) * uint64(h.count)); err != nil {
		return nil, err
	}
	return &EmbeddedFrame{Vectors: f.vectors(int(h.count), int(h.dim))}, nil
}
