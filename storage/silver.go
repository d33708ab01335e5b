package storage

import (
	"encoding/binary"
	"slices"
	"strconv"

	"github.com/lodedb/lode"
)

// silverVersion is the first byte of encoded silver; its history is in docs/format/silver.md. Silver
// without flags is written as plainSilver, which has none.
const (
	silverVersion = 2
	plainSilver   = 1
)

// flagKinds gives each kind of flag its number in encoded silver.
var flagKinds = []lode.FlagKind{1: lode.FlagHidden, 2: lode.FlagInstruction}

// maxPathDepth bounds a section's heading path, so that a short encoding cannot stand for a
// large value.
const maxPathDepth = 255

// sectionKinds gives each kind its number in encoded silver.
var sectionKinds = []lode.SectionKind{
	1: lode.SectionHeading, 2: lode.SectionParagraph, 3: lode.SectionList, 4: lode.SectionTable, 5: lode.SectionCode,
}

// EncodeSilver returns the stored form of silver: what [Tx.PutSilverPart] takes in pieces.
// Equal silver has equal bytes. Sections and runs must be in order and within the text, as
// [lode.SilverText] promises; otherwise the error is [lode.CodeInvalid].
func EncodeSilver(s *lode.SilverText) ([]byte, error) {
	b := make([]byte, 0, len(s.Text)+len(s.Title)+16*len(s.Sections)+6*len(s.Runs)+64)
	if len(s.Flags) == 0 {
		b = append(b, plainSilver)
	} else {
		b = append(b, silverVersion)
	}
	b = appendString(b, s.Title)
	b = appendString(b, s.Language)
	b = binary.AppendVarint(b, int64(s.Pages))
	b = appendString(b, s.Text)
	b = binary.AppendUvarint(b, uint64(len(s.Sections)))
	var before lode.Section
	var err error
	for i := range s.Sections {
		if b, err = appendSection(b, &before, &s.Sections[i], len(s.Text)); err != nil {
			return nil, err.(*lode.Error).In(fieldAt("sections", i))
		}
		before = s.Sections[i]
	}
	b = binary.AppendUvarint(b, uint64(len(s.Runs)))
	var last lode.SourceRun
	for i, run := range s.Runs {
		if b, err = appendRun(b, last, run, len(s.Text)); err != nil {
			return nil, err.(*lode.Error).In(fieldAt("runs", i))
		}
		last = run
	}
	return appendFlags(b, s)
}

// appendFlags writes what follows the runs when there are flags.
func appendFlags(b []byte, s *lode.SilverText) ([]byte, error) {
	if len(s.Flags) == 0 {
		return b, nil
	}
	b = binary.AppendUvarint(b, uint64(len(s.Flags)))
	start := 0
	for i := range s.Flags {
		f := &s.Flags[i]
		if err := f.Validate(len(s.Text)); err != nil {
			return nil, err.(*lode.Error).In(fieldAt("flags", i))
		}
		if f.Span.Start < start {
			return nil, lode.Invalid(fieldAt("flags", i)+".span", f.Span, "span is out of order")
		}
		b = append(b, byte(slices.Index(flagKinds, f.Kind)))
		b = binary.AppendUvarint(b, uint64(f.Span.Start-start))
		b = binary.AppendUvarint(b, uint64(f.Span.Len()))
		b = appendString(b, f.Rule)
		start = f.Span.Start
	}
	return b, nil
}

func appendString(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

// appendSection writes a section as the difference to the one before it.
func appendSection(b []byte, before, s *lode.Section, textBytes int) ([]byte, error) {
	kind := slices.Index(sectionKinds, s.Kind)
	if kind < 1 {
		return nil, lode.Invalid("kind", s.Kind, "section has an unknown kind")
	}
	if !s.Span.Within(textBytes) || s.Span.Start < before.Span.End {
		return nil, lode.Invalid("span", s.Span, "span is out of order or range")
	}
	if len(s.Path) > maxPathDepth {
		return nil, lode.Invalid("path", len(s.Path), "a path has at most %d headings", maxPathDepth)
	}
	b = append(b, byte(kind))
	b = binary.AppendVarint(b, int64(s.Level))
	b = binary.AppendVarint(b, int64(s.Page)-int64(before.Page))
	b = binary.AppendUvarint(b, uint64(s.Span.Start-before.Span.End))
	b = binary.AppendUvarint(b, uint64(s.Span.Len()))
	shared := sharedPath(before.Path, s.Path)
	b = binary.AppendUvarint(b, uint64(shared))
	b = binary.AppendUvarint(b, uint64(len(s.Path)-shared))
	for _, heading := range s.Path[shared:] {
		b = appendString(b, heading)
	}
	return b, nil
}

func sharedPath(a, b []string) int {
	n := 0
	for n < len(a) && n < len(b) && a[n] == b[n] {
		n++
	}
	return n
}

// appendRun writes a run as the difference to the one before it. The length of the bronze
// span of an exact run is that of its silver span and is left out.
func appendRun(b []byte, before, r lode.SourceRun, textBytes int) ([]byte, error) {
	switch {
	case r.Kind > lode.MapPage:
		return nil, lode.Invalid("kind", r.Kind, "run has an unknown kind")
	case !r.Silver.Within(textBytes) || r.Silver.Start < before.Silver.End:
		return nil, lode.Invalid("silver", r.Silver, "span is out of order or range")
	case r.Bronze.Start < 0 || r.Bronze.Len() < 0:
		return nil, lode.Invalid("bronze", r.Bronze, "span is reversed or negative")
	case r.Kind == lode.MapExact && r.Silver.Len() != r.Bronze.Len():
		return nil, lode.Invalid("bronze", r.Bronze, "an exact run has the same length on both sides")
	}
	b = binary.AppendUvarint(b, uint64(r.Silver.Start-before.Silver.End))
	b = binary.AppendUvarint(b, uint64(r.Silver.Len())<<2|uint64(r.Kind))
	b = binary.AppendVarint(b, int64(r.Bronze.Start)-int64(before.Bronze.End))
	if r.Kind != lode.MapExact {
		b = binary.AppendUvarint(b, uint64(r.Bronze.Len()))
	}
	return b, nil
}

func fieldAt(list string, i int) string { return list + "[" + strconv.Itoa(i) + "]" }
