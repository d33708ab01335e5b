package pdf

import (
	"bytes"
	"strconv"
)

// kind is what a token is.
type kind uint8

const (
	kindEnd kind = iota
	kindNumber
	kindName     // /Name
	kindString   // (text) or <hex>
	kindOperator // Tj
	kindOpen     // [ or <<
	kindClose    // ] or >>
)

// value is an operand: a number, name, string, or an array or dictionary of values.
type value struct {
	kind  kind
	num   float64
	text  string  // of a name, string, operator or bracket
	items []value // of an array, or the keys and values of a dictionary in turn
}

// maxOperands and maxNesting bound what a hostile stream can pile up.
const (
	maxOperands = 64 << 10
	maxNesting  = 16
)

// lexer reads the tokens of a content stream or CMap. It never fails: what makes no sense is
// skipped, as all viewers do.
type lexer struct {
	b  []byte
	at int
}

// next returns the operator that comes next with its operands; ok is false at the end.
func (l *lexer) next(operands []value) (operator string, args []value, ok bool) {
	args = operands[:0]
	for {
		v := l.value(0)
		switch v.kind {
		case kindEnd:
			return "", nil, false
		case kindOperator:
			return v.text, args, true
		case kindClose:
		default:
			if len(args) < maxOperands {
				args = append(args, v)
			}
		}
	}
}

// value reads one operand or operator.
func (l *lexer) value(depth int) value {
	v := l.token()
	if v.kind != kindOpen || depth > maxNesting {
		return v
	}
	array := value{kind: kindOpen, text: v.text}
	for {
		item := l.value(depth + 1)
		switch item.kind {
		case kindEnd, kindClose:
			return array
		case kindOperator: // true, false, null, or a lost operator
			item = value{kind: kindName, text: item.text}
		}
		if len(array.items) < maxOperands {
			array.items = append(array.items, item)
		}
	}
}

func (l *lexer) token() value {
	l.blanks()
	if l.at >= len(l.b) {
		return value{}
	}
	c := l.b[l.at]
	switch {
	case c == '(':
		return value{kind: kindString, text: l.literal()}
	case c == '<' && l.peek(1) == '<':
		l.at += 2
		return value{kind: kindOpen, text: "<<"}
	case c == '<':
		return value{kind: kindString, text: l.hex()}
	case c == '>' && l.peek(1) == '>':
		l.at += 2
		return value{kind: kindClose}
	case c == '[':
		l.at++
		return value{kind: kindOpen, text: "["}
	case c == ']':
		l.at++
		return value{kind: kindClose}
	case c == '/':
		l.at++
		return value{kind: kindName, text: l.name()}
	case c == '+' || c == '-' || c == '.' || (c >= '0' && c <= '9'):
		return l.number()
	}
	word := l.regular()
	if word == "" { // a stray delimiter
		l.at++
		return l.token()
	}
	return value{kind: kindOperator, text: word}
}

func (l *lexer) peek(n int) byte {
	if l.at+n < len(l.b) {
		return l.b[l.at+n]
	}
	return 0
}

// blanks skips white space and comments.
func (l *lexer) blanks() {
	for l.at < len(l.b) {
		switch c := l.b[l.at]; {
		case isBlank(c):
			l.at++
		case c == '%':
			for l.at < len(l.b) && l.b[l.at] != '\n' && l.b[l.at] != '\r' {
				l.at++
			}
		default:
			return
		}
	}
}

func isBlank(c byte) bool {
	return c == ' ' || c == '\n' || c == '\r' || c == '\t' || c == '\f' || c == 0
}

func isDelimiter(c byte) bool { return bytes.IndexByte([]byte("()<>[]{}/%"), c) >= 0 }

// regular reads characters up to a blank or delimiter.
func (l *lexer) regular() string {
	start := l.at
	for l.at < len(l.b) && !isBlank(l.b[l.at]) && !isDelimiter(l.b[l.at]) {
		l.at++
	}
	return string(l.b[start:l.at])
}

