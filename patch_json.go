package lode

import (
	"encoding/json"
	"time"
)

var patchMembers = []string{"set", "delete", "replace", "readers", "add_readers", "remove_readers", "expires_at"}

// UnmarshalJSON parses and validates a patch.
func (p *Patch) UnmarshalJSON(b []byte) error {
	m, bad := readObject(b, "a patch", patchMembers...)
	if bad != nil {
		return bad
	}
	readers := parseStrings(MaxReaders)
	parsed := Patch{
		Set: value(read(&m, "set", parseMetadata)), Delete: value(read(&m, "delete", parseStrings(MaxMetadataKeys))),
		Replace: read(&m, "replace", parseMetadata), Readers: read(&m, "readers", readers),
		AddReaders: value(read(&m, "add_readers", readers)), RemoveReaders: value(read(&m, "remove_readers", readers)),
		ExpiresAt: read(&m, "expires_at", parseExpiry),
	}
	if m.err != nil {
		return m.err
	}
	if err := parsed.Validate(); err != nil {
		return err
	}
	*p = parsed
	return nil
}

func parseExpiry(b []byte) (e Expiry, err error) {
	if string(b) == "null" {
		return e, nil
	}
	s, err := parseString(b)
	if err != nil {
		return e, err
	}
	at, err := time.Parse(time.RFC3339Nano, s)
	if err != nil {
		return e, Invalid("", s, "must be an RFC 3339 time or null")
	}
	return Expiry{At: &at}, nil
}

// MarshalJSON writes the wire form.
func (p Patch) MarshalJSON() ([]byte, error) {
	m := map[string]any{}
	add := func(name string, v any, given bool) {
		if given {
			m[name] = v
		}
	}
	add("set", p.Set, len(p.Set) > 0)
	add("delete", p.Delete, len(p.Delete) > 0)
	if p.Replace != nil {
		m["replace"] = ObjectValue(*p.Replace)
	}
	if p.Readers != nil {
		m["readers"] = emptyNotNull(*p.Readers)
	}
	add("add_readers", p.AddReaders, len(p.AddReaders) > 0)
	add("remove_readers", p.RemoveReaders, len(p.RemoveReaders) > 0)
	if p.ExpiresAt != nil {
		m["expires_at"] = p.ExpiresAt.At
	}
	return json.Marshal(m)
}
