package lode

import (
	"bytes"
	"encoding/json"
	"math"
	"strconv"
	"strings"
)

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
	case KindObject:
		if v.Fields == nil {
			return []byte("{}"), nil
		}
		return json.Marshal(v.Fields)
	}
	return []byte("null"), nil
}

// UnmarshalJSON reads a string, number, boolean, null, an object of values, or a list of all
// these but lists.
func (v *Value) UnmarshalJSON(b []byte) error {
	parsed, err := parseValue(b)
	if err == nil {
		*v = parsed
	}
	return err
}

// UnmarshalJSON reads an object and names the path in the error of a value that it refuses.
func (m *Metadata) UnmarshalJSON(b []byte) error {
	parsed, err := parseMetadata(b)
	if err != nil {
		return asError(err).In("metadata")
	}
	*m = parsed
	return nil
}

func parseMetadata(b []byte) (Metadata, error) { return parseFields(b, 0) }

func parseValue(b []byte) (Value, error) { return parseAt(b, 0) }

// parseAt reads a value that lies within depth lists and objects.
func parseAt(b []byte, depth int) (Value, error) {
	b = bytes.TrimSpace(b)
	if len(b) == 0 {
		return Value{}, Invalid("", "", "value is missing")
	}
	switch c := b[0]; {
	case c == '"':
		s, err := parseString(b)
		return StringValue(s), err
	case c == 't' || c == 'f':
		x, err := parseBool(b)
		return BoolValue(x), err
	case c == '-' || c >= '0' && c <= '9':
		return parseNumber(string(b))
	case string(b) == "null":
		return NullValue(), nil
	case (c == '{' || c == '[') && depth >= MaxMetadataDepth:
		return Value{}, errTooDeep()
	case c == '{':
		fields, err := parseFields(b, depth+1)
		return ObjectValue(fields), err
	case c == '[':
		items, err := parseItems(b, MaxMetadataListItems, func(item []byte) (Value, error) {
			if bytes.HasPrefix(bytes.TrimSpace(item), []byte("[")) {
				return Value{}, errListInList()
			}
			return parseAt(item, depth+1)
		})
		return ListValue(items...), err
	}
	return Value{}, Invalid("", string(b), "value is not JSON")
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

// parseFields reads the members of an object that lies within depth lists and objects.
func parseFields(b []byte, depth int) (Metadata, error) {
	var raw map[string]json.RawMessage
	if err := json.Unmarshal(b, &raw); err != nil || raw == nil {
		return nil, Invalid("", string(b), "must be a JSON object")
	}
	m := make(Metadata, len(raw))
	for key, item := range raw {
		v, err := parseAt(item, depth)
		if err != nil {
			return nil, asError(err).In(CutValue(key))
		}
		m[key] = v
	}
	return m, nil
}
