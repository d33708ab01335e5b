package api

import (
	"bytes"
	"encoding/json"
	"reflect"
	"slices"

	"github.com/lodedb/lode"
)

// named reads an object whose members have names of the caller's choice, into a map by name.
func (d *jsonDecoder) named(v reflect.Value) error {
	if d.peek() != '{' {
		return d.mismatch("an object")
	}
	most := d.maxItems
	d.maxItems = 0
	v.Set(reflect.MakeMap(v.Type()))
	return d.members(func(name string) error {
		key := reflect.ValueOf(name)
		if v.MapIndex(key).IsValid() {
			return d.duplicate(name)
		}
		if most > 0 && v.Len() == most {
			return lode.Invalid(d.pathOf(len(d.path)-1), most+1, "the object has more than %d members", most)
		}
		item := reflect.New(v.Type().Elem()).Elem()
		err := d.value(item)
		v.SetMapIndex(key, item)
		return err
	})
}

// gathered are the members of an object that are for the field tagged rest, as JSON.
type gathered struct {
	names []string
	raw   []byte
}

func (d *jsonDecoder) gather(rest *gathered, name string) error {
	if slices.Contains(rest.names, name) {
		return d.duplicate(name)
	}
	if len(rest.names) == maxRestMembers {
		return lode.FieldError(lode.CodeUnknownField, d.where(), "", "the object has too many members")
	}
	d.space()
	start := d.pos
	if err := d.skip(); err != nil {
		return err
	}
	rest.names = append(rest.names, name)
	quoted, err := appendString(append(rest.raw, ','), name)
	rest.raw = append(append(quoted, ':'), d.src[start:d.pos]...)
	return err
}

// maxRestMembers is more than any type that is a rest has.
const maxRestMembers = 16

// spread hands the gathered members to the field that they are for.
func (d *jsonDecoder) spread(v reflect.Value, rest *gathered, others []jsonField) error {
	if size := len(rest.raw); size > maxCustomBytes {
		return lode.FieldError(lode.CodeTooLarge, d.where(), size, "the members have %d bytes of JSON, the limit is %d", size, maxCustomBytes)
	}
	raw := append([]byte{'{'}, bytes.TrimPrefix(rest.raw, []byte{','})...)
	err := v.Addr().Interface().(json.Unmarshaler).UnmarshalJSON(append(raw, '}'))
	if err == nil {
		return nil
	}
	coded := codedError(err)
	if coded.Code == lode.CodeUnknownField {
		coded = coded.WithHint(coded.Hint + ", " + fieldNames(others))
	}
	if where := d.where(); where != "" {
		return coded.In(where)
	}
	return coded
}
