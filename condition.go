package lode

import (
	"slices"
	"strings"
)

// Test holds the conditions on one field. Nil members are absent. [Filter] says what each of
// them does with which values.
type Test struct {
	Eq          *Value
	Ne          *Value
	In          *[]Value
	Nin         *[]Value
	Gt          *Value
	Gte         *Value
	Lt          *Value
	Lte         *Value
	Exists      *bool
	IsNull      *bool
	IsEmpty     *bool
	ValuesCount *CountRange
	Text        *Words // all of the words
	TextAny     *Words // one of the words
	Phrase      *Words // the words one after another
	Prefix      *string
	UUID        *UUID
	GeoRadius   *GeoRadius
	GeoBox      *GeoBox
	GeoPolygon  *GeoPolygon
}

// CountRange bounds a number of values. Nil bounds are absent; one of them is there.
type CountRange struct {
	Gt  *int `json:"gt,omitempty"`
	Gte *int `json:"gte,omitempty"`
	Lt  *int `json:"lt,omitempty"`
	Lte *int `json:"lte,omitempty"`
}

// Contains reports whether n is within the bounds.
func (r *CountRange) Contains(n int) bool {
	return (r.Gt == nil || n > *r.Gt) && (r.Gte == nil || n >= *r.Gte) &&
		(r.Lt == nil || n < *r.Lt) && (r.Lte == nil || n <= *r.Lte)
}

// place is where a test looks. Most paths are one key: then its value is at hand, or there is none.
type place struct {
	m     Metadata
	path  string
	value Value
	known bool // value is what the path leads to
	empty bool // the path leads nowhere
}

// locate fills in place what a path leads to in m.
func (p *place) locate(m Metadata, path string) {
	p.m, p.path = m, path
	if p.value, p.known = m[path]; !p.known {
		p.empty = strings.IndexByte(path, '.') < 0 && !strings.HasSuffix(path, "[]")
	}
}

// any reports whether a single value there passes.
func (p *place) any(test func(Value) bool) (found bool) {
	if p.known {
		return anyItem(p.value, test)
	}
	if p.empty {
		return false
	}
	p.m.Each(p.path, func(v Value) bool {
		found = test(v)
		return !found
	})
	return found
}

// holds reports whether a single value there passes, or a list as a whole.
func (p *place) holds(test func(Value) bool) (found bool) {
	if p.known {
		return anyItem(p.value, test) || p.value.Kind == KindList && test(p.value)
	}
	if p.empty {
		return false
	}
	p.m.Find(p.path, func(v Value) bool {
		found = anyItem(v, test) || v.Kind == KindList && test(v)
		return !found
	})
	return found
}

func (p *place) present() bool {
	return p.known || !p.empty && p.m.Has(p.path)
}

// anyItem applies the test to a scalar, or to each item of a list.
func anyItem(v Value, test func(Value) bool) bool {
	if v.Kind != KindList {
		return test(v)
	}
	return slices.ContainsFunc(v.List, test)
}

func (t *Test) match(m Metadata, path string) bool {
	var p place
	p.locate(m, path)
	return t.matchPresence(&p) && t.matchEqual(&p) && t.matchOrder(&p) && t.matchText(&p) && t.matchGeo(&p)
}

func (t *Test) matchPresence(p *place) bool {
	switch {
	case t.Exists != nil && *t.Exists != p.present(),
		t.IsNull != nil && *t.IsNull != p.any(func(v Value) bool { return v.Kind == KindNull }),
		t.IsEmpty != nil && *t.IsEmpty != (p.m.Count(p.path) == 0),
		t.ValuesCount != nil && !t.ValuesCount.Contains(p.m.Count(p.path)):
		return false
	}
	return true
}

func (t *Test) matchEqual(p *place) bool {
	switch {
	case t.Eq != nil && !p.holds(func(v Value) bool { return v.Equal(*t.Eq) }),
		t.Ne != nil && p.holds(func(v Value) bool { return v.Equal(*t.Ne) }),
		t.In != nil && !p.holds(func(v Value) bool { return slices.ContainsFunc(*t.In, v.Equal) }),
		t.Nin != nil && p.holds(func(v Value) bool { return slices.ContainsFunc(*t.Nin, v.Equal) }):
		return false
	}
	return true
}

func (t *Test) matchOrder(p *place) bool {
	if t.Gt == nil && t.Gte == nil && t.Lt == nil && t.Lte == nil {
		return true
	}
	return p.any(t.inRange)
}

