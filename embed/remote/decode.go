package remote

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/lodedb/lode"
)

// decode reads the vectors of n texts and the tokens that the provider counted.
func (s *shape) decode(answer []byte, n, dim int) ([]lode.Vector, int64, error) {
	r, err := s.read(answer, n)
	if err != nil {
		return nil, 0, err
	}
	out := make([]lode.Vector, n)
	for i, raw := range r.vectors {
		if out[i], err = decodeVector(raw, dim); err != nil {
			return nil, 0, fmt.Errorf("vector %d: %w", i, err)
		}
	}
	return out, max(r.tokens, 0), nil
}

// decodeVector reads base64 of little-endian float32, or an array of numbers.
func decodeVector(raw json.RawMessage, dim int) (lode.Vector, error) {
	v, err := numbers(raw)
	if err != nil {
		return nil, err
	}
	if len(v) != dim {
		return nil, wrongDim{got: len(v), want: dim}
	}
	if v.ValidateFor(dim, lode.Cosine) != nil {
		return nil, errors.New("numbers that are not finite, or all zero")
	}
	return v, nil
}

// wrongDim is a model that has another size than the collection says.
type wrongDim struct{ got, want int }

func (w wrongDim) Error() string { return fmt.Sprintf("%d dimensions instead of %d", w.got, w.want) }

func numbers(raw json.RawMessage) (lode.Vector, error) {
	if len(raw) == 0 {
		return nil, errors.New("no embedding")
	}
	if raw[0] != '"' {
		var v lode.Vector
		// The decoder would take null for zero.
		if bytes.Contains(raw, []byte("null")) || json.Unmarshal(raw, &v) != nil {
			return nil, errors.New("neither base64 nor numbers of 32 bits")
		}
		return v, nil
	}
	var text string
	if err := json.Unmarshal(raw, &text); err != nil {
		return nil, errors.New("embedding is no string")
	}
	packed, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return nil, errors.New("embedding is no base64")
	}
	v, err := lode.ParseVector(packed)
	if err != nil {
		return nil, errors.New("base64 of a broken number")
	}
	return v, nil
}
