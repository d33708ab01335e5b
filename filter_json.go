package lode

import (
	"encoding/json"
	"slices"
	"strings"
)

// The members of a clause: those of each form, and the tests of a field.
var (
	formMembers = []string{"and", "or", "not", "min_should", "has_id", "nested", "field"}
	testMembers = []string{
		"eq", "ne", "in", "nin", "gt", "gte", "lt", "lte", "exists", "is_null", "is_empty", "values_count",
		"text", "text_any", "phrase", "prefix", "uuid", "geo_radius", "geo_box", "geo_polygon",
	}
	filterMembers = slices.Concat(formMembers, testMembers)
	testNames     = strings.Join(testMembers, ", ")
)

// UnmarshalJSON parses and validates a filter. Errors carry the path of the bad clause.
func (f *Filter) UnmarshalJSON(b []byte) error {
	parsed, err := parseFilter(b, 1)
	if err == nil {
		err = parsed.Validate()
	}
	if err != nil {
		return asError(err).In("filter")
	}
	*f = parsed
	return nil
}

func parseFilter(b []byte, depth int) (Filter, error) {
	if depth > MaxFilterDepth {
		return Filter{}, errFilterDepth(depth)
	}
	m, err := readObject(b, "a filter", filterMembers...)
	if err != nil {
		if err.Code == CodeUnknownField {
			err = err.WithHint(`a clause looks like {"field": "year", "gte": 2020} or {"and": […]}`)
		}
		return Filter{}, err
	}
	f, ok := parseForm(&m, depth)
	if !ok {
		return Filter{}, Invalid("", len(m.raw), "a clause has one of %s, the last with its tests", strings.Join(formMembers, ", "))
	}
	return f, m.failure()
}

// parseForm reads the one form that there is; ok is false where there are none or several.
func parseForm(m *members, depth int) (f Filter, ok bool) {
	if field := read(m, "field", parseString); field != nil || m.err != nil {
		for _, name := range formMembers[:len(formMembers)-1] {
			if _, present := m.raw[name]; present {
				return f, false
			}
		}
		return Where(value(field), parseTest(m)), true
	}
	if len(m.raw) != 1 {
		return f, len(m.raw) == 0 // the empty clause matches everything
	}
	args := func(b []byte) ([]Filter, error) { return parseArgs(b, depth+1) }
	arg := func(b []byte) (Filter, error) { return parseFilter(b, depth+1) }
	for name := range m.raw {
		switch name {
		case "and":
			return And(value(read(m, name, args))...), true
		case "or":
			return Or(value(read(m, name, args))...), true
		case "not":
			return Not(value(parseNot(m, arg))), true
		case "min_should":
			most := value(read(m, name, func(b []byte) (MinShould, error) { return parseMinShould(b, args) }))
			return AtLeast(most.Count, most.Of...), true
		case "has_id":
			return HasID(value(read(m, name, parseIDs))...), true
		case "nested":
			n := value(read(m, name, func(b []byte) (Nested, error) { return parseNested(b, arg) }))
			return WhereNested(n.Path, n.Match), true
		}
	}
	return f, false // tests without a field
}

// value is what p points at, or nothing.
func value[T any](p *T) (v T) {
	if p != nil {
		v = *p
	}
	return v
}

// parseNot reads the argument of not, whose path is that of a list with one item.
func parseNot(m *members, arg func([]byte) (Filter, error)) *Filter {
	f, err := arg(m.raw["not"])
	if err != nil {
		m.err = asError(err).In("not[0]")
		return nil
	}
	return &f
}

func parseArgs(b []byte, depth int) ([]Filter, error) {
	return parseItems(b, MaxFilterClauses, func(item []byte) (Filter, error) { return parseFilter(item, depth) })
}

func parseMinShould(b []byte, args func([]byte) ([]Filter, error)) (s MinShould, err error) {
	m, bad := readObject(b, "min_should", "count", "of")
	if bad != nil {
		return s, bad
	}
	s = MinShould{Count: need(&m, "count", parseCount), Of: need(&m, "of", args)}
	return s, m.failure()
}

func parseNested(b []byte, arg func([]byte) (Filter, error)) (n Nested, err error) {
	m, bad := readObject(b, "nested", "path", "match")
	if bad != nil {
		return n, bad
	}
	n = Nested{Path: need(&m, "path", parseString), Match: need(&m, "match", arg)}
	return n, m.failure()
}

func parseIDs(b []byte) ([]DocID, error) {
	return parseItems(b, MaxFilterIDs, func(item []byte) (DocID, error) {
		s, err := parseString(item)
		return DocID(s), err
	})
}

