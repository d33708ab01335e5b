package openai

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/lodedb/lode"
)

// answer is the part of the provider's answer that is read.
type answer struct {
	Data []struct {
		Index     *int            `json:"index"`
		Embedding json.RawMessage `json:"embedding"`
	} `json:"data"`
}

// decode reads the vectors of n texts. Their order in the answer does not matter, their
// indexes do.
func decode(body []byte, n, dim int) ([]lode.Vector, error) {
	var a answer
	if err := json.Unmarshal(body, &a); err != nil {
		return nil, errors.New("the answer is not the JSON of the protocol")
	}
	if len(a.Data) != n {
		return nil, fmt.Errorf("%d vectors for %d texts", len(a.Data), n)
	}
	out := make([]lode.Vector, n)
	for _, item := range a.Data {
		switch {
		case item.Index == nil:
			return nil, errors.New("a vector without index")
		case *item.Index < 0 || *item.Index >= n:
			return nil, fmt.Errorf("index %d for %d texts", *item.Index, n)
		case out[*item.Index] != nil:
			return nil, fmt.Errorf("index %d comes twice", *item.Index)
		}
		v, err := decodeVector(item.Embedding, dim)
		if err != nil {
			return nil, fmt.Errorf("vector %d: %w", *item.Index, err)
		}
		out[*item.Index] = v
	}
	return out, nil
}

// decodeVector reads base64 of little-endian float32, or an array of numbers.
func decodeVector(raw json.RawMessage, dim int) (lode.Vector, error) {
	v, err := numbers(raw)
	if err != nil {
		return nil, err
	}
	if len(v) != dim {
		return nil, fmt.Errorf("%d dimensions instead of %d", len(v), dim)
	}
	if v.ValidateFor(dim, lode.Cosine) != nil {
		return nil, errors.New("numbers that are not finite, or all zero")
	}
	return v, nil
}

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
