package lode

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// Limits on metadata.
const (
	MaxMetadataKeys      = 256
	MaxMetadataKeyBytes  = 128
	MaxMetadataTextBytes = 16 << 10
	MaxMetadataListItems = 1024
	MaxMetadataBytes     = 64 << 10 // of all keys and values together
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
	KindList // of scalars; may mix kinds
)

// String returns the kind's name as error messages use it.
func (k ValueKind) String() string {
	names := [...]string{"none", "string", "integer", "float", "bool", "list"}
	if int(k) < len(names) {
		return names[k]
	}
	return "unknown"
}

// Value is one typed metadata value. The zero Value is "no value".
type Value struct {
	Kind ValueKind `cbor:"1,keyasint"`
	Text string    `cbor:"2,keyasint,omitempty"`
	Int  int64     `cbor:"3,keyasint,omitempty"`
	Num  float64   `cbor:"4,keyasint,omitempty"`
	Bool bool      `cbor:"5,keyasint,omitempty"`
	List []Value   `cbor:"6,keyasint,omitempty"`
}

// String, integer, float, bool and list values.
func StringValue(s string) Value     { return Value{Kind: KindString, Text: s} }
func IntegerValue(i int64) Value     { return Value{Kind: KindInteger, Int: i} }
func FloatValue(f float64) Value     { return Value{Kind: KindFloat, Num: f} }
func BoolValue(b bool) Value         { return Value{Kind: KindBool, Bool: b} }
func ListValue(items ...Value) Value { return Value{Kind: KindList, List: items} }
func (v Value) isNumber() bool       { return v.Kind == KindInteger || v.Kind == KindFloat }
func (v Value) time() (time.Time, bool) {
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
// are the same number; otherwise values of different kinds are never equal.
func (v Value) Equal(w Value) bool {
	if v.isNumber() && w.isNumber() {
		order, ok := v.compare(w)
		return ok && order == 0
	}
	if v.Kind != w.Kind || len(v.List) != len(w.List) {
		return false
	}
	for i := range v.List {
		if !v.List[i].Equal(w.List[i]) {
			return false
		}
	}
	return v.Text == w.Text && v.Bool == w.Bool
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
		if vt, isTime := v.time(); isTime {
			if wt, isTime := w.time(); isTime {
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

// MarshalJSON writes the plain JSON form.
func (v Value) MarshalJSON() ([]byte, error) {
	switch v.Kind {
	case KindString:
		return json.Marshal(v.Text)
	case KindInteger:
		return strconv.AppendInt(nil, v.Int, 10), nil
	case KindFloat:
		b, err := json.Marshal(v.Num)
		if err == nil && !bytes.ContainsAny(b, ".eE") {
			b = append(b, ".0"...) // stays a float when it is read again
		}
		return b, err
	case KindBool:
		return strconv.AppendBool(nil, v.Bool), nil
	case KindList:
		if v.List == nil {
			return []byte("[]"), nil
		}
		return json.Marshal(v.List)
	}
	return []byte("null"), nil
}

// UnmarshalJSON reads a string, number, boolean or list of these. Null and objects are
// refused with a coded error.
func (v *Value) UnmarshalJSON(b []byte) error {
	parsed, err := parseValue(b, true)
	if err == nil {
		*v = parsed
	}
	return err
}

func parseValue(b []byte, listAllowed bool) (Value, error) {
	b = bytes.TrimSpace(b)
	if len(b) == 0 {
		return Value{}, Invalid("", "", "value is missing")
	}
	switch c := b[0]; {
	case c == '"':
		var s string
		if err := json.Unmarshal(b, &s); err != nil {
			return Value{}, Invalid("", string(b), "value is not a JSON string")
		}
		return StringValue(s), nil
	case c == 't' || c == 'f':
		var x bool
		if err := json.Unmarshal(b, &x); err != nil {
			return Value{}, Invalid("", string(b), "value is not a JSON boolean")
		}
		return BoolValue(x), nil
	case c == '-' || c >= '0' && c <= '9':
		return parseNumber(string(b))
	case c == '[' && listAllowed:
		return parseList(b)
	}
	return Value{}, Invalid("", string(b), "value must be a string, number, boolean or a flat list of these").
		WithHint(`write nested objects as dotted keys: {"author.name": "Ada"}; leave out keys that have no value`)
}

func parseNumber(s string) (Value, error) {
	if !strings.ContainsAny(s, ".eE") {
		if i, err := strconv.ParseInt(s, 10, 64); err == nil {
			return IntegerValue(i), nil
		}
	}
	f, err := strconv.ParseFloat(s, 64)
	if err != nil || math.IsInf(f, 0) {
		return Value{}, Invalid("", s, "number is outside the range of a 64-bit float")
	}
	return FloatValue(f), nil
}

func parseList(b []byte) (Value, error) {
	var raw []json.RawMessage
	if err := json.Unmarshal(b, &raw); err != nil {
		return Value{}, Invalid("", string(b), "value is not a JSON list")
	}
	if len(raw) > MaxMetadataListItems {
		return Value{}, Invalid("", len(raw), "a list holds at most %d items", MaxMetadataListItems)
	}
	list := Value{Kind: KindList, List: make([]Value, len(raw))}
	for i, item := range raw {
		v, err := parseValue(item, false)
		if err != nil {
			return Value{}, asError(err).In(fmt.Sprintf("[%d]", i))
		}
		list.List[i] = v
	}
	return list, nil
}

// asError gives the coded form of an error that this package made.
func asError(err error) *Error {
	if e, ok := err.(*Error); ok {
		return e
	}
	return &Error{Code: CodeInvalid, Message: err.Error(), Err: err}
}

// Metadata is what a document's owner says about it: flat keys with typed values. A dotted
// key ("author.name") is an ordinary key.
type Metadata map[string]Value

// UnmarshalJSON reads an object and names the key in the error of a value that it refuses.
func (m *Metadata) UnmarshalJSON(b []byte) error {
	var raw map[string]json.RawMessage
	if err := json.Unmarshal(b, &raw); err != nil {
		return Invalid("metadata", string(b), "metadata must be a JSON object")
	}
	out := make(Metadata, len(raw))
	for key, item := range raw {
		v, err := parseValue(item, true)
		if err != nil {
			return asError(err).In("metadata." + CutValue(key))
		}
		out[key] = v
	}
	*m = out
	return nil
}

// Validate checks keys and sizes.
func (m Metadata) Validate() error {
	if len(m) > MaxMetadataKeys {
		return Invalid("metadata", len(m), "at most %d metadata keys", MaxMetadataKeys)
	}
	total := 0
	for key, v := range m {
		if err := validateLabel("metadata key", key, MaxMetadataKeyBytes); err != nil {
			return err
		}
		size, err := v.validate()
		if err != nil {
			return asError(err).In("metadata." + key)
		}
		total += len(key) + size
	}
	if total > MaxMetadataBytes {
		return Invalid("metadata", total, "metadata has %d bytes, the limit is %d", total, MaxMetadataBytes)
	}
	return nil
}

// validate returns the value's approximate size in bytes.
func (v Value) validate() (size int, err error) {
	switch v.Kind {
	case KindString:
		if len(v.Text) > MaxMetadataTextBytes {
			return 0, Invalid("", v.Text, "a string holds at most %d bytes", MaxMetadataTextBytes)
		}
		if !utf8.ValidString(v.Text) {
			return 0, Invalid("", v.Text, "string is not valid UTF-8")
		}
	case KindFloat:
		if math.IsNaN(v.Num) || math.IsInf(v.Num, 0) {
			return 0, Invalid("", v.Num, "number is not finite")
		}
	case KindInteger, KindBool:
	case KindList:
		if len(v.List) > MaxMetadataListItems {
			return 0, Invalid("", len(v.List), "a list holds at most %d items", MaxMetadataListItems)
		}
		for i, item := range v.List {
			itemSize, err := item.validate()
			if err != nil {
				return 0, asError(err).In(fmt.Sprintf("[%d]", i))
			}
			if item.Kind == KindList {
				return 0, Invalid(fmt.Sprintf("[%d]", i), "list", "a list holds scalars only")
			}
			size += itemSize
		}
	default:
		return 0, Invalid("", v.Kind, "value has no type")
	}
	return size + len(v.Text) + 8, nil
}
