package pdf

import (
	"bytes"
	"regexp"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/ledongthuc/pdf"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/unicode/norm"
)

// maxCMapBytes bounds a decompressed CMap.
const maxCMapBytes = 8 << 20

// unmapped stands for a glyph of which nothing says what character it is.
const unmapped = string(utf8.RuneError)

// font says what the codes of a string mean and how wide they are.
type font struct {
	bold      bool
	composite bool
	unicode   *cmap // from ToUnicode
	encoding  *cmap // code spaces of an embedded encoding
	ucs2      bool  // codes are UTF-16 already
	simple    [256]string
	widths    map[uint32]float64 // in thousandths of the size
	width     float64            // of all others
}

// newFont reads a font dictionary.
func newFont(v pdf.Value) (*font, error) {
	f := &font{widths: make(map[uint32]float64)}
	name := v.Key("BaseFont").Name()
	f.bold = boldName(name)
	f.composite = v.Key("Subtype").Name() == "Type0"
	if stream := v.Key("ToUnicode"); stream.Kind() == pdf.Stream {
		b, err := streamBytes(stream, maxCMapBytes)
		if err != nil {
			return nil, err
		}
		f.unicode = parseCMap(b)
	}
	if f.composite {
		return f, f.readComposite(v)
	}
	f.readSimple(v, name)
	return f, nil
}

func boldName(name string) bool {
	name = strings.ToLower(name)
	return strings.Contains(name, "bold") || strings.Contains(name, "black") || strings.Contains(name, "heavy") || strings.Contains(name, "demi") ||
		strings.Contains(name, "cmbx") || strings.HasSuffix(name, "-medi") || strings.HasSuffix(name, "-bd")
}

// readComposite reads a font whose codes have several bytes.
func (f *font) readComposite(v pdf.Value) error {
	switch encoding := v.Key("Encoding"); encoding.Kind() {
	case pdf.Stream:
		b, err := streamBytes(encoding, maxCMapBytes)
		if err != nil {
			return err
		}
		f.encoding = parseCMap(b)
	case pdf.Name:
		f.ucs2 = strings.Contains(encoding.Name(), "UCS2") || strings.Contains(encoding.Name(), "UTF16")
	}
	descendant := v.Key("DescendantFonts").Index(0)
	f.bold = f.bold || boldName(descendant.Key("BaseFont").Name())
	f.width = 1000
	if dw := descendant.Key("DW"); dw.Kind() != pdf.Null {
		f.width = dw.Float64()
	}
	f.readWidths(descendant.Key("W"))
	return nil
}

// readWidths reads "c [w w …]" and "first last w" in turn.
func (f *font) readWidths(w pdf.Value) {
	for i, n := 0, min(w.Len(), maxMappings); i+1 < n; {
		first := uint32(w.Index(i).Int64())
		second := w.Index(i + 1)
		if second.Kind() == pdf.Array {
			for j := range min(second.Len(), maxMappings) {
				f.widths[first+uint32(j)] = second.Index(j).Float64()
			}
			i += 2
			continue
		}
		width := w.Index(i + 2).Float64()
		for c := int64(first); c <= second.Int64() && c < int64(first)+1<<16; c++ {
			f.widths[uint32(c)] = width
		}
		i += 3
	}
}

// readSimple reads a font with one byte a code.
func (f *font) readSimple(v pdf.Value, name string) {
	encoding := v.Key("Encoding")
	base := encoding.Name()
	if encoding.Kind() == pdf.Dict {
		base = encoding.Key("BaseEncoding").Name()
	}
	if base == "" && v.Key("Subtype").Name() == "TrueType" {
		base = "WinAnsiEncoding"
	}
	for c := range f.simple {
		f.simple[c] = baseEncoding(base, byte(c))
	}
	if base == "" && f.unicode.empty() {
		f.readBuiltIn(v.Key("FontDescriptor").Key("FontFile"))
	}
	if encoding.Kind() == pdf.Dict {
		f.readDifferences(encoding.Key("Differences"), &pdf.Font{V: v})
	}
	scale := 1.0
	if v.Key("Subtype").Name() == "Type3" {
		if m := v.Key("FontMatrix"); m.Len() == 6 && m.Index(0).Float64() != 0 {
			scale = m.Index(0).Float64() * 1000
		}
	}
	first, widths := v.Key("FirstChar").Int64(), v.Key("Widths")
	for i := range min(widths.Len(), 256) {
		f.widths[uint32(first)+uint32(i)] = widths.Index(i).Float64() * scale
	}
	f.width = v.Key("FontDescriptor").Key("MissingWidth").Float64()
	if widths.Len() == 0 {
		f.standardWidths(name)
	}
	if f.width == 0 {
		f.width = 500
	}
}

