package lode

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"
)

// members are those of a JSON object that is read one by one. The first error is kept, and
// the readers after it do nothing.
type members struct {
	raw map[string]json.RawMessage
	err *Error
}

// readObject takes an object apart. Members of other names are refused.
func readObject(b []byte, what string, names ...string) (members, *Error) {
	var m members
	if err := json.Unmarshal(b, &m.raw); err != nil || m.raw == nil {
		return m, Invalid("", string(b), "%s must be a JSON object", what)
	}
	for name := range m.raw {
		if !slices.Contains(names, name) {
			return m, FieldError(CodeUnknownField, CutValue(name), "", "%s has no member of this name", what).
				WithHint("the members are " + strings.Join(names, ", "))
		}
	}
	return m, nil
}

// read reads a member that may be missing.
func read[T any](m *members, name string, parse func([]byte) (T, error)) *T {
	raw, present := m.raw[name]
	if !present || m.err != nil {
		return nil
	}
	v, err := parse(raw)
	if err != nil {
		m.err = asError(err).In(name)
		return nil
	}
	return &v
}

// need reads a member that must be there.
func need[T any](m *members, name string, parse func([]byte) (T, error)) (v T) {
	if p := read(m, name, parse); p != nil {
		return *p
	}
	if m.err == nil {
		m.err = Invalid(name, "", "%s is missing", name)
	}
	return v
}

// parseString, parseBool, parseCount and parseReal read JSON of just that type; null is none.
func parseString(b []byte) (string, error) { return parsePlain[string](b, "a string") }
func parseBool(b []byte) (bool, error)     { return parsePlain[bool](b, "true or false") }
func parseCount(b []byte) (int, error)     { return parsePlain[int](b, "an integer") }
func parseReal(b []byte) (float64, error)  { return parsePlain[float64](b, "a number") }

func parsePlain[T any](b []byte, want string) (T, error) {
	var v *T
	if err := json.Unmarshal(b, &v); err != nil || v == nil {
		var none T
		return none, Invalid("", string(b), "must be %s", want)
	}
	return *v, nil
}

// parseItems reads a list of at most most items.
func parseItems[T any](b []byte, most int, parse func([]byte) (T, error)) ([]T, error) {
	raw, err := parsePlain[[]json.RawMessage](b, "a list")
	if err != nil {
		return nil, err
	}
	if len(raw) > most {
		return nil, Invalid("", len(raw), "a list holds at most %d items here", most)
	}
	items := make([]T, len(raw))
	for i, item := range raw {
		if items[i], err = parse(item); err != nil {
			return nil, asError(err).In(indexed("", i))
		}
	}
	return items, nil
}

func parseStrings(most int) func([]byte) ([]string, error) {
	return func(b []byte) ([]string, error) { return parseItems(b, most, parseString) }
}

// failure returns the first error, as an error.
func (m *members) failure() error {
	if m.err == nil {
		return nil
	}
	return m.err
}

func indexed(name string, i int) string { return name + "[" + strconv.Itoa(i) + "]" }
