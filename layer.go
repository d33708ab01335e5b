package lode

// Layer is a stage of refinement a document's content can be read at.
type Layer string

// The three layers.
const (
	Bronze Layer = "bronze" // bytes as received
	Silver Layer = "silver" // canonical text and sections
	Gold   Layer = "gold"   // chunks
)

// Validate reports whether the layer is known.
func (l Layer) Validate() error {
	switch l {
	case Bronze, Silver, Gold:
		return nil
	}
	return Invalid("layer", l, "layer must be bronze, silver or gold")
}

// Span is a half-open byte range [Start, End).
type Span struct {
	Start int `cbor:"1,keyasint" json:"start"`
	End   int `cbor:"2,keyasint" json:"end"`
}

// Len returns the number of bytes.
func (s Span) Len() int { return s.End - s.Start }

// Within reports whether the span lies inside [0, n) and is not reversed.
func (s Span) Within(n int) bool { return 0 <= s.Start && s.Start <= s.End && s.End <= n }

// Overlaps reports whether the two spans share a byte.
func (s Span) Overlaps(t Span) bool { return max(s.Start, t.Start) < min(s.End, t.End) }

// SectionKind says what a section of silver text is.
type SectionKind string

// The kinds of section.
const (
	SectionHeading   SectionKind = "heading"
	SectionParagraph SectionKind = "paragraph"
	SectionList      SectionKind = "list"
	SectionTable     SectionKind = "table"
	SectionCode      SectionKind = "code"
)

// Section is a block of canonical text that belongs together.
type Section struct {
	Kind  SectionKind `cbor:"1,keyasint" json:"kind"`
	Level int         `cbor:"2,keyasint,omitempty" json:"level,omitempty"` // of a heading, 1 to 6
	Path  []string    `cbor:"3,keyasint,omitempty" json:"path,omitempty"`  // headings above, outermost first; a heading ends its own path
	Page  int         `cbor:"4,keyasint,omitempty" json:"page,omitempty"`  // from 1; 0 where the format has no pages
	Span  Span        `cbor:"5,keyasint" json:"span"`                      // in the canonical text, not empty
}

// MapKind says how a run of canonical text came out of bronze.
type MapKind uint8

// The kinds of mapping, from the strongest.
const (
	MapExact   MapKind = iota // the same bytes
	MapDecoded                // the same characters in another encoding or escape (UTF-16, &amp;, \*)
	MapPage                   // extracted from a page; Bronze is the whole file, Section.Page says where
)

// SourceRun maps a run of canonical text to the bronze bytes it came from.
type SourceRun struct {
	Silver Span    `cbor:"1,keyasint" json:"silver"`
	Bronze Span    `cbor:"2,keyasint" json:"bronze"`
	Kind   MapKind `cbor:"3,keyasint,omitempty" json:"kind"`
}

// SilverText is a parsed document: its canonical text (UTF-8), cut into sections, with the
// way back to bronze.
//
// Sections are in reading order, do not overlap, and hold every byte of Text that is not
// white space. Runs are in order of Silver, do not overlap, and hold every byte of Text
// that is not white space; an exact run has the same bytes on both sides.
type SilverText struct {
	Title    string      `cbor:"1,keyasint,omitempty"` // from the document itself; may be empty
	Text     string      `cbor:"2,keyasint"`
	Sections []Section   `cbor:"3,keyasint"`
	Runs     []SourceRun `cbor:"4,keyasint"`
	Pages    int         `cbor:"5,keyasint,omitempty"` // 0 where the format has no pages
	Language string      `cbor:"6,keyasint,omitempty"` // BCP 47, as the document declares it; may be empty
	// Flags are what the parser holds for hidden from readers and did not drop, in order; they do not
	// overlap.
	Flags []TextFlag `cbor:"7,keyasint,omitempty"`
}

// Hash returns the hash that a silver layer is known by: that of its canonical text.
func (s *SilverText) Hash() Hash { return HashOf([]byte(s.Text)) }

// BronzeSpan returns the smallest range of bronze bytes that the silver span came from. ok
// is false when no run touches the span.
func (s *SilverText) BronzeSpan(span Span) (bronze Span, ok bool) {
	for _, run := range s.Runs {
		if !run.Silver.Overlaps(span) {
			continue
		}
		part := run.within(span)
		if !ok {
			bronze, ok = part, true
			continue
		}
		bronze.Start = min(bronze.Start, part.Start)
		bronze.End = max(bronze.End, part.End)
	}
	return bronze, ok
}

// within narrows an exact run to the part that lies inside the silver span.
func (r SourceRun) within(span Span) Span {
	if r.Kind != MapExact {
		return r.Bronze
	}
	shift := r.Bronze.Start - r.Silver.Start
	return Span{Start: max(r.Silver.Start, span.Start) + shift, End: min(r.Silver.End, span.End) + shift}
}

// Verify checks everything that SilverText promises, against the bronze bytes it was made
// from. The error is [CodeCorrupt] and names the first breach.
func (s *SilverText) Verify(bronze []byte) error {
	if err := s.verifySections(); err != nil {
		return err
	}
	if err := s.verifyFlags(); err != nil {
		return err
	}
	end := 0
	for i, run := range s.Runs {
		switch {
		case !run.Silver.Within(len(s.Text)) || run.Silver.Start < end:
			return Errorf(CodeCorrupt, "run %d: silver span %v is out of order or range", i, run.Silver)
		case !run.Bronze.Within(len(bronze)):
			return Errorf(CodeCorrupt, "run %d: bronze span %v is outside %d bytes", i, run.Bronze, len(bronze))
		case run.Kind == MapExact && s.Text[run.Silver.Start:run.Silver.End] != string(bronze[run.Bronze.Start:run.Bronze.End]):
			return Errorf(CodeCorrupt, "run %d: silver and bronze bytes differ", i)
		}
		if !isBlank(s.Text[end:run.Silver.Start]) {
			return Errorf(CodeCorrupt, "text before run %d has no source", i)
		}
		end = run.Silver.End
	}
	if !isBlank(s.Text[end:]) {
		return Errorf(CodeCorrupt, "text after the last run has no source")
	}
	return nil
}

func (s *SilverText) verifyFlags() error {
	for i := range s.Flags {
		if err := s.Flags[i].Validate(len(s.Text)); err != nil {
			return Errorf(CodeCorrupt, "flag %d: %w", i, err)
		}
		if i > 0 && s.Flags[i].Span.Start < s.Flags[i-1].Span.End {
			return Errorf(CodeCorrupt, "flag %d: span %v is out of order or overlaps", i, s.Flags[i].Span)
		}
	}
	return nil
}

func (s *SilverText) verifySections() error {
	end := 0
	for i, section := range s.Sections {
		if !section.Span.Within(len(s.Text)) || section.Span.Start < end || section.Span.Len() == 0 {
			return Errorf(CodeCorrupt, "section %d: span %v is empty, out of order or out of range", i, section.Span)
		}
		if !isBlank(s.Text[end:section.Span.Start]) {
			return Errorf(CodeCorrupt, "text before section %d belongs to none", i)
		}
		end = section.Span.End
	}
	if !isBlank(s.Text[end:]) {
		return Errorf(CodeCorrupt, "text after the last section belongs to none")
	}
	return nil
}