func (t *Test) inRange(v Value) bool {
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

func (t *Test) matchText(p *place) bool {
	switch {
	case t.Text != nil && !p.anyText(t.Text.allIn),
		t.TextAny != nil && !p.anyText(t.TextAny.anyIn),
		t.Phrase != nil && !p.anyText(t.Phrase.phraseIn),
		t.Prefix != nil && !p.anyText(func(s string) bool { return len(s) >= len(*t.Prefix) && s[:len(*t.Prefix)] == *t.Prefix }),
		t.UUID != nil && !p.anyText(func(s string) bool { id, ok := ParseUUID(s); return ok && id == *t.UUID }):
		return false
	}
	return true
}

func (p *place) anyText(test func(string) bool) bool {
	return p.any(func(v Value) bool { return v.Kind == KindString && test(v.Text) })
}

func (t *Test) matchGeo(p *place) bool {
	switch {
	case t.GeoRadius != nil && !p.anyGeo(t.GeoRadius.Contains),
		t.GeoBox != nil && !p.anyGeo(t.GeoBox.Contains),
		t.GeoPolygon != nil && !p.anyGeo(t.GeoPolygon.Contains):
		return false
	}
	return true
}

func (p *place) anyGeo(test func(GeoPoint) bool) bool {
	return p.any(func(v Value) bool {
		at, ok := v.Geo()
		return ok && test(at)
	})
}

// named is an operand with the name of its test.
type named[T any] struct {
	name string
	v    *T
}

func (t *Test) validate() *Error {
	for _, check := range []func() *Error{t.validateValues, t.validateLists, t.validateBounds, t.validateText, t.validateGeo} {
		if err := check(); err != nil {
			return err
		}
	}
	return nil
}

func (t *Test) validateValues() *Error {
	var count tally
	for _, o := range []named[Value]{{"eq", t.Eq}, {"ne", t.Ne}} {
		if o.v == nil {
			continue
		}
		if err := count.value(*o.v, 0); err != nil {
			return err.In(o.name)
		}
	}
	for _, o := range []named[Value]{{"gt", t.Gt}, {"gte", t.Gte}, {"lt", t.Lt}, {"lte", t.Lte}} {
		if o.v == nil {
			continue
		}
		if !o.v.isNumber() && o.v.Kind != KindString {
			return Invalid(o.name, o.v.Kind, "a range bound must be a number, a string or a time, not a %s", o.v.Kind)
		}
		if err := count.value(*o.v, 0); err != nil {
			return err.In(o.name)
		}
	}
	return nil
}

func (t *Test) validateLists() *Error {
	var count tally
	for _, o := range []named[[]Value]{{"in", t.In}, {"nin", t.Nin}} {
		if o.v == nil {
			continue
		}
		if len(*o.v) > MaxMetadataListItems {
			return Invalid(o.name, len(*o.v), "%s holds at most %d values", o.name, MaxMetadataListItems)
		}
		for i, v := range *o.v {
			if err := count.value(v, 0); err != nil {
				return err.In(indexed(o.name, i))
			}
		}
	}
	return nil
}

func (t *Test) validateBounds() *Error {
	r := t.ValuesCount
	if r == nil {
		return nil
	}
	if *r == (CountRange{}) {
		return Invalid("values_count", "", "values_count has no bound").WithHint("use gt, gte, lt or lte")
	}
	for _, o := range []named[int]{{"gt", r.Gt}, {"gte", r.Gte}, {"lt", r.Lt}, {"lte", r.Lte}} {
		if o.v != nil && *o.v < 0 {
			return Invalid("values_count."+o.name, *o.v, "a number of values is at least 0")
		}
	}
	return nil
}

func (t *Test) validateText() *Error {
	for _, o := range []named[Words]{{"text", t.Text}, {"text_any", t.TextAny}, {"phrase", t.Phrase}} {
		if o.v == nil {
			continue
		}
		if err := o.v.validate(o.name); err != nil {
			return err
		}
	}
	if t.Prefix != nil && len(*t.Prefix) > MaxMetadataTextBytes {
		return Invalid("prefix", *t.Prefix, "prefix has %d bytes, the limit is %d", len(*t.Prefix), MaxMetadataTextBytes)
	}
	return nil
}

func (t *Test) validateGeo() *Error {
	if t.GeoRadius != nil {
		if err := t.GeoRadius.validate(); err != nil {
			return err.In("geo_radius")
		}
	}
	if t.GeoBox != nil {
		if err := t.GeoBox.validate(); err != nil {
			return err.In("geo_box")
		}
	}
	if t.GeoPolygon != nil {
		if err := t.GeoPolygon.validate(); err != nil {
			return err.In("geo_polygon")
		}
	}
	return nil
}
