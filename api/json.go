package api

import (
	"encoding"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math"
	"reflect"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/lodedb/lode"
)

// maxJSONDepth bounds nested objects and arrays. The deepest legal request is a filter of
// lode.MaxFilterDepth levels, three of JSON each, with an operand of lode.MaxMetadataDepth.
const maxJSONDepth = 64

const nullHint = "leave the member out instead of null"

var (
	jsonUnmarshaler = reflect.TypeFor[json.Unmarshaler]()
	textUnmarshaler = reflect.TypeFor[encoding.TextUnmarshaler]()
	timeType        = reflect.TypeFor[time.Time]()
)

// decodeJSON reads exactly one JSON value into dst, a pointer to a request type. It is
// stricter than encoding/json, whose errors do not say where: unknown, repeated and null
// members, wrong types, broken UTF-8 and anything after the value are refused, names match
// by case, and every error carries the path of the member and the offending value.
func decodeJSON(src []byte, dst any) error {
	if at := invalidUTF8(src); at >= 0 {
		return lode.Errorf(lode.CodeMalformed, "JSON is not valid UTF-8 at byte %d", at)
	}
	d := &jsonDecoder{jsonScanner: jsonScanner{src: src}}
	if err := d.value(reflect.ValueOf(dst).Elem()); err != nil {
		return err
	}
	d.space()
	if d.pos < len(d.src) {
		return d.malformed("there is more after the JSON value")
	}
	return nil
}

func invalidUTF8(src []byte) int {
	if utf8.Valid(src) {
		return -1
	}
	for i := 0; i < len(src); {
		r, size := utf8.DecodeRune(src[i:])
		if r == utf8.RuneError && size == 1 {
			return i
		}
		i += size
	}
	return -1
}

// maxCustomBytes bounds a filter or the metadata of a document as text, since these are
// read by general means that need many times the memory of their text.
const maxCustomBytes = 1 << 20

type jsonDecoder struct {
	jsonScanner
	maxItems int // of the list or map about to be read; 0: unlimited
}

type jsonField struct {
	name     string
	index    int
	maxItems int // from the maxItems or maxProperties tag
}

func (d *jsonDecoder) value(v reflect.Value) error {
	d.space()
	if d.peek() == 'n' {
		return d.null(v)
	}
	if v.Kind() == reflect.Pointer {
		v.Set(reflect.New(v.Type().Elem()))
		return d.value(v.Elem())
	}
	if v.Type() == timeType {
		return d.time(v)
	}
	if reflect.PointerTo(v.Type()).Implements(jsonUnmarshaler) {
		return d.custom(v)
	}
	if reflect.PointerTo(v.Type()).Implements(textUnmarshaler) {
		return d.text(v)
	}
	switch v.Kind() {
	case reflect.Struct:
		return d.object(v)
	case reflect.Slice:
		return d.list(v)
	case reflect.Map:
		return d.named(v)
	case reflect.String:
		s, err := d.string("a string")
		v.SetString(s)
		return err
	case reflect.Bool:
		return d.bool(v)
	case reflect.Int, reflect.Int64, reflect.Uint32, reflect.Float32, reflect.Float64:
		return d.number(v)
	}
	return fmt.Errorf("decode JSON: no rule for %s", v.Type())
}

func (d *jsonDecoder) null(v reflect.Value) error {
	start := d.pos
	if err := d.skip(); err != nil {
		return err
	}
	return d.wrongType(start, typeName(v.Type())).WithHint(nullHint)
}

// custom hands the raw value to a type that reads itself. Those types name themselves in
// their errors, so the path that is prefixed is the parent's.
func (d *jsonDecoder) custom(v reflect.Value) error {
	start := d.pos
	if err := d.skip(); err != nil {
		return err
	}
	if size := d.pos - start; size > maxCustomBytes {
		return lode.FieldError(lode.CodeTooLarge, d.where(), size, "value has %d bytes of JSON, the limit is %d", size, maxCustomBytes)
	}
	err := v.Addr().Interface().(json.Unmarshaler).UnmarshalJSON(d.src[start:d.pos])
	if err == nil {
		return nil
	}
	coded := codedError(err)
	if parent := d.pathOf(len(d.path) - 1); parent != "" {
		return coded.In(parent)
	}
	return coded
}

func (d *jsonDecoder) text(v reflect.Value) error {
	s, err := d.string("a string")
	if err != nil {
		return err
	}
	if err := v.Addr().Interface().(encoding.TextUnmarshaler).UnmarshalText([]byte(s)); err != nil {
		coded := *codedError(err)
		coded.Field = d.where()
		return &coded
	}
	return nil
}

// time reads a time, which would not say what is wrong with it.
func (d *jsonDecoder) time(v reflect.Value) error {
	start := d.pos
	if err := d.skip(); err != nil {
		return err
	}
	if err := v.Addr().Interface().(*time.Time).UnmarshalJSON(d.src[start:d.pos]); err != nil {
		return d.wrongType(start, "an RFC 3339 time")
	}
	return nil
}

func (d *jsonDecoder) bool(v reflect.Value) error {
	start := d.pos
	if err := d.skip(); err != nil {
		return err
	}
	switch string(d.src[start:d.pos]) {
	case "true":
		v.SetBool(true)
	case "false":
		v.SetBool(false)
	default:
		return d.wrongType(start, "true or false")
	}
	return nil
}

