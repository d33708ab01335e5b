package lode

import (
	"encoding/hex"
	"strings"
)

// UUID is a universally unique identifier of any version.
type UUID [16]byte

// ParseUUID reads a UUID in any of its spellings: 32 hex digits of either case, bare or with
// hyphens after the 8th, 12th, 16th and 20th, in braces, or after "urn:uuid:".
func ParseUUID(s string) (id UUID, ok bool) {
	const urn = "urn:uuid:"
	switch {
	case len(s) > len(urn) && strings.EqualFold(s[:len(urn)], urn):
		s = s[len(urn):]
	case len(s) > 2 && s[0] == '{' && s[len(s)-1] == '}':
		s = s[1 : len(s)-1]
	}
	var digits [32]byte
	switch len(s) {
	case 32:
		copy(digits[:], s)
	case 36:
		if s[8] != '-' || s[13] != '-' || s[18] != '-' || s[23] != '-' {
			return UUID{}, false
		}
		at := copy(digits[:], s[:8])
		at += copy(digits[at:], s[9:13])
		at += copy(digits[at:], s[14:18])
		at += copy(digits[at:], s[19:23])
		copy(digits[at:], s[24:])
	default:
		return UUID{}, false
	}
	if _, err := hex.Decode(id[:], digits[:]); err != nil {
		return UUID{}, false
	}
	return id, true
}

// String returns the usual spelling: lower case with hyphens.
func (id UUID) String() string {
	h := hex.EncodeToString(id[:])
	return h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:]
}

// MarshalText returns the usual spelling, for JSON.
func (id UUID) MarshalText() ([]byte, error) { return []byte(id.String()), nil }

// UnmarshalText reads any spelling.
func (id *UUID) UnmarshalText(b []byte) error {
	parsed, err := parseUUID(string(b))
	if err == nil {
		*id = parsed
	}
	return err
}

func parseUUID(s string) (UUID, error) {
	id, ok := ParseUUID(s)
	if !ok {
		return id, Invalid("", s, "must be a UUID, as 01890a5d-ac96-774b-bcce-b302099a8057")
	}
	return id, nil
}
