package lode

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
)

// Limits on filters.
const (
	MaxFilterDepth   = 16
	MaxFilterClauses = 1024
)

// Filter is a condition on a [Document], mostly on its [Metadata]. The zero Filter matches everything. Exactly one
// form is used at a time:
//
//	{"and": [F, …]}   all match; an empty list matches everything
//	{"or":  [F, …]}   at least one matches; an empty list matches nothing
//	{"not": F}        does not match
//	{"field": "year", "gte": 2020, "lt": 2024}   tests of one key, all of which must hold
//
// Tests are eq, ne, in, gt, gte, lt, lte and exists. What they mean for odd values:
//
//   - A missing key matches only ne and exists:false.
//   - Values of different types are unequal and have no order: such a document does not
//     match (ne matches). Integers and floats compare as numbers; strings that both are
//     RFC 3339 times or dates compare as times, other strings by bytes.
//   - A list matches eq, in and range tests when one of its items does; ne when none does.
//   - in with an empty list matches nothing.
type Filter struct {
	And   []Filter
	Or    []Filter
	Not   *Filter
	Field string
	Test  Test
	form  filterForm
}

// Test holds the conditions on one key. Nil members are absent.
type Test struct {
	Eq     *Value
	Ne     *Value
	In     *[]Value
	Gt     *Value
	Gte    *Value
	Lt     *Value
	Lte    *Value
	Exists *bool
}

type filterForm uint8

const (
	formAll filterForm = iota
	formAnd
	formOr
	formNot
	formField
)

// And, Or, Not and Where build filters; the zero Filter is the one that matches all.
func And(args ...Filter) Filter                { return Filter{form: formAnd, And: args} }
func Or(args ...Filter) Filter                 { return Filter{form: formOr, Or: args} }
func Not(arg Filter) Filter                    { return Filter{form: formNot, Not: &arg} }
func Where(field string, test Test) Filter     { return Filter{form: formField, Field: field, Test: test} }
func WhereEq(field string, value Value) Filter { return Where(field, Test{Eq: &value}) }

// MatchesAll reports whether f is the zero Filter.
func (f Filter) MatchesAll() bool { return f.form == formAll }

// Match reports whether the document satisfies the filter.
func (f Filter) Match(d *Document) bool {
	switch f.form {
	case formAnd:
		return !slices.ContainsFunc(f.And, func(arg Filter) bool { return !arg.Match(d) })
	case formOr:
		return slices.ContainsFunc(f.Or, func(arg Filter) bool { return arg.Match(d) })
	case formNot:
		return !f.Not.Match(d)
	case formField:
		v, present := d.Metadata[f.Field]
		return f.Test.match(v, present)
	}
	return true
}

func (t Test) match(v Value, present bool) bool {
	if t.Exists != nil && *t.Exists != present {
		return false
	}
	if t.Ne != nil && present && anyItem(v, t.Ne.Equal) {
		return false
	}
	if !present {
		return t.Eq == nil && t.In == nil && !t.hasRange()
	}
	if t.Eq != nil && !v.Equal(*t.Eq) && !anyItem(v, t.Eq.Equal) {
		return false
	}
	if t.In != nil && !anyItem(v, func(item Value) bool { return slices.ContainsFunc(*t.In, item.Equal) }) {
		return false
	}
	return !t.hasRange() || anyItem(v, t.inRange)
}

func (t Test) hasRange() bool { return t.Gt != nil || t.Gte != nil || t.Lt != nil || t.Lte != nil }

func (t Test) inRange(v Value) bool {
	return within(v, t.Gt, func(order int) bool { return order > 0 }) &&
		within(v, t.Gte, func(order int) bool { return order >= 0 }) &&
		within(v, t.Lt, func(order int) bool { return order < 0 }) &&
		within(v, t.Lte, func(order int) bool { return order <= 0 })
}

func within(v Value, bound *Value, holds func(order int) bool) bool {
	if bound == nil {
		return true
	}
	order, comparable := v.compare(*bound)
	return comparable && holds(order)
}

// anyItem applies the test to a scalar, or to each item of a list.
func anyItem(v Value, test func(Value) bool) bool {
	if v.Kind != KindList {
		return test(v)
	}
	return slices.ContainsFunc(v.List, test)
}

// Validate checks depth, size, keys and the types of bounds. Filters that came through
// UnmarshalJSON have been validated.
func (f Filter) Validate() error {
	clauses := 0
	return f.validate(1, &clauses)
}

func (f Filter) validate(depth int, clauses *int) error {
	*clauses++
	if depth > MaxFilterDepth {
		return Invalid("", depth, "filter is nested deeper than %d", MaxFilterDepth)
	}
	if *clauses > MaxFilterClauses {
		return Invalid("", *clauses, "filter has more than %d clauses", MaxFilterClauses)
	}
	switch f.form {
	case formAnd:
		return validateArgs("and", f.And, depth, clauses)
	case formOr:
		return validateArgs("or", f.Or, depth, clauses)
	case formNot:
		return validateArgs("not", []Filter{*f.Not}, depth, clauses)
	case formField:
		return f.validateTest()
	}
	return nil
}

func validateArgs(name string, args []Filter, depth int, clauses *int) error {
	for i, arg := range args {
		if err := arg.validate(depth+1, clauses); err != nil {
			return asError(err).In(fmt.Sprintf("%s[%d]", name, i))
		}
	}
	return nil
}

