package api

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"strconv"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/api/v1"
)

// Hits are the answer that is written most often, so they are not left to reflection. A test
// holds the bytes against those of encoding/json.

// appendHitsJSON writes hits as the value of a v1.VectorHits. With vectors they show that of the
// named space that was searched too.
func appendHitsJSON(b []byte, hits []lode.Hit, with lode.With, using string) ([]byte, error) {
	b = append(b, `{"hits":[`...)
	for i := range hits {
		if i > 0 {
			b = append(b, ',')
		}
		hit := toHit(&hits[i])
		if using != "" {
			showSpace(&hit, &hits[i].Row, using)
		}
		var err error
		if b, err = appendHit(b, &hit, with); err != nil {
			return b, fmt.Errorf("encode hit %d: %w", i, err)
		}
	}
	return append(b, "]}"...), nil
}

// appendHit writes one hit; members come in the order of the type.
func appendHit(b []byte, h *v1.Hit, with lode.With) ([]byte, error) {
	var err error
	b = append(b, `{"score":`...)
	at := len(b)
	if b, err = appendFloat(b, h.Score, 64); err != nil {
		return b, err
	}
	if h.DenseScore != nil {
		if math.Float64bits(*h.DenseScore) == math.Float64bits(h.Score) {
			score := b[at:]
			b = append(append(b, `,"dense_score":`...), score...)
		} else if b, err = appendFloat(append(b, `,"dense_score":`...), *h.DenseScore, 64); err != nil {
			return b, err
		}
	}
	if h.LexicalScore != nil {
		if b, err = appendFloat(append(b, `,"lexical_score":`...), *h.LexicalScore, 64); err != nil {
			return b, err
		}
	}
	b = appendChunkID(append(b, `,"chunk_id":"`...), h.ChunkID)
	if b, err = appendString(append(b, `","document_id":`...), string(h.DocumentID)); err != nil {
		return b, err
	}
	b = append(append(b, `,"kind":"`...), h.Kind...)
	b = strconv.AppendUint(append(b, `","version":`...), uint64(h.Version), 10)
	if with.Text {
		if b, err = appendPassage(b, h); err != nil {
			return b, err
		}
	}
	return appendExtras(b, h, with)
}

// appendPassage writes what was read with the text.
func appendPassage(b []byte, h *v1.Hit) (_ []byte, err error) {
	for _, member := range []struct{ name, value string }{{`,"uri":`, h.URI}, {`,"title":`, h.Title}} {
		if member.value == "" {
			continue
		}
		if b, err = appendString(append(b, member.name...), member.value); err != nil {
			return b, err
		}
	}
	if b, err = appendString(append(b, `,"text":`...), h.Text); err != nil {
		return b, err
	}
	if len(h.Path) > 0 {
		if b, err = appendAny(append(b, `,"path":`...), h.Path); err != nil {
			return b, err
		}
	}
	if h.Page != 0 {
		b = strconv.AppendInt(append(b, `,"page":`...), int64(h.Page), 10)
	}
	b = strconv.AppendInt(append(b, `,"span":{"start":`...), int64(h.Span.Start), 10)
	b = strconv.AppendInt(append(b, `,"end":`...), int64(h.Span.End), 10)
	b = append(b, '}')
	if h.Header != nil {
		if b, err = appendAny(append(b, `,"header":`...), h.Header); err != nil {
			return b, err
		}
	}
	if h.Bronze != nil {
		b = append(append(append(b, `,"bronze":"`...), h.Bronze.String()...), '"')
	}
	if len(h.Flags) > 0 {
		if b, err = appendAny(append(b, `,"flags":`...), h.Flags); err != nil {
			return b, err
		}
	}
	return b, nil
}

// appendExtras writes the rest and closes the hit.
func appendExtras(b []byte, h *v1.Hit, with lode.With) (_ []byte, err error) {
	if with.Metadata && len(h.Metadata) > 0 {
		if b, err = appendAny(append(b, `,"metadata":`...), h.Metadata); err != nil {
			return b, err
		}
	}
	if with.Vector && len(h.Vector) > 0 {
		b = append(b, `,"vector":`...)
		for i, x := range h.Vector {
			separator := byte(',')
			if i == 0 {
				separator = '['
			}
			if b, err = appendFloat(append(b, separator), float64(x), 32); err != nil {
				return b, err
			}
		}
		b = append(b, ']')
	}
	if with.Vector && len(h.Vectors) > 0 {
		if b, err = appendAny(append(b, `,"vectors":`...), h.Vectors); err != nil {
			return b, err
		}
	}
	if with.Vector && len(h.Sparse) > 0 {
		if b, err = appendAny(append(b, `,"sparse":`...), h.Sparse); err != nil {
			return b, err
		}
	}
	return append(b, '}'), nil
}

func appendChunkID(b []byte, c lode.ChunkID) []byte {
	b = strconv.AppendUint(append(b, "ch-"...), uint64(c.Doc), 10)
	b = strconv.AppendUint(append(b, '-'), uint64(c.Version), 10)
	return strconv.AppendUint(append(b, '-'), uint64(c.Ordinal), 10)
}

// appendString writes a JSON string.
func appendString(b []byte, s string) ([]byte, error) {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c > '~' || c == '"' || c == '\\' {
			return appendAny(b, s)
		}
	}
	b = append(b, '"')
	b = append(b, s...)
	return append(b, '"'), nil
}

// appendAny leaves a value to encoding/json.
func appendAny(b []byte, v any) ([]byte, error) {
	buf := bytes.NewBuffer(b)
	enc := json.NewEncoder(buf)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return b, fmt.Errorf("encode %T: %w", v, err)
	}
	return bytes.TrimSuffix(buf.Bytes(), []byte{'\n'}), nil
}

// appendFloat writes a number of that many bits as encoding/json does: by ES6, with an
// exponent only where it is very large or small.
func appendFloat(b []byte, f float64, bits int) ([]byte, error) {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return b, fmt.Errorf("encode number: %v is none of JSON", f)
	}
	small, large := 1e-6, 1e21
	if bits == 32 {
		small, large = float64(float32(1e-6)), float64(float32(1e21))
	}
	format := byte('f')
	if size := math.Abs(f); size != 0 && (size < small || size >= large) {
		format = 'e'
	}
	b = strconv.AppendFloat(b, f, format, -1, bits)
	if n := len(b); format == 'e' && n >= 4 && b[n-4] == 'e' && b[n-3] == '-' && b[n-2] == '0' {
		b[n-2] = b[n-1] // e-09 is written e-9
		b = b[:n-1]
	}
	return b, nil
}
