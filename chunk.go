package lode

import (
	"crypto/sha256"
	"encoding/binary"
	"hash"
	"math"
	"slices"
	"strings"
	"unicode"
)

// Chunk is a passage that is embedded, searched and cited.
type Chunk struct {
	ID     ChunkID  `cbor:"1,keyasint"`
	Text   string   `cbor:"2,keyasint"` // exactly the canonical text in Span
	Span   Span     `cbor:"3,keyasint"` // in the canonical text
	Path   []string `cbor:"4,keyasint,omitempty"`
	Page   int      `cbor:"5,keyasint,omitempty"` // where the chunk begins; 0 where the format has no pages
	Tokens int      `cbor:"6,keyasint"`           // of Text, by the chunker's tokenizer
	// Flags say what in the text a model should not be trusted with, in order of their spans.
	Flags []TextFlag `cbor:"9,keyasint,omitempty"` // 7 and 8 are the named vectors of a sealed row
	// Header is what a reader must see above Text to understand it; nil for most chunks. It is
	// no part of Text, of Span or of Tokens.
	Header *ChunkHeader `cbor:"10,keyasint,omitempty"`
}

// ChunkHeader is text from further above in the same document: the header row of the table
// that a chunk begins inside of.
type ChunkHeader struct {
	Span Span   `cbor:"1,keyasint"` // in the canonical text, before the chunk's
	Text string `cbor:"2,keyasint"` // exactly the canonical text in Span
}

// TextFlag marks text that is not what it seems: hidden from readers, or written to steer models.
// A flag never changes what is found or shown.
type TextFlag struct {
	Kind FlagKind `cbor:"1,keyasint" json:"kind"`
	Span Span     `cbor:"2,keyasint" json:"span"` // in the canonical text
	Rule string   `cbor:"3,keyasint" json:"rule"` // what found it, such as "override/en"
}

// FlagKind is what is the matter with a text.
type FlagKind string

// The kinds of flags.
const (
	FlagHidden      FlagKind = "hidden"      // readers of the source do not see it
	FlagInstruction FlagKind = "instruction" // it gives orders to a model
)

// Validate checks a flag of a text of n bytes.
func (f *TextFlag) Validate(n int) error {
	switch {
	case f.Kind != FlagHidden && f.Kind != FlagInstruction:
		return Invalid("kind", f.Kind, "a flag is hidden or instruction")
	case !f.Span.Within(n) || f.Span.Len() == 0:
		return Invalid("span", f.Span, "the span of a flag is empty or outside of the text")
	case f.Rule == "" || len(f.Rule) > MaxRuleBytes:
		return Invalid("rule", f.Rule, "a flag names its rule in at most %d bytes", MaxRuleBytes)
	}
	return nil
}

// MaxRuleBytes bounds [TextFlag].Rule.
const MaxRuleBytes = 64

// FlagsIn returns the flags whose spans reach into span, in their order.
func FlagsIn(flags []TextFlag, span Span) []TextFlag {
	var in []TextFlag
	for _, f := range flags {
		if f.Span.Overlaps(span) {
			in = append(in, f)
		}
	}
	return in
}

// EmbeddedText is what the embedder sees: the title and heading path,
// then the text, below its header if it has one. Quotations use Text alone.
func (c *Chunk) EmbeddedText(title string) string {
	if head := c.Heading(title); head != "" {
		return head + "\n\n" + c.Shown()
	}
	return c.Shown()
}

// Heading is the title and the heading path of a chunk, which searches for words give more weight
// than the text; "" where there is neither.
func (c *Chunk) Heading(title string) string {
	head := make([]string, 0, len(c.Path)+1)
	if title != "" && (len(c.Path) == 0 || c.Path[0] != title) {
		head = append(head, title)
	}
	return strings.Join(append(head, c.Path...), " > ")
}

// Shown is the text as a reader understands it by itself: below its header if it has one.
func (c *Chunk) Shown() string {
	if c.Header == nil {
		return c.Text
	}
	return c.Header.Text + "\n" + c.Text
}

// Quotes reports whether the text of the chunk and that of its header are exactly what a
// canonical text has at their spans, the header above the chunk.
func (c *Chunk) Quotes(canonical string) bool {
	holds := func(within int, s Span, text string) bool {
		return s.Within(within) && canonical[s.Start:s.End] == text
	}
	return holds(len(canonical), c.Span, c.Text) && (c.Header == nil || holds(c.Span.Start, c.Header.Span, c.Header.Text))
}

// GoldHash returns the hash that a document's gold layer is known by: over each chunk's
// ordinal, span and text, in order, and the span and text of its header where it has one.
func GoldHash(chunks []Chunk) Hash {
	h := sha256.New()
	for i := range chunks {
		c := &chunks[i]
		hashText(h, c.ID.Ordinal, c.Span, c.Text)
		if c.Header != nil {
			hashText(h, math.MaxUint32, c.Header.Span, c.Header.Text) // no chunk has that ordinal
		}
	}
	return Hash(h.Sum(nil))
}

func hashText(h hash.Hash, number uint32, span Span, text string) {
	var head [28]byte
	binary.LittleEndian.PutUint32(head[0:], number)
	binary.LittleEndian.PutUint64(head[4:], uint64(span.Start))
	binary.LittleEndian.PutUint64(head[12:], uint64(span.End))
	binary.LittleEndian.PutUint64(head[20:], uint64(len(text)))
	h.Write(head[:])
	h.Write([]byte(text))
}

// VectorsHash returns the hash of vectors as little-endian float32, in order.
func VectorsHash(vectors []Vector) Hash {
	h := sha256.New()
	var buf []byte
	for _, v := range vectors {
		buf = AppendVector(buf[:0], v)
		h.Write(buf)
	}
	return Hash(h.Sum(nil))
}

// AppendVector appends v as little-endian float32, the form vectors are stored and sent in.
func AppendVector(b []byte, v Vector) []byte {
	b = slices.Grow(b, 4*len(v))
	for _, x := range v {
		b = binary.LittleEndian.AppendUint32(b, math.Float32bits(x))
	}
	return b
}

// ParseVector reads what [AppendVector] wrote.
func ParseVector(b []byte) (Vector, error) {
	if len(b)%4 != 0 {
		return nil, Invalid("vector", len(b), "a binary vector has four bytes for each dimension")
	}
	v := make(Vector, len(b)/4)
	for i := range v {
		v[i] = math.Float32frombits(binary.LittleEndian.Uint32(b[4*i:]))
	}
	return v, nil
}

func isBlank(s string) bool { return strings.IndexFunc(s, isInk) < 0 }

func isInk(r rune) bool { return !unicode.IsSpace(r) }
