package lode

import "slices"

// Limits on filters.
const (
	MaxFilterDepth   = 16
	MaxFilterClauses = 1024
	MaxFilterIDs     = 10_000
)

// Filter is a condition on a [Document], mostly on its [Metadata]. The zero Filter matches everything. Exactly one
// form is used at a time:
//
//	{"and": [F, …]}   all match; an empty list matches everything
//	{"or":  [F, …]}   at least one matches; an empty list matches nothing
//	{"not": F}        does not match
//	{"min_should": {"count": 2, "of": [F, …]}}       at least count of them match
//	{"has_id": ["doc-1", …]}                         the outside id is one of these
//	{"nested": {"path": "authors", "match": F}}      one and the same object at the path matches F
//	{"field": "year", "gte": 2020, "lt": 2024}       tests of one field, all of which must hold
//
// A field is a path into the metadata, see [Metadata.Find]: "author.name" is the key name in the
// object author, or the flat key author.name. Where a path leads to several values, through a
// list, a test holds when one of them passes it. In a nested filter the fields are relative to
// the object: two tests below nested hold for the same author, two outside of it perhaps for
// different ones. An object that is no item of a list is an element of its own; has_id is about
// the document everywhere.
//
// What the tests do with values, where a list stands for its items (one must pass), and
// where the type is another one than the operand's or the test's:
//
//	test                 missing   null      []      other type   object
//	eq                   no        eq null   eq []   no           equal in all members
//	in                   no        as eq with one of the operands; an empty list matches nothing
//	ne, nin              yes       the contrary of eq and of in, always
//	gt, gte, lt, lte     no        no        no      no           no
//	exists: true         no        yes       yes     -            yes
//	is_null: true        no        yes       no      -            no
//	is_empty: true       yes       yes       yes     -            no
//	values_count         0         0         0       -            1
//	text, text_any       no        no        no      no           no
//	phrase, prefix       no        no        no      no           no
//	uuid                 no        no        no      no           no
//	geo_…                no        no        no      no           with lat and lon
//
// With false for true, exists, is_null and is_empty say the contrary, and so does not of every
// test: it matches where the field is missing or of another type.
//
//   - Values of different types are unequal and have no order. Integers and floats compare as
//     numbers; strings that both are RFC 3339 times or dates compare as times, other strings by
//     bytes. All range tests of a clause must hold for the same value; a bound is never null.
//   - eq and in compare a list operand with a whole list, in order.
//   - values_count counts the items of a list, nulls among them, and is the sum where a path leads
//     to several values. is_null also holds for a list with a null in it, which is not empty.
//   - text asks for every word of the operand in one string, text_any for at least one, phrase
//     for all of them one after another. See [SplitWords] for what a word is.
//   - prefix compares bytes. uuid compares UUIDs however they are written, see [ParseUUID].
//   - geo_radius, geo_box and geo_polygon take a [GeoRadius], [GeoBox] and [GeoPolygon]; the
//     borders count in. A place is an object at the path, not two flat keys below it.
type Filter struct {
	And       []Filter
	Or        []Filter
	Not       *Filter
	MinShould *MinShould
	IDs       []DocID // in order, once each
	Nested    *Nested
	Field     string
	Test      Test
	form      Form
}

// MinShould asks that at least Count of the filters match. Fewer filters than Count match nothing.
type MinShould struct {
	Count int      `json:"count"` // at least 1
	Of    []Filter `json:"of"`
}

// Nested asks that one object at a path matches a filter whose fields are relative to it.
type Nested struct {
	Path  string `json:"path"`
	Match Filter `json:"match"`
}

// Form says which of the forms a [Filter] has, and so which of its members count.
type Form uint8

// The forms.
const (
	FormAll Form = iota // matches everything
	FormAnd
	FormOr
	FormNot
	FormMinShould
	FormIDs
	FormNested
	FormField
)

// The functions below build filters; the zero Filter is the one that matches all.
func And(args ...Filter) Filter                { return Filter{form: FormAnd, And: args} }
func Or(args ...Filter) Filter                 { return Filter{form: FormOr, Or: args} }
func Not(arg Filter) Filter                    { return Filter{form: FormNot, Not: &arg} }
func Where(field string, test Test) Filter     { return Filter{form: FormField, Field: field, Test: test} }
func WhereEq(field string, value Value) Filter { return Where(field, Test{Eq: &value}) }

// AtLeast matches where count of the filters or more do.
func AtLeast(count int, args ...Filter) Filter {
	return Filter{form: FormMinShould, MinShould: &MinShould{Count: count, Of: args}}
}

