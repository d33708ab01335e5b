package parse

import (
	"bytes"
	"sort"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/htmlindex"
	"golang.org/x/text/transform"

	"github.com/lodedb/lode"
)

// pieceBytes is how finely decoded text points back: a piece of text in another encoding is
// at most this long, so a citation into it is at most this much too wide at either end.
const pieceBytes = 24

// Decoded is content as UTF-8 together with the way back to the bytes it was decoded from.
// Offsets into Text are what [Builder] takes.
type Decoded struct {
	Text    []byte // valid UTF-8; shares memory with the content where nothing had to change
	Charset string // lower case label: "utf-8", "utf-16le", "windows-1252"
	pieces  []piece
}

// piece says that Text[dst:dst+dstLen] came from content[src:src+srcLen].
type piece struct {
	dst, src, dstLen, srcLen int
	exact                    bool
}

// Decode finds the encoding of plain text and decodes it: a byte order mark, UTF-16 and
// UTF-32 without one, UTF-8 (a few broken bytes become U+FFFD), else Windows-1252.
//
// Other legacy encodings are refused rather than guessed: single-byte code pages can only be
// told apart by language statistics, and a wrong guess fills the index with words that
// nobody can find. Windows-1252 is the exception because Western text is mostly ASCII, so
// even a wrong guess (Latin-9, say) costs single characters.
func Decode(content []byte) (*Decoded, error) {
	if charset, bom := bomOf(content); bom > 0 {
		return decodeUnicode(content, charset, bom)
	}
	if bytes.IndexByte(content, 0) >= 0 {
		charset := guessWide(content)
		if charset == "" {
			return nil, binaryError("it holds NUL bytes")
		}
		return decodeUnicode(content, charset, 0)
	}
	if tooManyControls(content) {
		return nil, binaryError("it holds control characters")
	}
	if utf8.Valid(content) || mostlyUTF8(content) {
		return decodeUnicode(content, "utf-8", 0)
	}
	if !looksWestern(content) {
		return nil, lode.Errorf(lode.CodeMalformed, "text is neither Unicode nor Western: its encoding cannot be told from the bytes").
			WithHint("convert it to UTF-8")
	}
	return DecodeAs(content, "windows-1252")
}

// DecodeAs decodes content from the encoding with the given WHATWG label. A byte order mark
// is dropped, and bytes that the encoding does not know become U+FFFD.
func DecodeAs(content []byte, label string) (*Decoded, error) {
	enc, err := htmlindex.Get(label)
	if err != nil {
		return nil, unknownCharset(label)
	}
	name, err := htmlindex.Name(enc)
	if err != nil || name == "replacement" {
		return nil, unknownCharset(label)
	}
	switch name {
	case "utf-8", "utf-16le", "utf-16be":
		charset, bom := bomOf(content)
		if bom == 0 {
			charset = name
		}
		return decodeUnicode(content, charset, bom)
	}
	d := &Decoded{Charset: name}
	if table, ok := enc.(*charmap.Charmap); ok {
		d.singleByte(content, table)
		return d, nil
	}
	if err := d.multiByte(content, enc, name != "iso-2022-jp"); err != nil {
		return nil, err
	}
	return d, nil
}

func unknownCharset(label string) error {
	return lode.FieldError(lode.CodeMalformed, "charset", label, "character encoding is not known").WithHint("convert the document to UTF-8")
}

func binaryError(why string) error {
	return lode.Errorf(lode.CodeMalformed, "content is binary, not text: %s", why)
}

// Len returns the number of decoded bytes.
func (d *Decoded) Len() int { return len(d.Text) }

// add appends text that came from content[src:src+n].
func (d *Decoded) add(text []byte, src, n int, exact bool) {
	if len(text) == 0 {
		return
	}
	dst := len(d.Text)
	d.Text = append(d.Text, text...)
	if last := len(d.pieces) - 1; last >= 0 && d.pieces[last].src+d.pieces[last].srcLen == src && d.pieces[last].exact == exact {
		p := &d.pieces[last]
		if exact || (p.dstLen+len(text) <= pieceBytes && !breaks(d.Text[dst-1], text[0])) {
			p.dstLen += len(text)
			p.srcLen += n
			return
		}
	}
	d.pieces = append(d.pieces, piece{dst: dst, src: src, dstLen: len(text), srcLen: n, exact: exact})
}

// breaks reports whether a piece ends between two bytes: at line ends and around markup, so
// that a piece of prose does not point at tags beside it.
func breaks(before, after byte) bool {
	return before == '\n' || before == '>' || before == ';' || after == '\n' || after == '<' || after == '&'
}

// runs calls f for each stretch of Text[start:end] that has one source.
func (d *Decoded) runs(start, end int, f func(start, end int, bronze lode.Span, kind lode.MapKind)) {
	i := sort.Search(len(d.pieces), func(i int) bool { return d.pieces[i].dst+d.pieces[i].dstLen > start })
	for ; i < len(d.pieces) && d.pieces[i].dst < end; i++ {
		p := d.pieces[i]
		from, to := max(start, p.dst), min(end, p.dst+p.dstLen)
		if p.exact {
			f(from, to, lode.Span{Start: p.src + from - p.dst, End: p.src + to - p.dst}, lode.MapExact)
			continue
		}
		f(from, to, lode.Span{Start: p.src, End: p.src + p.srcLen}, lode.MapDecoded)
	}
}

// bronze returns the range of content that Text[start:end] came from.
func (d *Decoded) bronze(start, end int) lode.Span {
	var span lode.Span
	first := true
	d.runs(start, end, func(_, _ int, b lode.Span, _ lode.MapKind) {
		if first {
			span, first = b, false
		}
		span.End = b.End
	})
	return span
}