func (d *jsonDecoder) object(v reflect.Value) error {
	if d.peek() != '{' {
		return d.mismatch("an object")
	}
	known := membersOf(v.Type())
	fields := known.fields
	var seen uint64
	var rest gathered
	err := d.members(func(name string) error {
		for i, f := range fields {
			if f.name != name {
				continue
			}
			if seen&(1<<i) != 0 {
				return d.duplicate(name)
			}
			seen |= 1 << i
			d.maxItems = f.maxItems
			return d.value(v.Field(f.index))
		}
		if known.rest >= 0 {
			return d.gather(&rest, name)
		}
		return lode.FieldError(lode.CodeUnknownField, d.where(), "", "there is no member of this name").
			WithHint("the members are " + fieldNames(fields))
	})
	if err != nil || known.rest < 0 {
		return err
	}
	return d.spread(v.Field(known.rest), &rest, fields)
}

// jsonMembers are the members of a struct type. A field tagged rest reads itself from all that
// no other field is for.
type jsonMembers struct {
	fields []jsonField
	rest   int // -1: there is none
}

// knownMembers are those of the struct types met so far; there are as many as requests have
// types.
var knownMembers sync.Map // reflect.Type to jsonMembers

func membersOf(t reflect.Type) jsonMembers {
	if known, ok := knownMembers.Load(t); ok {
		return known.(jsonMembers)
	}
	m := jsonMembers{fields: jsonFields(t), rest: -1}
	for i := range t.NumField() {
		if t.Field(i).Tag.Get("rest") == "true" {
			m.rest = i
		}
	}
	knownMembers.Store(t, m)
	return m
}

// jsonFields lists the members of a wire type; there are never more than 64.
func jsonFields(t reflect.Type) []jsonField {
	var fields []jsonField
	for i := range t.NumField() {
		tag := t.Field(i).Tag
		name, _, _ := strings.Cut(tag.Get("json"), ",")
		if name == "" || name == "-" {
			continue
		}
		most, _ := strconv.Atoi(tag.Get("maxItems") + tag.Get("maxProperties")) // one of them, or 0 where there is none
		fields = append(fields, jsonField{name: name, index: i, maxItems: most})
	}
	return fields
}

func fieldNames(fields []jsonField) string {
	names := make([]string, len(fields))
	for i, f := range fields {
		names[i] = f.name
	}
	return strings.Join(names, ", ")
}

func (d *jsonDecoder) list(v reflect.Value) error {
	if v.Type().Elem().Kind() == reflect.Uint8 {
		return d.base64(v)
	}
	if d.peek() != '[' {
		return d.mismatch("a list")
	}
	if floats, ok := v.Addr().Interface().(*lode.Vector); ok {
		return d.vector(floats)
	}
	most := d.maxItems
	v.Set(reflect.MakeSlice(v.Type(), 0, 4))
	return d.items(func(i int) error {
		if most > 0 && i >= most {
			return lode.Invalid(d.pathOf(len(d.path)-1), i+1, "the list has more than %d items", most)
		}
		v.Set(reflect.Append(v, reflect.Zero(v.Type().Elem())))
		return d.value(v.Index(v.Len() - 1))
	})
}

// vector is the hot path of every search and upload.
func (d *jsonDecoder) vector(out *lode.Vector) error {
	if d.plainVector(out) {
		return nil
	}
	return d.numbers(out)
}

// numbers reads a vector number by number, and says which one is wrong.
func (d *jsonDecoder) numbers(out *lode.Vector) error {
	*out = make(lode.Vector, 0, 64)
	return d.items(func(i int) error {
		if i >= lode.MaxDim {
			return lode.Invalid(d.pathOf(len(d.path)-1), i+1, "a vector has at most %d dimensions", lode.MaxDim)
		}
		d.space()
		start := d.pos
		token, err := d.numberToken()
		if err != nil {
			return err
		}
		x, err := strconv.ParseFloat(string(token), 32)
		if err != nil || math.IsInf(x, 0) {
			return d.invalidAt(start, "number is outside the range of a 32-bit float")
		}
		*out = append(*out, float32(x))
		return nil
	})
}

func (d *jsonDecoder) base64(v reflect.Value) error {
	s, err := d.string("a string of base64")
	if err != nil {
		return err
	}
	b, err := base64.StdEncoding.Strict().DecodeString(s)
	if err != nil {
		return lode.FieldError(lode.CodeMalformed, d.where(), "", "string is not standard base64 with padding: %s", err)
	}
	if b == nil {
		b = []byte{} // present, though empty
	}
	v.SetBytes(b)
	return nil
}

func (d *jsonDecoder) number(v reflect.Value) error {
	start := d.pos
	token, err := d.numberToken()
	if err != nil {
		return err
	}
	text := string(token)
	if v.CanFloat() {
		x, err := strconv.ParseFloat(text, v.Type().Bits())
		if err != nil {
			return d.invalidAt(start, "number is outside the range of a %d-bit float", v.Type().Bits())
		}
		v.SetFloat(x)
		return nil
	}
	if strings.ContainsAny(text, ".eE") {
		return d.wrongType(start, "a whole number without fraction and exponent")
	}
	x, err := strconv.ParseInt(text, 10, 64)
	if err != nil || v.CanInt() && v.OverflowInt(x) || v.CanUint() && (x < 0 || v.OverflowUint(uint64(x))) {
		return d.invalidAt(start, "number is out of range")
	}
	if v.CanInt() {
		v.SetInt(x)
		return nil
	}
	v.SetUint(uint64(x))
	return nil
}

func typeName(t reflect.Type) string {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch {
	case t == reflect.TypeFor[[]byte]() || reflect.PointerTo(t).Implements(textUnmarshaler):
		return "a string"
	case t.Kind() == reflect.Slice:
		return "a list"
	case t.Kind() == reflect.Struct || t.Kind() == reflect.Map:
		return "an object"
	case t.Kind() == reflect.String:
		return "a string"
	case t.Kind() == reflect.Bool:
		return "true or false"
	}
	return "a number"
}
