package lode

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// Limits on metadata.
const (
	MaxMetadataKeys      = 1024 // of all levels together
	MaxMetadataKeyBytes  = 128
	MaxMetadataTextBytes = 16 << 10
	MaxMetadataListItems = 1024
	MaxMetadataBytes     = 64 << 10 // of all keys and values together
	MaxMetadataDepth     = 8        // lists and objects within one another, in the value of a key
)

// ValueKind is the type of a metadata [Value].
type ValueKind uint8

// The kinds. JSON numbers without fraction and exponent that fit 64 bits are integers.
const (
	KindNone ValueKind = iota
	KindString
	KindInteger
	KindFloat
	KindBool
	KindList // of scalars, nulls and objects; may mix kinds
	KindNull // a key that is there and says that it has no value
	KindObject
)

// String returns the kind's name as error messages use it.
func (k ValueKind) String() string {
	names := [...]string{"none", "string", "integer", "float", "bool", "list", "null", "object"}
	if int(k) < len(names) {
		return names[k]
	}
	return "unknown"
}

// Value is one typed metadata value. The zero Value is "no value", which nothing holds: a key
// without one is left out, or holds null.
type Value struct {
	Kind   ValueKind `cbor:"1,keyasint"`
	Text   string    `cbor:"2,keyasint,omitempty"`
	Int    int64     `cbor:"3,keyasint,omitempty"`
	Num    float64   `cbor:"4,keyasint,omitempty"`
	Bool   bool      `cbor:"5,keyasint,omitempty"`
	List   []Value   `cbor:"6,keyasint,omitempty"`
	Fields Metadata  `cbor:"7,keyasint,omitempty"`
}

// String, integer, float, bool, list, null and object values.
func StringValue(s string) Value     { return Value{Kind: KindString, Text: s} }
func IntegerValue(i int64) Value     { return Value{Kind: KindInteger, Int: i} }
func FloatValue(f float64) Value     { return Value{Kind: KindFloat, Num: f} }
func BoolValue(b bool) Value         { return Value{Kind: KindBool, Bool: b} }
func ListValue(items ...Value) Value { return Value{Kind: KindList, List: items} }
func NullValue() Value               { return Value{Kind: KindNull} }
func ObjectValue(m Metadata) Value   { return Value{Kind: KindObject, Fields: m} }
func (v Value) isNumber() bool       { return v.Kind == KindInteger || v.Kind == KindFloat }

// Time is the time that a string says as RFC 3339 does, or as a date; ok is false for another value.
func (v Value) Time() (at time.Time, ok bool) {
	if v.Kind != KindString || len(v.Text) < len("2006-01-02") {
		return time.Time{}, false
	}
	for _, layout := range []string{time.RFC3339Nano, time.DateOnly} {
		if t, err := time.Parse(layout, v.Text); err == nil {
			return t, true
		}
	}
	return time.Time{}, false
}

// Equal reports whether two values are the same. Integers and floats are equal when they
// are the same number; otherwise values of different kinds are never equal. Null equals null.
// Lists are equal item by item, objects when they have the same keys with equal values.
func (v Value) Equal(w Value) bool {
	if v.isNumber() && w.isNumber() {
		order, ok := v.compare(w)
		return ok && order == 0
	}
	if v.Kind != w.Kind {
		return false
	}
	switch v.Kind {
	case KindString:
		return v.Text == w.Text
	case KindBool:
		return v.Bool == w.Bool
	case KindList:
		return slices.EqualFunc(v.List, w.List, Value.Equal)
	case KindObject:
		return maps.EqualFunc(v.Fields, w.Fields, Value.Equal)
	}
	return true
}

// compare orders numbers with numbers, times (RFC 3339 strings) with times, and strings
// with strings. ok is false for values that have no order between them.
func (v Value) compare(w Value) (order int, ok bool) {
	switch {
	case v.Kind == KindInteger && w.Kind == KindInteger:
		return cmpOrdered(v.Int, w.Int), true
	case v.isNumber() && w.isNumber():
		return compareMixed(v, w), true
	case v.Kind == KindString && w.Kind == KindString:
		if vt, isTime := v.Time(); isTime {
			if wt, isTime := w.Time(); isTime {
				return vt.Compare(wt), true
			}
		}
		return strings.Compare(v.Text, w.Text), true
	}
	return 0, false
}

func cmpOrdered[T int64 | float64](a, b T) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

