package storage

import (
	"encoding/binary"
	"fmt"
	"math"

	"github.com/lodedb/lode"
)

// The fewest bytes that one item of encoded silver has: they bound how many items a count
// may announce.
const (
	minSectionBytes = 7
	minRunBytes     = 3
	minFlagBytes    = 4
)

// DecodeSilver reads what [EncodeSilver] returned. The result shares no memory with b. Any
// other bytes are [lode.CodeCorrupt].
func DecodeSilver(b []byte) (*lode.SilverText, error) {
	if len(b) == 0 {
		return nil, lode.Errorf(lode.CodeCorrupt, "silver is empty")
	}
	if b[0] != silverVersion && b[0] != plainSilver {
		return nil, lode.Errorf(lode.CodeCorrupt, "silver has format version %d, this program knows %d", b[0], silverVersion).
			WithHint("data written by a newer lode needs a newer lode")
	}
	d := silverDecoder{b: b[1:]}
	s := &lode.SilverText{Title: d.text(), Language: d.text(), Pages: d.int(0), Text: d.text()}
	d.sections(s)
	d.runs(s)
	if b[0] == silverVersion {
		d.flags(s)
	}
	if d.err == nil && len(d.b) > 0 {
		d.fail("%d bytes after the end", len(d.b))
	}
	if d.err != nil {
		return nil, d.err
	}
	return s, nil
}

// silverDecoder reads items until the first error; after it, every item is zero.
type silverDecoder struct {
	b   []byte
	err error
}

func (d *silverDecoder) fail(format string, args ...any) {
	if d.err == nil {
		d.err = lode.Errorf(lode.CodeCorrupt, "silver: %s", fmt.Sprintf(format, args...))
	}
	d.b = nil
}

func (d *silverDecoder) uvarint() uint64 {
	v, n := binary.Uvarint(d.b)
	if n <= 0 || n > 1 && d.b[n-1] == 0 { // cut short, too long, or longer than needed
		d.fail("bad number")
		return 0
	}
	d.b = d.b[n:]
	return v
}

// int reads a signed difference to base.
func (d *silverDecoder) int(base int) int {
	u := d.uvarint()
	diff := int64(u>>1) ^ -int64(u&1)
	sum := int64(base) + diff
	if (sum < int64(base)) != (diff < 0) || sum > math.MaxInt {
		d.fail("number is out of range")
		return 0
	}
	return int(sum)
}

// count reads a number of items that have at least itemBytes each.
func (d *silverDecoder) count(itemBytes int) int {
	n := d.uvarint()
	if n > uint64(len(d.b)/itemBytes) {
		d.fail("%d items announced, %d bytes left", n, len(d.b))
		return 0
	}
	return int(n)
}

func (d *silverDecoder) text() string {
	n := d.count(1)
	s := string(d.b[:n])
	d.b = d.b[n:]
	return s
}

// span reads a span that begins at or after from and lies within limit. length is what
// follows the gap.
func (d *silverDecoder) span(from int, gap, length uint64, limit int) lode.Span {
	if gap > uint64(limit-from) || length > uint64(limit-from)-gap {
		d.fail("span is out of range")
		return lode.Span{Start: from, End: from}
	}
	start := from + int(gap)
	return lode.Span{Start: start, End: start + int(length)}
}

func (d *silverDecoder) sections(s *lode.SilverText) {
	n := d.count(minSectionBytes)
	if n == 0 {
		return
	}
	s.Sections = make([]lode.Section, 0, n)
	var before lode.Section
	for range n {
		section := d.section(&before, len(s.Text))
		if d.err != nil {
			return
		}
		s.Sections = append(s.Sections, section)
		before = section
	}
}

func (d *silverDecoder) section(before *lode.Section, textBytes int) lode.Section {
	var s lode.Section
	kind := d.uvarint()
	if kind == 0 || kind >= uint64(len(sectionKinds)) {
		d.fail("section of kind %d", kind)
		return s
	}
	s.Kind = sectionKinds[kind]
	s.Level = d.int(0)
	s.Page = d.int(before.Page)
	gap := d.uvarint()
	s.Span = d.span(before.Span.End, gap, d.uvarint(), textBytes)
	s.Path = d.path(before.Path)
	return s
}

func (d *silverDecoder) path(before []string) []string {
	shared := d.uvarint()
	if shared > uint64(len(before)) {
		d.fail("path shares %d headings of %d", shared, len(before))
		return nil
	}
	own := d.count(1)
	if int(shared)+own > maxPathDepth {
		d.fail("path of %d headings", int(shared)+own)
		return nil
	}
	if int(shared)+own == 0 {
		return nil
	}
	if own == 0 {
		return before[:shared:shared]
	}
	path := make([]string, shared, int(shared)+own)
	copy(path, before)
	for range own {
		path = append(path, d.text())
	}
	return path
}

func (d *silverDecoder) runs(s *lode.SilverText) {
	n := d.count(minRunBytes)
	if n == 0 {
		return
	}
	s.Runs = make([]lode.SourceRun, 0, n)
	var before lode.SourceRun
	for range n {
		run := d.run(before, len(s.Text))
		if d.err != nil {
			return
		}
		s.Runs = append(s.Runs, run)
		before = run
	}
}

func (d *silverDecoder) run(before lode.SourceRun, textBytes int) lode.SourceRun {
	var r lode.SourceRun
	gap, packed := d.uvarint(), d.uvarint()
	r.Kind = lode.MapKind(packed & 3)
	if r.Kind > lode.MapPage {
		d.fail("run of kind %d", r.Kind)
		return r
	}
	r.Silver = d.span(before.Silver.End, gap, packed>>2, textBytes)
	length := uint64(r.Silver.Len())
	start := d.int(before.Bronze.End)
	if r.Kind != lode.MapExact {
		length = d.uvarint()
	}
	if start < 0 || length > uint64(math.MaxInt-start) {
		d.fail("bronze span is out of range")
		return r
	}
	r.Bronze = lode.Span{Start: start, End: start + int(length)}
	return r
}

func (d *silverDecoder) flags(s *lode.SilverText) {
	n := d.count(minFlagBytes)
	if n == 0 {
		d.fail("flags without one")
		return
	}
	s.Flags = make([]lode.TextFlag, 0, n)
	start := 0
	for range n {
		kind, gap, length := d.uvarint(), d.uvarint(), d.uvarint()
		if kind == 0 || kind >= uint64(len(flagKinds)) {
			d.fail("flag of kind %d", kind)
			return
		}
		f := lode.TextFlag{Kind: flagKinds[kind], Span: d.span(start, gap, length, len(s.Text)), Rule: d.text()}
		if d.err == nil && f.Validate(len(s.Text)) != nil {
			d.fail("flag with an empty span, or with a bad rule")
		}
		if d.err != nil {
			return
		}
		s.Flags = append(s.Flags, f)
		start = f.Span.Start
	}
}
