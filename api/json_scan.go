package api

import (
	"bytes"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/lodedb/lode"
)

// jsonScanner walks JSON text by RFC 8259 and knows the path of where it is. The text is
// valid UTF-8.
type jsonScanner struct {
	src  []byte
	pos  int
	path []pathStep
}

// maxFreeMembers bounds objects whose members are not fixed by a type. Metadata, the largest
// of them, has a lower limit of its own.
const maxFreeMembers = 4096

// pathStep is a member name, or an index when that is not negative.
type pathStep struct {
	name  string
	index int
}

// where is the path of the current value: "points[3].vector[17]".
func (s *jsonScanner) where() string { return s.pathOf(len(s.path)) }

func (s *jsonScanner) pathOf(steps int) string {
	var b strings.Builder
	for _, step := range s.path[:max(steps, 0)] {
		switch {
		case step.index >= 0:
			fmt.Fprintf(&b, "[%d]", step.index)
		case step.name == "":
		case b.Len() > 0:
			b.WriteString("." + lode.CutValue(step.name))
		default:
			b.WriteString(lode.CutValue(step.name))
		}
	}
	return b.String()
}

func (s *jsonScanner) space() {
	for s.pos < len(s.src) {
		switch s.src[s.pos] {
		case ' ', '\t', '\n', '\r':
			s.pos++
		default:
			return
		}
	}
}

// peek returns the next byte, 0 at the end.
func (s *jsonScanner) peek() byte {
	if s.pos < len(s.src) {
		return s.src[s.pos]
	}
	return 0
}

// members calls f for each member of the object that begins here, with the path at it and
// the position at its value.
func (s *jsonScanner) members(f func(name string) error) error {
	return s.nest('}', func(int) error {
		s.path[len(s.path)-1] = pathStep{index: -1} // no longer at the member before
		if s.peek() != '"' {
			return s.malformed("a member name in quotes is missing")
		}
		name, err := s.string("a member name")
		if err != nil {
			return err
		}
		s.path[len(s.path)-1] = pathStep{name: name, index: -1}
		s.space()
		if s.peek() != ':' {
			return s.malformed("a colon is missing")
		}
		s.pos++
		return f(name)
	})
}

// items calls f for each item of the list that begins here.
func (s *jsonScanner) items(f func(i int) error) error {
	return s.nest(']', func(i int) error {
		s.path[len(s.path)-1].index = i
		return f(i)
	})
}

// nest walks the comma-separated parts up to the closing byte.
func (s *jsonScanner) nest(closing byte, part func(i int) error) error {
	if len(s.path) >= maxJSONDepth {
		return lode.Errorf(lode.CodeMalformed, "JSON is nested deeper than %d at byte %d", maxJSONDepth, s.pos)
	}
	s.path = append(s.path, pathStep{index: -1})
	s.pos++
	s.space()
	for i := 0; s.peek() != closing || i > 0; i++ {
		if err := part(i); err != nil {
			return err
		}
		s.space()
		if s.peek() == closing {
			break
		}
		if s.peek() != ',' {
			return s.malformed("a comma or %q is missing", closing)
		}
		s.pos++
		s.space()
	}
	s.pos++
	s.path = s.path[:len(s.path)-1]
	return nil
}

// skip passes over one value and checks it.
func (s *jsonScanner) skip() error {
	s.space()
	switch c := s.peek(); {
	case c == '{':
		return s.skipObject()
	case c == '[':
		return s.items(func(int) error { return s.skip() })
	case c == '"':
		_, err := s.string("a string")
		return err
	case c == '-' || c >= '0' && c <= '9':
		_, err := s.numberToken()
		return err
	}
	for _, literal := range []string{"true", "false", "null"} {
		if bytes.HasPrefix(s.src[s.pos:], []byte(literal)) {
			s.pos += len(literal)
			return nil
		}
	}
	return s.malformed("a JSON value is missing")
}

func (s *jsonScanner) skipObject() error {
	seen := map[string]struct{}{}
	return s.members(func(name string) error {
		if _, twice := seen[name]; twice {
			return s.duplicate(name)
		}
		seen[name] = struct{}{}
		if len(seen) > maxFreeMembers {
			return lode.Invalid(s.pathOf(len(s.path)-1), len(seen), "the object has more than %d members", maxFreeMembers)
		}
		return s.skip()
	})
}

// numberToken passes over one number. Words like NaN and Infinity are not JSON.
func (s *jsonScanner) numberToken() ([]byte, error) {
	start := s.pos
	if c := s.peek(); c != '-' && (c < '0' || c > '9') {
		return nil, s.mismatch("a number")
	}
	if s.peek() == '-' {
		s.pos++
	}
	if s.peek() == '0' {
		s.pos++
	} else if s.digits() == 0 {
		return nil, s.malformed("a digit is missing")
	}
	if s.peek() == '.' {
		s.pos++
		if s.digits() == 0 {
			return nil, s.malformed("a digit is missing")
		}
	}
	if c := s.peek(); c == 'e' || c == 'E' {
		s.pos++
		if c := s.peek(); c == '+' || c == '-' {
			s.pos++
		}
		if s.digits() == 0 {
			return nil, s.malformed("a digit is missing")
		}
	}
	return s.src[start:s.pos], nil
}