// compareMixed compares two numbers of which at least one is a float, exactly also where
// an integer has no float64 of its own.
func compareMixed(v, w Value) int {
	if v.Kind == KindFloat && w.Kind == KindFloat {
		return cmpOrdered(v.Num, w.Num)
	}
	if v.Kind == KindFloat {
		return -compareMixed(w, v)
	}
	if w.Num >= math.MaxInt64 { // 2^63 as float64: above every int64
		return -1
	}
	if w.Num < math.MinInt64 {
		return 1
	}
	whole := math.Trunc(w.Num)
	if order := cmpOrdered(v.Int, int64(whole)); order != 0 {
		return order
	}
	return cmpOrdered(whole, w.Num)
}

// Metadata is what a document's owner says about it: keys with typed values, which may be
// objects of keys again. A dotted key ("author.name") is an ordinary key; to a path of a
// [Filter] it is the same as a key in an object.
type Metadata map[string]Value

// Clone returns a copy that shares nothing that can change with m. Empty objects in it have
// Fields that can be written to.
func (m Metadata) Clone() Metadata {
	c := maps.Clone(m)
	for key, v := range c {
		c[key] = v.clone()
	}
	return c
}

func (v Value) clone() Value {
	v.List = slices.Clone(v.List)
	for i, item := range v.List {
		v.List[i] = item.clone()
	}
	v.Fields = v.Fields.Clone()
	if v.Kind == KindObject && v.Fields == nil {
		v.Fields = Metadata{}
	}
	return v
}

// Validate checks keys, sizes and nesting. All levels count towards the limits of keys and bytes.
func (m Metadata) Validate() error {
	var t tally
	err := t.object(m, 0)
	if t.badKey != nil {
		return t.badKey
	}
	if err != nil {
		return err.In("metadata")
	}
	if t.keys > MaxMetadataKeys {
		return Invalid("metadata", t.keys, "at most %d metadata keys", MaxMetadataKeys)
	}
	if t.bytes > MaxMetadataBytes {
		return Invalid("metadata", t.bytes, "metadata has %d bytes, the limit is %d", t.bytes, MaxMetadataBytes)
	}
	return nil
}

// tally counts what metadata holds while it is checked. Bytes are approximate.
type tally struct {
	keys, bytes int
	badKey      *Error // of a key that has no usable name to stand in a path
}

// object checks the members of an object that lies within depth lists and objects.
func (t *tally) object(m Metadata, depth int) *Error {
	t.keys += len(m)
	for key, v := range m {
		if err := validateLabel("metadata key", key, MaxMetadataKeyBytes); err != nil {
			t.badKey = asError(err)
			return t.badKey
		}
		if err := t.value(v, depth); err != nil {
			return err.In(key)
		}
		t.bytes += len(key)
	}
	return nil
}

// value checks a value that lies within depth lists and objects.
func (t *tally) value(v Value, depth int) *Error {
	t.bytes += len(v.Text) + 8
	switch v.Kind {
	case KindString:
		if len(v.Text) > MaxMetadataTextBytes {
			return Invalid("", v.Text, "a string holds at most %d bytes", MaxMetadataTextBytes)
		}
		if !utf8.ValidString(v.Text) {
			return Invalid("", v.Text, "string is not valid UTF-8")
		}
	case KindFloat:
		if math.IsNaN(v.Num) || math.IsInf(v.Num, 0) {
			return Invalid("", v.Num, "number is not finite")
		}
	case KindInteger, KindBool, KindNull:
	case KindList, KindObject:
		if depth >= MaxMetadataDepth {
			return errTooDeep()
		}
		if v.Kind == KindObject {
			return t.object(v.Fields, depth+1)
		}
		return t.list(v.List, depth+1)
	default:
		return Invalid("", v.Kind, "value has no type")
	}
	return nil
}

func (t *tally) list(items []Value, depth int) *Error {
	if len(items) > MaxMetadataListItems {
		return Invalid("", len(items), "a list holds at most %d items", MaxMetadataListItems)
	}
	for i, item := range items {
		err := t.value(item, depth)
		if item.Kind == KindList {
			err = errListInList()
		}
		if err != nil {
			return err.In(fmt.Sprintf("[%d]", i))
		}
	}
	return nil
}

func errTooDeep() *Error {
	return Invalid("", MaxMetadataDepth+1, "lists and objects are nested deeper than %d", MaxMetadataDepth)
}

func errListInList() *Error {
	return Invalid("", KindList, "a list holds scalars, nulls and objects, not lists")
}
