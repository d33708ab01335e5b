package lode

import (
	"maps"
	"slices"
	"strings"
)

// MaxPathBytes is the longest path of a field.
const MaxPathBytes = 1024

// Find calls yield with every value at a path, as it stands: a list in one piece. It stops
// when yield returns false, and reports whether there is any value. It allocates only for a
// path with brackets.
//
// A path is keys joined by dots. Of the keys that it may begin with, the longest that leads
// to a value is taken, at every object anew: {"a": {"b": 1}} and {"a.b": 1} both have 1 at
// "a.b". A list on the way is passed through, so "authors.name" finds the name of each of
// several authors, in order. Brackets after keys ("authors[].name", "tags[]") say the same and
// are not needed: where no key is written like that, the path is taken without them.
func (m Metadata) Find(path string, yield func(Value) bool) (present bool) {
	if present, _ = m.find(path, yield); !present && strings.Contains(path, "[]") {
		present, _ = m.find(PlainPath(path), yield)
	}
	return present
}

// Has reports whether a path leads to any value.
func (m Metadata) Has(path string) bool {
	return m.Find(path, func(Value) bool { return false })
}

func (m Metadata) find(path string, yield func(Value) bool) (present, stopped bool) {
	for end := len(path); end > 0; end = strings.LastIndexByte(path[:end], '.') {
		v, ok := m[path[:end]]
		if !ok {
			continue
		}
		if end == len(path) {
			return true, !yield(v)
		}
		if present, stopped = v.find(path[end+1:], yield); present {
			return present, stopped
		}
	}
	return false, false
}

func (v Value) find(path string, yield func(Value) bool) (present, stopped bool) {
	if v.Kind == KindObject {
		return v.Fields.find(path, yield)
	}
	for _, item := range v.List {
		if item.Kind != KindObject {
			continue
		}
		found, stopped := item.Fields.find(path, yield)
		present = present || found
		if stopped {
			return present, true
		}
	}
	return present, false
}

// Each calls yield with every single value at a path: what [Metadata.Find] finds, lists item
// by item. It stops when yield returns false. present reports whether the path leads to any
// value, also where that is an empty list, of which there is nothing to yield.
func (m Metadata) Each(path string, yield func(Value) bool) (present bool) {
	return m.Find(path, func(v Value) bool { return v.each(yield) })
}

// each calls yield with the value, or with each item of a list, until yield returns false.
func (v Value) each(yield func(Value) bool) (more bool) {
	if v.Kind != KindList {
		return yield(v)
	}
	for _, item := range v.List {
		if !yield(item) {
			return false
		}
	}
	return true
}

// Count returns how many values there are at a path: a list has as many as it has items, null
// is none, everything else is one.
func (m Metadata) Count(path string) (n int) {
	m.Find(path, func(v Value) bool {
		switch v.Kind {
		case KindNull:
		case KindList:
			n += len(v.List)
		default:
			n++
		}
		return true
	})
	return n
}

// Paths returns every path that leads to a value, in order and once each. [Metadata.Each] of
// all of them passes over everything that m holds, but for what a longer key covers.
func (m Metadata) Paths() []string {
	seen := map[string]bool{}
	m.collectPaths("", seen)
	return slices.Sorted(maps.Keys(seen))
}

func (m Metadata) collectPaths(prefix string, seen map[string]bool) {
	for key, v := range m {
		path := prefix + key
		seen[path] = true
		v.each(func(item Value) bool {
			item.Fields.collectPaths(path+".", seen)
			return true
		})
	}
}

// PlainPath returns a path without the brackets that may follow its keys.
func PlainPath(path string) string {
	if !strings.Contains(path, "[]") {
		return path
	}
	return strings.TrimSuffix(strings.ReplaceAll(path, "[].", "."), "[]")
}

func validatePath(field, path string) error { return validateLabel(field, path, MaxPathBytes) }