func (s *jsonScanner) digits() int {
	start := s.pos
	for s.pos < len(s.src) && s.src[s.pos] >= '0' && s.src[s.pos] <= '9' {
		s.pos++
	}
	return s.pos - start
}

// string reads one string; want names what is expected, for the error when it is none.
func (s *jsonScanner) string(want string) (string, error) {
	s.space()
	if s.peek() != '"' {
		return "", s.mismatch(want)
	}
	s.pos++
	start := s.pos
	for s.pos < len(s.src) {
		switch c := s.src[s.pos]; {
		case c == '"':
			s.pos++
			return string(s.src[start : s.pos-1]), nil
		case c == '\\':
			return s.escapedString(start)
		case c < ' ':
			return "", s.malformed("a string holds a control character")
		}
		s.pos++
	}
	return "", s.malformed("a string has no end")
}

// escapedString reads on from the first backslash of a string that began at start.
func (s *jsonScanner) escapedString(start int) (string, error) {
	out := slices.Clone(s.src[start:s.pos])
	for s.pos < len(s.src) {
		switch c := s.src[s.pos]; {
		case c == '"':
			s.pos++
			return string(out), nil
		case c < ' ':
			return "", s.malformed("a string holds a control character")
		case c != '\\':
			out = append(out, c)
			s.pos++
		default:
			r, err := s.escape()
			if err != nil {
				return "", err
			}
			out = utf8.AppendRune(out, r)
		}
	}
	return "", s.malformed("a string has no end")
}

func (s *jsonScanner) escape() (rune, error) {
	if s.pos+1 >= len(s.src) {
		return 0, s.malformed("a string has no end")
	}
	c := s.src[s.pos+1]
	if c == 'u' {
		return s.unicodeEscape()
	}
	at := strings.IndexByte(`"\/bfnrt`, c)
	if at < 0 {
		return 0, s.malformed("a string holds an unknown escape")
	}
	s.pos += 2
	return rune("\"\\/\b\f\n\r\t"[at]), nil
}

func (s *jsonScanner) unicodeEscape() (rune, error) {
	r, ok := s.hex4()
	if ok && utf16.IsSurrogate(r) {
		low, isPair := s.hex4()
		r = utf16.DecodeRune(r, low)
		ok = isPair && r != utf8.RuneError
	}
	if !ok {
		return 0, s.malformed(`a \u escape is not a Unicode character`)
	}
	return r, nil
}

func (s *jsonScanner) hex4() (rune, bool) {
	if s.pos+6 > len(s.src) || s.src[s.pos] != '\\' || s.src[s.pos+1] != 'u' {
		return 0, false
	}
	x, err := strconv.ParseUint(string(s.src[s.pos+2:s.pos+6]), 16, 32)
	s.pos += 6
	return rune(x), err == nil
}

// malformed reports text that is not JSON, with the position and the word found there.
func (s *jsonScanner) malformed(format string, args ...any) *lode.Error {
	what := fmt.Sprintf(format, args...)
	if s.pos >= len(s.src) {
		return lode.FieldError(lode.CodeMalformed, s.where(), "", "JSON ends at byte %d: %s", s.pos, what)
	}
	return lode.FieldError(lode.CodeMalformed, s.where(), s.word(), "JSON is malformed at byte %d: %s", s.pos, what)
}

// word is the beginning of what stands at the position, for an error.
func (s *jsonScanner) word() string {
	const most = 16
	rest := s.src[s.pos:min(len(s.src), s.pos+most)]
	if end := bytes.IndexAny(rest, " \t\r\n,:]}\""); end > 0 {
		rest = rest[:end]
	}
	return strings.ToValidUTF8(string(rest), "")
}

// mismatch reports a value of another type than expected, or text that is no value at all.
func (s *jsonScanner) mismatch(want string) error {
	start := s.pos
	if err := s.skip(); err != nil {
		return err
	}
	return s.wrongType(start, want)
}

// wrongType reports the value that began at start.
func (s *jsonScanner) wrongType(start int, want string) *lode.Error {
	return s.invalidAt(start, "must be %s", want)
}

func (s *jsonScanner) invalidAt(start int, format string, args ...any) *lode.Error {
	value := s.src[start:min(s.pos, start+256)]
	return lode.Invalid(s.where(), strings.ToValidUTF8(string(value), ""), format, args...)
}

func (s *jsonScanner) duplicate(name string) *lode.Error {
	return lode.FieldError(lode.CodeMalformed, s.where(), name, "the member appears twice")
}
