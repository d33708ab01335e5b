package payload

import (
	"encoding/binary"
	"math"
	"reflect"
	"slices"

	"github.com/lodedb/lode"
)

// appendFilter appends bytes that two filters share only when they are the same in every
// member, also in members that are not known here. It returns nil when there is a member
// that it cannot write.
func appendFilter(b []byte, f lode.Filter) []byte {
	b, ok := appendValue(b, reflect.ValueOf(f), maxKeyDepth)
	if !ok {
		return nil
	}
	return b
}

// maxKeyDepth is far beyond what a valid filter has.
const maxKeyDepth = 256

// appendValue appends a value so that where it ends can be told from its bytes and its type.
func appendValue(b []byte, v reflect.Value, depth int) ([]byte, bool) {
	if depth == 0 {
		return nil, false
	}
	switch v.Kind() {
	case reflect.Bool:
		return append(b, byte(boolIndex(v.Bool()))), true
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return binary.AppendVarint(b, v.Int()), true
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return binary.AppendUvarint(b, v.Uint()), true
	case reflect.Float32, reflect.Float64:
		return binary.LittleEndian.AppendUint64(b, math.Float64bits(v.Float())), true
	case reflect.String:
		return append(binary.AppendUvarint(b, uint64(v.Len())), v.String()...), true
	case reflect.Pointer:
		if v.IsNil() {
			return append(b, 0), true
		}
		return appendValue(append(b, 1), v.Elem(), depth-1)
	case reflect.Slice, reflect.Array:
		return appendItems(binary.AppendUvarint(b, uint64(v.Len())), v.Len(), v.Index, depth)
	case reflect.Struct:
		return appendItems(b, v.NumField(), v.Field, depth)
	case reflect.Map:
		return appendMap(b, v, depth)
	}
	return nil, false
}

func appendItems(b []byte, n int, item func(int) reflect.Value, depth int) ([]byte, bool) {
	for i := range n {
		var ok bool
		if b, ok = appendValue(b, item(i), depth-1); !ok {
			return nil, false
		}
	}
	return b, true
}

// appendMap appends a map by the order of its keys, which are strings.
func appendMap(b []byte, v reflect.Value, depth int) ([]byte, bool) {
	if v.Type().Key().Kind() != reflect.String {
		return nil, false
	}
	keys := v.MapKeys()
	slices.SortFunc(keys, func(x, y reflect.Value) int {
		if x.String() < y.String() {
			return -1
		}
		return 1
	})
	b = binary.AppendUvarint(b, uint64(len(keys)))
	for _, key := range keys {
		var ok bool
		b, _ = appendValue(b, key, depth-1)
		if b, ok = appendValue(b, v.MapIndex(key), depth-1); !ok {
			return nil, false
		}
	}
	return b, true
}
