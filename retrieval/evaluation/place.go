package evaluation

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"github.com/lodedb/lode"
)

// byteOffset turns a number of characters into one of bytes.
func byteOffset(s string, chars int) (int, bool) {
	if chars < 0 {
		return 0, false
	}
	n := 0
	for at := range s {
		if n == chars {
			return at, true
		}
		n++
	}
	return len(s), n == chars
}

// place returns the byte where content begins in text: at a character if it is there, else where it
// stands alone.
func place(text, content string, char int) (int, error) {
	if at, ok := byteOffset(text, char); ok && strings.HasPrefix(text[at:], content) {
		return at, nil
	}
	at := strings.Index(text, content)
	if at < 0 || content == "" {
		return 0, lode.Invalid("start_index", char, "the reference is not in the text")
	}
	if strings.Contains(text[at+1:], content) {
		return 0, lode.Invalid("start_index", char, "the reference is not at its place, and is in the text twice")
	}
	return at, nil
}

func sortedKeys[K cmp.Ordered, V any](m map[K]V) []K { return slices.Sorted(maps.Keys(m)) }