func (f Filter) validateTest() error {
	if err := validateLabel("field", f.Field, MaxMetadataKeyBytes); err != nil {
		return err
	}
	if f.Test == (Test{}) {
		return Invalid("field", f.Field, "no test given").WithHint("use eq, ne, in, gt, gte, lt, lte or exists")
	}
	for name, v := range map[string]*Value{"gt": f.Test.Gt, "gte": f.Test.Gte, "lt": f.Test.Lt, "lte": f.Test.Lte} {
		if v != nil && !v.isNumber() && v.Kind != KindString {
			return Invalid(name, v.Kind, "a range bound must be a number, a string or a time, not a %s", v.Kind)
		}
	}
	if f.Test.In != nil && len(*f.Test.In) > MaxMetadataListItems {
		return Invalid("in", len(*f.Test.In), "in holds at most %d values", MaxMetadataListItems)
	}
	return nil
}

// filterJSON is the wire form of one filter node.
type filterJSON struct {
	And    *[]json.RawMessage `json:"and,omitempty"`
	Or     *[]json.RawMessage `json:"or,omitempty"`
	Not    json.RawMessage    `json:"not,omitempty"`
	Field  *string            `json:"field,omitempty"`
	Eq     *Value             `json:"eq,omitempty"`
	Ne     *Value             `json:"ne,omitempty"`
	In     *[]Value           `json:"in,omitempty"`
	Gt     *Value             `json:"gt,omitempty"`
	Gte    *Value             `json:"gte,omitempty"`
	Lt     *Value             `json:"lt,omitempty"`
	Lte    *Value             `json:"lte,omitempty"`
	Exists *bool              `json:"exists,omitempty"`
}

// filterKeys are the members a filter node may have.
var filterKeys = []string{"and", "or", "not", "field", "eq", "ne", "in", "gt", "gte", "lt", "lte", "exists"}

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
		return Filter{}, Invalid("", depth, "filter is nested deeper than %d", MaxFilterDepth)
	}
	var keys map[string]json.RawMessage
	if err := json.Unmarshal(b, &keys); err != nil || keys == nil {
		return Filter{}, Invalid("", string(b), "a filter must be a JSON object")
	}
	for key := range keys {
		if !slices.Contains(filterKeys, key) {
			return Filter{}, FieldError(CodeUnknownField, CutValue(key), "", "filters have no member of this name").
				WithHint(`a clause looks like {"field": "year", "gte": 2020} or {"and": […]}`)
		}
	}
	var node filterJSON
	if err := json.Unmarshal(b, &node); err != nil {
		return Filter{}, filterTypeError(err, keys)
	}
	return node.filter(len(keys), depth)
}

// filterTypeError names the member whose value has the wrong type.
func filterTypeError(err error, keys map[string]json.RawMessage) error {
	var typeErr *json.UnmarshalTypeError
	if errors.As(err, &typeErr) {
		name := typeErr.Field
		return Invalid(name, string(keys[name]), "%s has the wrong type", name)
	}
	for _, name := range []string{"eq", "ne", "gt", "gte", "lt", "lte"} {
		if raw, present := keys[name]; present {
			if _, err := parseValue(raw, true); err != nil {
				return asError(err).In(name)
			}
		}
	}
	return Invalid("in", string(keys["in"]), "in must be a list of strings, numbers or booleans")
}

func (n filterJSON) filter(members, depth int) (Filter, error) {
	switch {
	case members == 0:
		return Filter{}, nil
	case n.Field != nil:
		if n.And != nil || n.Or != nil || n.Not != nil {
			break
		}
		test := Test{Eq: n.Eq, Ne: n.Ne, In: n.In, Gt: n.Gt, Gte: n.Gte, Lt: n.Lt, Lte: n.Lte, Exists: n.Exists}
		return Where(*n.Field, test), nil
	case members == 1 && n.And != nil:
		args, err := parseArgs("and", *n.And, depth)
		return And(args...), err
	case members == 1 && n.Or != nil:
		args, err := parseArgs("or", *n.Or, depth)
		return Or(args...), err
	case members == 1 && n.Not != nil:
		args, err := parseArgs("not", []json.RawMessage{n.Not}, depth)
		if err != nil {
			return Filter{}, err
		}
		return Not(args[0]), nil
	}
	return Filter{}, Invalid("", members, `a filter node is either {"and"}, {"or"}, {"not"} or {"field"} with its tests`)
}

func parseArgs(name string, raw []json.RawMessage, depth int) ([]Filter, error) {
	if len(raw) > MaxFilterClauses {
		return nil, Invalid(name, len(raw), "filter has more than %d clauses", MaxFilterClauses)
	}
	args := make([]Filter, len(raw))
	for i, item := range raw {
		arg, err := parseFilter(item, depth+1)
		if err != nil {
			return nil, asError(err).In(fmt.Sprintf("%s[%d]", name, i))
		}
		args[i] = arg
	}
	return args, nil
}

// MarshalJSON writes the wire form.
func (f Filter) MarshalJSON() ([]byte, error) {
	switch f.form {
	case formAnd:
		return json.Marshal(map[string]any{"and": emptyNotNull(f.And)})
	case formOr:
		return json.Marshal(map[string]any{"or": emptyNotNull(f.Or)})
	case formNot:
		return json.Marshal(map[string]any{"not": f.Not})
	case formField:
		t := f.Test
		return json.Marshal(filterJSON{Field: &f.Field, Eq: t.Eq, Ne: t.Ne, In: t.In, Gt: t.Gt, Gte: t.Gte, Lt: t.Lt, Lte: t.Lte, Exists: t.Exists})
	}
	return []byte("{}"), nil
}

func emptyNotNull(args []Filter) []Filter {
	if args == nil {
		return []Filter{}
	}
	return args
}