// builtIn is how a Type 1 font program says which glyph a code draws.
var builtIn = regexp.MustCompile(`dup\s+(\d{1,3})\s*/([A-Za-z0-9._]+)\s+put`)

// readBuiltIn reads the encoding that an embedded Type 1 font has of its own, from the plain
// text at the head of its program. TeX files name no other.
func (f *font) readBuiltIn(program pdf.Value) {
	if program.Kind() != pdf.Stream {
		return
	}
	b, err := streamBytes(program, maxCMapBytes)
	if err != nil {
		return // without the program the standard encoding is the best guess
	}
	head, _, _ := bytes.Cut(b, []byte("eexec"))
	for _, m := range builtIn.FindAllSubmatch(head, 256) {
		if c, err := strconv.Atoi(string(m[1])); err == nil && c < 256 {
			if s := nameText(string(m[2])); s != "" {
				f.simple[c] = s
			}
		}
	}
}

// readDifferences reads the glyph names that replace those of the base encoding. The library
// holds the list of names, behind an encoder that maps single codes.
func (f *font) readDifferences(differences pdf.Value, library *pdf.Font) {
	decoder := library.Encoder()
	at := 0
	for i := range min(differences.Len(), 1024) {
		item := differences.Index(i)
		if item.Kind() == pdf.Integer {
			at = int(item.Int64())
			continue
		}
		if item.Kind() == pdf.Name && at >= 0 && at < 256 {
			f.simple[at] = glyphText(item.Name(), byte(at), decoder)
		}
		at++
	}
}

// glyphText returns the characters of a glyph name: ours, or from the library's longer list.
func glyphText(name string, c byte, decoder pdf.TextEncoding) string {
	if s := nameText(name); s != "" {
		return s
	}
	if s := decoder.Decode(string([]byte{c})); s != "" && s != string(rune(c)) {
		return s
	}
	return unmapped
}

func baseEncoding(name string, c byte) string {
	switch {
	case c < ' ':
		return unmapped
	case name == "MacRomanEncoding":
		return string(charmap.Macintosh.DecodeByte(c))
	case name == "WinAnsiEncoding" || name == "":
		if r := charmap.Windows1252.DecodeByte(c); r != utf8.RuneError {
			return string(r)
		}
		return "•" // as the specification has it for unused codes
	case c == '\'':
		return "’"
	case c == '`':
		return "‘"
	case c < 0x7F:
		return string(rune(c))
	}
	if r, ok := standardHigh[c]; ok {
		return string(r)
	}
	return unmapped
}

// standardHigh is the upper half of Adobe's standard encoding.
var standardHigh = map[byte]rune{
	0xA1: '¡', 0xA2: '¢', 0xA3: '£', 0xA4: '⁄', 0xA5: '¥', 0xA6: 'ƒ', 0xA7: '§', 0xA8: '¤', 0xA9: '\'', 0xAA: '“', 0xAB: '«',
	0xAC: '‹', 0xAD: '›', 0xAE: 'ﬁ', 0xAF: 'ﬂ', 0xB1: '–', 0xB2: '†', 0xB3: '‡', 0xB4: '·', 0xB6: '¶', 0xB7: '•', 0xB8: '‚',
	0xB9: '„', 0xBA: '”', 0xBB: '»', 0xBC: '…', 0xBD: '‰', 0xBF: '¿', 0xC1: '`', 0xC2: '´', 0xC3: 'ˆ', 0xC4: '˜', 0xC5: '¯',
	0xC6: '˘', 0xC7: '˙', 0xC8: '¨', 0xCA: '˚', 0xCB: '¸', 0xCD: '˝', 0xCE: '˛', 0xCF: 'ˇ', 0xD0: '—', 0xE1: 'Æ', 0xE3: 'ª',
	0xE8: 'Ł', 0xE9: 'Ø', 0xEA: 'Œ', 0xEB: 'º', 0xF1: 'æ', 0xF5: 'ı', 0xF8: 'ł', 0xF9: 'ø', 0xFA: 'œ', 0xFB: 'ß',
}