// name reads a name after its slash; "#41" is "A".
func (l *lexer) name() string {
	raw := l.regular()
	if len(raw) < 3 || !bytes.Contains([]byte(raw), []byte("#")) {
		return raw
	}
	out := make([]byte, 0, len(raw))
	for i := 0; i < len(raw); i++ {
		if raw[i] == '#' && i+2 < len(raw) {
			if c, err := strconv.ParseUint(raw[i+1:i+3], 16, 8); err == nil {
				out = append(out, byte(c))
				i += 2
				continue
			}
		}
		out = append(out, raw[i])
	}
	return string(out)
}

// number reads a number the way broken producers write them: "--5", "1.2.3", "5-".
func (l *lexer) number() value {
	start := l.at
	for l.at < len(l.b) && (l.b[l.at] == '+' || l.b[l.at] == '-' || l.b[l.at] == '.' || (l.b[l.at] >= '0' && l.b[l.at] <= '9')) {
		l.at++
	}
	n, err := strconv.ParseFloat(string(l.b[start:l.at]), 64)
	if err != nil || n > 1e9 || n < -1e9 {
		n = 0
	}
	return value{kind: kindNumber, num: n}
}

// literal reads "(…)" with its escapes.
func (l *lexer) literal() string {
	l.at++
	var out []byte
	for depth := 1; l.at < len(l.b); l.at++ {
		c := l.b[l.at]
		switch c {
		case '(':
			depth++
		case ')':
			if depth--; depth == 0 {
				l.at++
				return string(out)
			}
		case '\\':
			out = l.escape(out)
			continue
		}
		out = append(out, c)
	}
	return string(out)
}

// escape reads what follows a backslash and leaves the lexer on its last byte.
func (l *lexer) escape(out []byte) []byte {
	l.at++
	if l.at >= len(l.b) {
		return out
	}
	switch c := l.b[l.at]; c {
	case 'n':
		return append(out, '\n')
	case 'r':
		return append(out, '\r')
	case 't':
		return append(out, '\t')
	case 'b':
		return append(out, '\b')
	case 'f':
		return append(out, '\f')
	case '\r':
		if l.peek(1) == '\n' {
			l.at++
		}
		return out
	case '\n':
		return out
	case '0', '1', '2', '3', '4', '5', '6', '7':
		code := int(c - '0')
		for n := 0; n < 2 && l.peek(1) >= '0' && l.peek(1) <= '7'; n++ {
			l.at++
			code = code*8 + int(l.b[l.at]-'0')
		}
		return append(out, byte(code))
	default:
		return append(out, c)
	}
}

// hex reads "<…>".
func (l *lexer) hex() string {
	l.at++
	var out []byte
	high, half := byte(0), false
	for ; l.at < len(l.b); l.at++ {
		c := l.b[l.at]
		if c == '>' {
			l.at++
			break
		}
		digit, ok := hexDigit(c)
		if !ok {
			continue
		}
		if half {
			out = append(out, high<<4|digit)
		}
		high, half = digit, !half
	}
	if half {
		out = append(out, high<<4)
	}
	return string(out)
}

func hexDigit(c byte) (byte, bool) {
	switch {
	case c >= '0' && c <= '9':
		return c - '0', true
	case c >= 'a' && c <= 'f':
		return c - 'a' + 10, true
	case c >= 'A' && c <= 'F':
		return c - 'A' + 10, true
	}
	return 0, false
}

// skipImage moves past the bytes of an inline image, which follow "ID".
func (l *lexer) skipImage() {
	for i := l.at; i+2 < len(l.b); i++ {
		if isBlank(l.b[i]) && l.b[i+1] == 'E' && l.b[i+2] == 'I' && (i+3 >= len(l.b) || isBlank(l.b[i+3])) && l.plausible(i+3) {
			l.at = i + 3
			return
		}
	}
	l.at = len(l.b)
}

// plausible reports whether what follows looks like operators rather than image data.
func (l *lexer) plausible(at int) bool {
	for _, c := range l.b[at:min(at+16, len(l.b))] {
		if c >= 0x7F || (c < ' ' && !isBlank(c)) {
			return false
		}
	}
	return true
}