func decodeUnicode(content []byte, charset string, bom int) (*Decoded, error) {
	d := &Decoded{Charset: charset}
	body := content[bom:]
	switch charset {
	case "utf-8":
		if bytes.IndexByte(body, 0) >= 0 {
			return nil, binaryError("it holds NUL bytes")
		}
		d.utf8(body, bom)
		return d, nil
	case "utf-16le", "utf-16be":
		d.Text = make([]byte, 0, len(body)/2+len(body)/8)
		d.utf16(body, bom, charset == "utf-16be")
	default:
		d.Text = make([]byte, 0, len(body)/4+len(body)/16)
		d.utf32(body, bom, charset == "utf-32be")
	}
	if bytes.IndexByte(d.Text, 0) >= 0 {
		return nil, binaryError("it holds NUL characters")
	}
	return d, nil
}

// utf8 takes valid stretches as they are and turns each broken byte into U+FFFD.
func (d *Decoded) utf8(body []byte, base int) {
	if utf8.Valid(body) {
		d.Text = body
		if len(body) > 0 {
			d.pieces = []piece{{src: base, dstLen: len(body), srcLen: len(body), exact: true}}
		}
		return
	}
	start := 0
	for i := 0; i < len(body); {
		r, n := utf8.DecodeRune(body[i:])
		if r == utf8.RuneError && n == 1 {
			d.add(body[start:i], base+start, i-start, true)
			d.add([]byte("\uFFFD"), base+i, 1, false)
			start = i + 1
		}
		i += n
	}
	d.add(body[start:], base+start, len(body)-start, true)
}

func (d *Decoded) utf16(body []byte, base int, bigEndian bool) {
	var buf [utf8.UTFMax]byte
	for i := 0; i < len(body); {
		r, n := rune16(body[i:], bigEndian)
		d.add(utf8.AppendRune(buf[:0], r), base+i, n, false)
		i += n
	}
}

// rune16 decodes one character and says how many bytes it took. Lone surrogates and an odd
// last byte are U+FFFD.
func rune16(b []byte, bigEndian bool) (rune, int) {
	hi, ok := unit16(b, bigEndian)
	switch {
	case !ok:
		return utf8.RuneError, len(b)
	case hi < 0xD800 || hi > 0xDFFF:
		return rune(hi), 2
	case hi > 0xDBFF:
		return utf8.RuneError, 2
	}
	lo, ok := unit16(b[2:], bigEndian)
	if !ok || lo < 0xDC00 || lo > 0xDFFF {
		return utf8.RuneError, 2
	}
	return (rune(hi)-0xD800)<<10 | (rune(lo) - 0xDC00) + 0x10000, 4
}

func unit16(b []byte, bigEndian bool) (uint16, bool) {
	if len(b) < 2 {
		return 0, false
	}
	if bigEndian {
		return uint16(b[0])<<8 | uint16(b[1]), true
	}
	return uint16(b[1])<<8 | uint16(b[0]), true
}

func (d *Decoded) utf32(body []byte, base int, bigEndian bool) {
	var buf [utf8.UTFMax]byte
	for i := 0; i < len(body); {
		r, n := rune32(body[i:], bigEndian)
		d.add(utf8.AppendRune(buf[:0], r), base+i, n, false)
		i += n
	}
}

func rune32(b []byte, bigEndian bool) (rune, int) {
	if len(b) < 4 {
		return utf8.RuneError, len(b)
	}
	u := uint32(b[3])<<24 | uint32(b[2])<<16 | uint32(b[1])<<8 | uint32(b[0])
	if bigEndian {
		u = uint32(b[0])<<24 | uint32(b[1])<<16 | uint32(b[2])<<8 | uint32(b[3])
	}
	if u > unicode.MaxRune || (u >= 0xD800 && u <= 0xDFFF) {
		return utf8.RuneError, 4
	}
	return rune(u), 4
}

func (d *Decoded) singleByte(content []byte, table *charmap.Charmap) {
	d.Text = make([]byte, 0, len(content)+len(content)/8)
	var buf [utf8.UTFMax]byte
	for i := 0; i < len(content); {
		n := asciiPrefix(content[i:])
		d.add(content[i:i+n], i, n, true)
		if i += n; i < len(content) {
			d.add(utf8.AppendRune(buf[:0], table.DecodeByte(content[i])), i, 1, false)
			i++
		}
	}
}

// multiByte decodes in small steps, so that the source of each step is known. In all but
// the stateful encodings an ASCII byte at a character boundary stands for itself.
func (d *Decoded) multiByte(content []byte, enc encoding.Encoding, ascii bool) error {
	dec := enc.NewDecoder()
	var buf [utf8.UTFMax]byte // one character a step
	for i := 0; i < len(content); {
		if n := asciiPrefix(content[i:]); ascii && n > 0 {
			d.add(content[i:i+n], i, n, true)
			i += n
			continue
		}
		nDst, nSrc, err := dec.Transform(buf[:], content[i:min(len(content), i+2*pieceBytes)], i+2*pieceBytes >= len(content))
		if nSrc == 0 || (err != nil && err != transform.ErrShortDst && err != transform.ErrShortSrc) {
			return lode.FieldError(lode.CodeMalformed, "charset", d.Charset, "text does not decode from its declared encoding")
		}
		d.add(buf[:nDst], i, nSrc, false)
		i += nSrc
	}
	return nil
}

func asciiPrefix(b []byte) int {
	for i, c := range b {
		if c >= utf8.RuneSelf {
			return i
		}
	}
	return len(b)
}