func parseTest(m *members) Test {
	values := func(b []byte) ([]Value, error) { return parseItems(b, MaxMetadataListItems, parseValue) }
	id := func(b []byte) (UUID, error) {
		s, err := parseString(b)
		if err != nil {
			return UUID{}, err
		}
		return parseUUID(s)
	}
	return Test{
		Eq: read(m, "eq", parseValue), Ne: read(m, "ne", parseValue),
		In: read(m, "in", values), Nin: read(m, "nin", values),
		Gt: read(m, "gt", parseValue), Gte: read(m, "gte", parseValue),
		Lt: read(m, "lt", parseValue), Lte: read(m, "lte", parseValue),
		Exists: read(m, "exists", parseBool), IsNull: read(m, "is_null", parseBool), IsEmpty: read(m, "is_empty", parseBool),
		ValuesCount: read(m, "values_count", parseCountRange),
		Text:        value(read(m, "text", parseWords)), TextAny: value(read(m, "text_any", parseWords)),
		Phrase: value(read(m, "phrase", parseWords)), Prefix: read(m, "prefix", parseString),
		UUID:      read(m, "uuid", id),
		GeoRadius: read(m, "geo_radius", parseGeoRadius), GeoBox: read(m, "geo_box", parseGeoBox),
		GeoPolygon: read(m, "geo_polygon", parseGeoPolygon),
	}
}

func parseCountRange(b []byte) (r CountRange, err error) {
	m, bad := readObject(b, "values_count", "gt", "gte", "lt", "lte")
	if bad != nil {
		return r, bad
	}
	r = CountRange{
		Gt: read(&m, "gt", parseCount), Gte: read(&m, "gte", parseCount),
		Lt: read(&m, "lt", parseCount), Lte: read(&m, "lte", parseCount),
	}
	return r, m.failure()
}

// testJSON is the wire form of a clause with a field.
type testJSON struct {
	Field       string      `json:"field"`
	Eq          *Value      `json:"eq,omitempty"`
	Ne          *Value      `json:"ne,omitempty"`
	In          *[]Value    `json:"in,omitempty"`
	Nin         *[]Value    `json:"nin,omitempty"`
	Gt          *Value      `json:"gt,omitempty"`
	Gte         *Value      `json:"gte,omitempty"`
	Lt          *Value      `json:"lt,omitempty"`
	Lte         *Value      `json:"lte,omitempty"`
	Exists      *bool       `json:"exists,omitempty"`
	IsNull      *bool       `json:"is_null,omitempty"`
	IsEmpty     *bool       `json:"is_empty,omitempty"`
	ValuesCount *CountRange `json:"values_count,omitempty"`
	Text        *string     `json:"text,omitempty"`
	TextAny     *string     `json:"text_any,omitempty"`
	Phrase      *string     `json:"phrase,omitempty"`
	Prefix      *string     `json:"prefix,omitempty"`
	UUID        *UUID       `json:"uuid,omitempty"`
	GeoRadius   *GeoRadius  `json:"geo_radius,omitempty"`
	GeoBox      *GeoBox     `json:"geo_box,omitempty"`
	GeoPolygon  *GeoPolygon `json:"geo_polygon,omitempty"`
}

// MarshalJSON writes the wire form.
func (f Filter) MarshalJSON() ([]byte, error) {
	switch f.form {
	case FormAnd:
		return json.Marshal(map[string]any{"and": emptyNotNull(f.And)})
	case FormOr:
		return json.Marshal(map[string]any{"or": emptyNotNull(f.Or)})
	case FormNot:
		return json.Marshal(map[string]any{"not": f.Not})
	case FormMinShould:
		return json.Marshal(map[string]any{"min_should": MinShould{Count: f.MinShould.Count, Of: emptyNotNull(f.MinShould.Of)}})
	case FormIDs:
		return json.Marshal(map[string]any{"has_id": emptyNotNull(f.IDs)})
	case FormNested:
		return json.Marshal(map[string]any{"nested": f.Nested})
	case FormField:
		return json.Marshal(f.Test.wire(f.Field))
	}
	return []byte("{}"), nil
}

func (t *Test) wire(field string) testJSON {
	return testJSON{
		Field: field, Eq: t.Eq, Ne: t.Ne, In: notNull(t.In), Nin: notNull(t.Nin), Gt: t.Gt, Gte: t.Gte, Lt: t.Lt, Lte: t.Lte,
		Exists: t.Exists, IsNull: t.IsNull, IsEmpty: t.IsEmpty, ValuesCount: t.ValuesCount,
		Text: t.Text.wire(), TextAny: t.TextAny.wire(), Phrase: t.Phrase.wire(), Prefix: t.Prefix, UUID: t.UUID,
		GeoRadius: t.GeoRadius, GeoBox: t.GeoBox, GeoPolygon: t.GeoPolygon,
	}
}

func (w *Words) wire() *string {
	if w == nil {
		return nil
	}
	return &w.text
}

func notNull(list *[]Value) *[]Value {
	if list == nil {
		return nil
	}
	filled := emptyNotNull(*list)
	return &filled
}

func emptyNotNull[T any](args []T) []T {
	if args == nil {
		return []T{}
	}
	return args
}
