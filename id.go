package lode

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// CollectionID is the internal number of a collection. Numbers are never reused, so that
// a collection made again under an old name shares nothing with its predecessor.
type CollectionID uint64

// DocNo is the internal number of a document or raw vector, unique on the whole cluster
// and never reused. Outside ids ([DocID]) are looked up by keyed hash.
type DocNo uint64

// DocID is a document's or raw vector's outside id, chosen by the client (often the path
// or URL) and unique within a collection and [Kind].
type DocID string

// Version counts the contents a document has had; the first is 1.
type Version uint32

// RowID is the internal number of a searchable row (a chunk with its vector), unique
// within a collection, ascending in commit order. Equal scores are ordered by it.
type RowID uint64

// SegmentID counts the segments of a collection; the first is 1. Numbers are never reused.
type SegmentID uint64

// MaxDocIDBytes is the longest outside id.
const MaxDocIDBytes = 1024

// Validate reports whether the id can be used: 1 to [MaxDocIDBytes] bytes of UTF-8
// without control characters. "../x" is fine: an id never becomes a path.
func (id DocID) Validate() error {
	return validateLabel("id", string(id), MaxDocIDBytes)
}

// validateLabel is the rule shared by ids, URIs and reader labels.
func validateLabel(field, s string, maxBytes int) error {
	switch {
	case s == "":
		return Invalid(field, s, "%s must not be empty", field)
	case len(s) > maxBytes:
		return Invalid(field, s, "%s has %d bytes, the limit is %d", field, len(s), maxBytes)
	case !utf8.ValidString(s):
		return Invalid(field, s, "%s is not valid UTF-8", field)
	case strings.IndexFunc(s, unicode.IsControl) >= 0:
		return Invalid(field, s, "%s holds a control character", field)
	}
	return nil
}

const maxCollectionName = 64

// ValidateCollectionName checks a collection's name: 1 to 64 of a-z, 0-9, "_" and "-". Every
// request does so a few times on its way, which is why it is no regular expression.
func ValidateCollectionName(name string) error {
	if name == "" || len(name) > maxCollectionName || !isCollectionName(name) {
		return Invalid("collection", name, "collection name must be 1 to 64 characters of a-z, 0-9, _ and -")
	}
	return nil
}

func isCollectionName(s string) bool {
	for i := range len(s) {
		c := s[i]
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '_' && c != '-' {
			return false
		}
	}
	return true
}

// ChunkID names one chunk of one version of one document, for ever: text form
// "ch-<doc>-<version>-<ordinal>" in decimal. A raw vector is the only chunk of its document.
type ChunkID struct {
	Doc     DocNo   `cbor:"1,keyasint"`
	Version Version `cbor:"2,keyasint"`
	Ordinal uint32  `cbor:"3,keyasint"`
}

// String returns the text form.
func (c ChunkID) String() string {
	return fmt.Sprintf("ch-%d-%d-%d", c.Doc, c.Version, c.Ordinal)
}

// MarshalText returns the text form, for JSON.
func (c ChunkID) MarshalText() ([]byte, error) { return []byte(c.String()), nil }

// UnmarshalText parses the text form.
func (c *ChunkID) UnmarshalText(b []byte) error {
	id, err := ParseChunkID(string(b))
	if err == nil {
		*c = id
	}
	return err
}

// ParseChunkID parses the text form.
func ParseChunkID(s string) (ChunkID, error) {
	bad := Invalid("chunk", s, "chunk id must look like ch-12-1-0")
	parts := strings.Split(s, "-")
	if len(parts) != 4 || parts[0] != "ch" {
		return ChunkID{}, bad
	}
	doc, err1 := strconv.ParseUint(parts[1], 10, 64)
	version, err2 := strconv.ParseUint(parts[2], 10, 32)
	ordinal, err3 := strconv.ParseUint(parts[3], 10, 32)
	id := ChunkID{Doc: DocNo(doc), Version: Version(version), Ordinal: uint32(ordinal)}
	if err1 != nil || err2 != nil || err3 != nil || id.String() != s {
		return ChunkID{}, bad
	}
	return id, nil
}

// Hash is a SHA-256. Its text form is 64 lower-case hex digits.
type Hash [sha256.Size]byte

// HashOf returns the SHA-256 of b.
func HashOf(b []byte) Hash { return sha256.Sum256(b) }

// IsZero reports whether no hash was set.
func (h Hash) IsZero() bool { return h == Hash{} }

// String returns the text form.
func (h Hash) String() string { return hex.EncodeToString(h[:]) }

// ParseHash reads the text form.
func ParseHash(s string) (h Hash, err error) {
	err = h.UnmarshalText([]byte(s))
	return h, err
}

// MarshalText returns the text form, for JSON.
func (h Hash) MarshalText() ([]byte, error) { return []byte(h.String()), nil }

// UnmarshalText parses the text form.
func (h *Hash) UnmarshalText(b []byte) error {
	if hex.DecodedLen(len(b)) != len(h) {
		return Invalid("hash", string(b), "a hash has 64 hex digits")
	}
	if _, err := hex.Decode(h[:], b); err != nil {
		return Invalid("hash", string(b), "a hash has 64 hex digits")
	}
	return nil
}
