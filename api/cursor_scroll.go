package api

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"fmt"

	"github.com/lodedb/lode"
)

// A cursor of a scroll holds, after its byte, the first bytes of a hash of what it belongs to
// (collection, kind, order and filter), the row of the last item shown as a varint, and the value
// of its field as JSON, nothing where it lacks the field.
const cursorScroll = 's'

// scrollBound is the length of that hash. It keeps callers from mistakes, not from forgery: a
// forged cursor shows no more than another place in the same order.
const scrollBound = 8

func scrollCursor(q *ScrollQuery, at ScrollPlace) (string, error) {
	b, err := boundTo(q, []byte{cursorScroll})
	if err != nil {
		return "", err
	}
	b = binary.AppendUvarint(b, uint64(at.Row))
	if isScalar(at.Value) {
		value, err := at.Value.MarshalJSON()
		if err != nil {
			return "", fmt.Errorf("encode cursor: %w", err)
		}
		b = append(b, value...)
	}
	return cursorEncoding.EncodeToString(b), nil
}

// boundTo appends the hash of what a cursor belongs to.
func boundTo(q *ScrollQuery, b []byte) ([]byte, error) {
	belongs, err := json.Marshal(struct {
		Collection, Field string
		Kind              lode.Kind
		Desc              bool
		Filter            lode.Filter
	}{q.Collection, q.Field, q.Kind, q.Desc, q.Filter})
	if err != nil {
		return b, fmt.Errorf("encode cursor: %w", err)
	}
	sum := sha256.Sum256(belongs)
	return append(b, sum[:scrollBound]...), nil
}

func isScalar(v lode.Value) bool {
	switch v.Kind {
	case lode.KindString, lode.KindInteger, lode.KindFloat, lode.KindBool:
		return true
	}
	return false
}

// parseScrollCursor reads a cursor of this very scroll; nil is its beginning.
func parseScrollCursor(q *ScrollQuery, s string) (*ScrollPlace, error) {
	if s == "" {
		return nil, nil
	}
	b, err := openCursor(s, cursorScroll)
	if err != nil {
		return nil, err
	}
	bound, err := boundTo(q, nil)
	if err != nil {
		return nil, err
	}
	if len(b) < scrollBound {
		return nil, badCursor(s)
	}
	if !bytes.Equal(b[:scrollBound], bound) {
		return nil, lode.Invalid("cursor", s, "cursor belongs to another collection, filter, kind or order").
			WithHint("repeat filter, kind and order_by while you follow next_cursor, or begin without a cursor")
	}
	b = b[scrollBound:]
	row, n := binary.Uvarint(b)
	if n <= 0 {
		return nil, badCursor(s)
	}
	at := ScrollPlace{Row: lode.RowID(row)}
	if value := b[n:]; len(value) > 0 && (at.Value.UnmarshalJSON(value) != nil || !isScalar(at.Value)) {
		return nil, badCursor(s)
	}
	if again, err := scrollCursor(q, at); err != nil || again != s {
		return nil, badCursor(s)
	}
	return &at, nil
}