// HasID matches the documents of these outside ids.
func HasID(ids ...DocID) Filter {
	sorted := slices.Sorted(slices.Values(ids))
	return Filter{form: FormIDs, IDs: slices.Compact(sorted)}
}

// WhereNested matches where one object at the path matches the filter.
func WhereNested(path string, match Filter) Filter {
	return Filter{form: FormNested, Nested: &Nested{Path: path, Match: match}}
}

// MatchesAll reports whether f is the zero Filter.
func (f Filter) MatchesAll() bool { return f.form == FormAll }

// Form returns the form of the filter.
func (f *Filter) Form() Form { return f.form }

// Match reports whether the document satisfies the filter.
func (f Filter) Match(d *Document) bool { return f.match(d, d.Metadata) }

// match takes the fields from m: the document's metadata, or an object in it.
func (f *Filter) match(d *Document, m Metadata) bool {
	switch f.form {
	case FormAnd:
		return countMatches(f.And, d, m, len(f.And)) == len(f.And)
	case FormOr:
		return countMatches(f.Or, d, m, 1) == 1
	case FormNot:
		return !f.Not.match(d, m)
	case FormMinShould:
		return countMatches(f.MinShould.Of, d, m, f.MinShould.Count) == f.MinShould.Count
	case FormIDs:
		_, found := slices.BinarySearch(f.IDs, d.ID)
		return found
	case FormNested:
		return f.Nested.match(d, m)
	case FormField:
		return f.Test.match(m, f.Field)
	}
	return true
}

// countMatches counts up to enough, and gives up when that is out of reach.
func countMatches(args []Filter, d *Document, m Metadata, enough int) (n int) {
	for i := range args {
		if n == enough || n+len(args)-i < enough {
			break
		}
		if args[i].match(d, m) {
			n++
		}
	}
	return n
}

func (n *Nested) match(d *Document, m Metadata) (found bool) {
	m.Each(n.Path, func(v Value) bool {
		found = v.Kind == KindObject && n.Match.match(d, v.Fields)
		return !found
	})
	return found
}

// Validate checks depth, size, paths and operands. Filters that came through UnmarshalJSON have
// been validated.
func (f Filter) Validate() error {
	clauses := 0
	if err := f.validate(1, &clauses); err != nil {
		return err
	}
	return nil
}

func (f *Filter) validate(depth int, clauses *int) *Error {
	*clauses++
	if depth > MaxFilterDepth {
		return errFilterDepth(depth)
	}
	if *clauses > MaxFilterClauses {
		return Invalid("", *clauses, "filter has more than %d clauses", MaxFilterClauses)
	}
	switch f.form {
	case FormAnd:
		return validateArgs("and", f.And, depth, clauses)
	case FormOr:
		return validateArgs("or", f.Or, depth, clauses)
	case FormNot:
		return validateArgs("not", []Filter{*f.Not}, depth, clauses)
	case FormMinShould:
		if f.MinShould.Count < 1 {
			return Invalid("min_should.count", f.MinShould.Count, "count must be at least 1")
		}
		return validateArgs("min_should.of", f.MinShould.Of, depth, clauses)
	case FormIDs:
		return validateIDs(f.IDs)
	case FormNested:
		if err := validatePath("nested.path", f.Nested.Path); err != nil {
			return asError(err)
		}
		if err := f.Nested.Match.validate(depth+1, clauses); err != nil {
			return err.In("nested.match")
		}
	case FormField:
		return f.validateTest()
	}
	return nil
}

func errFilterDepth(depth int) *Error {
	return Invalid("", depth, "filter is nested deeper than %d", MaxFilterDepth)
}

func validateArgs(name string, args []Filter, depth int, clauses *int) *Error {
	for i := range args {
		if err := args[i].validate(depth+1, clauses); err != nil {
			return err.In(indexed(name, i))
		}
	}
	return nil
}

func validateIDs(ids []DocID) *Error {
	if len(ids) > MaxFilterIDs {
		return Invalid("has_id", len(ids), "has_id holds at most %d ids", MaxFilterIDs)
	}
	for _, id := range ids {
		if err := id.Validate(); err != nil {
			bad := *asError(err)
			bad.Field = "has_id"
			return &bad
		}
	}
	return nil
}

func (f *Filter) validateTest() *Error {
	if err := validatePath("field", f.Field); err != nil {
		return asError(err)
	}
	if f.Test == (Test{}) {
		return Invalid("field", f.Field, "no test given").WithHint("use one of " + testNames)
	}
	return f.Test.validate()
}
