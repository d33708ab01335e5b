package pdf

import (
	"sort"
	"unicode/utf16"
)

// maxMappings bounds the entries of a CMap; no font has more glyphs than fit in 16 bits.
const maxMappings = 1 << 17

// cmap maps the codes of a font to characters.
type cmap struct {
	spaces []codeSpace
	chars  map[code]string
	ranges []codeRange // sorted by first
}

// code is a character code and its length in bytes.
type code struct {
	n    int
	bits uint32
}

type codeSpace struct {
	n           int
	first, last uint32
}

type codeRange struct {
	n           int
	first, last uint32
	to          []rune // of first; the last rune counts up
}

// parseCMap reads a CMap. It returns nil for one that maps nothing.
func parseCMap(b []byte) *cmap {
	m := &cmap{chars: make(map[code]string)}
	l := &lexer{b: b}
	var operands []value
	for {
		operator, args, ok := l.next(operands)
		if !ok {
			break
		}
		switch operator {
		case "endcodespacerange":
			m.addSpaces(args)
		case "endbfchar":
			m.addChars(args)
		case "endbfrange":
			m.addRanges(args)
		}
		operands = args
	}
	sort.SliceStable(m.ranges, func(i, j int) bool { return m.ranges[i].first < m.ranges[j].first })
	return m
}

func (m *cmap) empty() bool { return m == nil || len(m.chars)+len(m.ranges) == 0 }

// stringsOnly drops what stands before the entries of a block, such as their number.
func stringsOnly(args []value) []value {
	for len(args) > 0 && args[0].kind != kindString {
		args = args[1:]
	}
	return args
}

func (m *cmap) addSpaces(args []value) {
	for args = stringsOnly(args); len(args) >= 2 && len(m.spaces) < 256; args = args[2:] {
		first, last := toCode(args[0].text), toCode(args[1].text)
		if first.n > 0 && first.n == last.n {
			m.spaces = append(m.spaces, codeSpace{first.n, first.bits, last.bits})
		}
	}
}

func (m *cmap) addChars(args []value) {
	for args = stringsOnly(args); len(args) >= 2 && len(m.chars) < maxMappings; args = args[2:] {
		if c := toCode(args[0].text); c.n > 0 && args[1].kind == kindString {
			m.chars[c] = string(utf16BE(args[1].text))
		}
	}
}

func (m *cmap) addRanges(args []value) {
	for args = stringsOnly(args); len(args) >= 3 && len(m.ranges) < maxMappings; args = args[3:] {
		first, last := toCode(args[0].text), toCode(args[1].text)
		if first.n == 0 || first.n != last.n || last.bits < first.bits {
			continue
		}
		switch args[2].kind {
		case kindString:
			if to := utf16BE(args[2].text); len(to) > 0 {
				m.ranges = append(m.ranges, codeRange{first.n, first.bits, last.bits, to})
			}
		case kindOpen:
			for i, item := range args[2].items {
				if uint32(i) > last.bits-first.bits || len(m.chars) >= maxMappings {
					break
				}
				m.chars[code{first.n, first.bits + uint32(i)}] = string(utf16BE(item.text))
			}
		}
	}
}

func toCode(s string) code {
	if len(s) == 0 || len(s) > 4 {
		return code{}
	}
	c := code{n: len(s)}
	for i := range len(s) {
		c.bits = c.bits<<8 | uint32(s[i])
	}
	return c
}

// lookup returns the characters of a code. Producers disagree about the length of codes in
// simple fonts, so there a code of another length counts too.
func (m *cmap) lookup(c code) (string, bool) {
	if m == nil {
		return "", false
	}
	if s, ok := m.chars[c]; ok {
		return s, true
	}
	i := sort.Search(len(m.ranges), func(i int) bool { return m.ranges[i].first > c.bits })
	for i--; i >= 0; i-- {
		r := m.ranges[i]
		if r.n == c.n && c.bits <= r.last {
			to := append([]rune(nil), r.to...)
			to[len(to)-1] += rune(c.bits - r.first)
			return string(to), true
		}
		if c.bits-r.first > 0xFFFF {
			break
		}
	}
	if c.n == 1 {
		return m.lookup(code{2, c.bits})
	}
	return "", false
}

// split returns the code that s begins with: by the code spaces, else of n bytes.
func (m *cmap) split(s string, n int) code {
	if m != nil {
		for length := 1; length <= 4 && length <= len(s); length++ {
			c := toCode(s[:length])
			for _, space := range m.spaces {
				if space.n == length && space.first <= c.bits && c.bits <= space.last {
					return c
				}
			}
		}
	}
	return toCode(s[:min(n, len(s))])
}

func utf16BE(s string) []rune {
	if len(s) == 1 {
		return []rune{rune(s[0])}
	}
	units := make([]uint16, 0, len(s)/2)
	for i := 0; i+1 < len(s); i += 2 {
		units = append(units, uint16(s[i])<<8|uint16(s[i+1]))
	}
	return utf16.Decode(units)
}
