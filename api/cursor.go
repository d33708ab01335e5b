package api

import (
	"encoding/base64"
	"encoding/binary"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/api/v1"
)

// A cursor is opaque to clients. Inside is one byte that says which list it belongs to, so
// that a cursor of one list is no cursor of another, then the last item shown: a
// collection's name or a document's number as a varint. That of a scroll says more.
const (
	cursorCollections = 'c'
	cursorDocuments   = 'd'
)

var cursorEncoding = base64.RawURLEncoding.Strict()

func collectionCursor(name string) string {
	if name == "" {
		return ""
	}
	return cursorEncoding.EncodeToString(append([]byte{cursorCollections}, name...))
}

func parseCollectionCursor(s string) (after string, err error) {
	if s == "" {
		return "", nil
	}
	b, err := openCursor(s, cursorCollections)
	if err != nil {
		return "", err
	}
	if lode.ValidateCollectionName(string(b)) != nil {
		return "", badCursor(s)
	}
	return string(b), nil
}

func documentCursor(no lode.DocNo) string {
	if no == 0 {
		return ""
	}
	return cursorEncoding.EncodeToString(binary.AppendUvarint([]byte{cursorDocuments}, uint64(no)))
}

func parseDocumentCursor(s string) (after lode.DocNo, err error) {
	if s == "" {
		return 0, nil
	}
	b, err := openCursor(s, cursorDocuments)
	if err != nil {
		return 0, err
	}
	no, n := binary.Uvarint(b)
	if n != len(b) || documentCursor(lode.DocNo(no)) != s {
		return 0, badCursor(s)
	}
	return lode.DocNo(no), nil
}

// openCursor takes the one form that a cursor is given in; base64 alone would pass over
// line breaks.
func openCursor(s string, list byte) ([]byte, error) {
	b, err := cursorEncoding.DecodeString(s)
	if err != nil || len(b) < 2 || b[0] != list || cursorEncoding.EncodeToString(b) != s {
		return nil, badCursor(s)
	}
	return b[1:], nil
}

func badCursor(s string) error {
	return lode.Invalid(v1.QueryCursor, s, "cursor is not one that this list gave").
		WithHint("begin without a cursor and follow next_cursor")
}