// split takes the first code off a string.
func (f *font) split(s string) (c code, rest string) {
	if !f.composite {
		return code{1, uint32(s[0])}, s[1:]
	}
	spaces := f.encoding
	if spaces == nil || len(spaces.spaces) == 0 {
		spaces = nil
	}
	c = spaces.split(s, 2)
	return c, s[c.n:]
}

// text returns the characters of a code.
func (f *font) text(c code) string {
	s, ok := f.unicode.lookup(c)
	switch {
	case ok && s != "" && s != "\x00" && s != unmapped:
	case !f.composite:
		s = f.simple[byte(c.bits)]
	case f.ucs2 && c.n == 2:
		s = string(rune(c.bits))
	default:
		return unmapped
	}
	return clean(s)
}

// clean makes letters of ligatures and presentation forms, and drops control characters.
func clean(s string) string {
	for i, r := range s {
		switch {
		case r >= 0xFB00 && r <= 0xFB06, r >= 0xFB50 && r <= 0xFDFF, r >= 0xFE70 && r <= 0xFEFC, r >= 0x2F00 && r <= 0x2FDF:
			return s[:i] + norm.NFKC.String(s[i:])
		case r >= 0xF020 && r <= 0xF0FF: // the private area of symbol fonts
			return s[:i] + symbol(r) + clean(s[i+utf8.RuneLen(r):])
		case r < ' ', r == 0x7F, r >= 0x80 && r < 0xA0:
			return strings.Map(func(r rune) rune {
				if unicode.IsControl(r) {
					return ' '
				}
				return r
			}, s)
		}
	}
	return s
}

// symbol returns what a character of a symbol font is used for: mostly for bullets.
func symbol(r rune) string {
	switch r {
	case 0xF020:
		return " "
	case 0xF0FC, 0xF0FE:
		return "✓"
	case 0xF0E0, 0xF0E8:
		return "→"
	}
	return "•"
}

// advance returns the width of a code in thousandths of the font size.
func (f *font) advance(c code) float64 {
	if w, ok := f.widths[c.bits]; ok {
		return w
	}
	return f.width
}

// standardWidths gives the fonts that every viewer has, and that files need not describe,
// their widths.
func (f *font) standardWidths(name string) {
	table, rest := helveticaWidths, 556.0
	switch lower := strings.ToLower(name); {
	case strings.Contains(lower, "courier"), strings.Contains(lower, "mono"):
		f.width = 600
		return
	case strings.Contains(lower, "times"), strings.Contains(lower, "roman"), strings.Contains(lower, "serif"):
		table, rest = timesWidths, 500
	}
	f.width = rest
	for i := range len(table) {
		f.widths[uint32(' '+i)] = float64(table[i])
	}
}

// The widths of the printable ASCII characters.
var helveticaWidths = [...]uint16{
	278, 278, 355, 556, 556, 889, 667, 191, 333, 333, 389, 584, 278, 333, 278, 278, 556, 556, 556, 556, 556, 556, 556, 556, 556, 556,
	278, 278, 584, 584, 584, 556, 1015, 667, 667, 722, 722, 667, 611, 778, 722, 278, 500, 667, 556, 833, 722, 778, 667, 778, 722, 667,
	611, 722, 667, 944, 667, 667, 611, 278, 278, 278, 469, 556, 333, 556, 556, 500, 556, 556, 278, 556, 556, 222, 222, 500, 222, 833,
	556, 556, 556, 556, 333, 500, 278, 556, 500, 722, 500, 500, 500, 334, 260, 334, 584,
}

var timesWidths = [...]uint16{
	250, 333, 408, 500, 500, 833, 778, 180, 333, 333, 500, 564, 250, 333, 250, 278, 500, 500, 500, 500, 500, 500, 500, 500, 500, 500,
	278, 278, 564, 564, 564, 444, 921, 722, 667, 667, 722, 611, 556, 722, 722, 333, 389, 722, 611, 889, 722, 722, 556, 722, 667, 556,
	611, 722, 722, 944, 722, 722, 611, 333, 278, 333, 469, 500, 333, 444, 500, 444, 500, 444, 333, 500, 500, 278, 278, 500, 278, 778,
	500, 500, 500, 500, 333, 389, 278, 500, 500, 722, 500, 500, 444, 480, 200, 480, 541,
}
