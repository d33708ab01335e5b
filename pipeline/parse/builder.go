package parse

import (
	"context"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/lodedb/lode"
)

// maxPathBytes bounds a heading inside a path: paths repeat in every section below it.
const maxPathBytes = 240

// sectionGap stands between sections.
const sectionGap = "\n\n"

// Builder assembles silver text section by section and keeps the way back to bronze. Text
// is copied from a [Decoded] source by its offsets, so that exactness is decided in one
// place. A section that ends without text leaves no trace.
//
// Limits are checked while text arrives; after a breach the builder ignores what it is
// given, Err says so, and Finish returns the error. A builder is used by one goroutine.
type Builder struct {
	ctx    context.Context
	src    *Decoded
	limits Limits
	out    lode.SilverText
	text   []byte
	path   []pathStep
	page   int
	err    error

	open    bool
	section lode.Section
	gapAt   int // length of text before the gap of the open section

	unseen string // why readers do not see what is written, "" where they do
}

type pathStep struct {
	level int
	name  string
}

// NewBuilder returns a builder over src. It notices when ctx ends.
func NewBuilder(ctx context.Context, src *Decoded, limits Limits) *Builder {
	return &Builder{ctx: ctx, src: src, limits: limits.EnsureDefaults()}
}

// Err returns the limit that was exceeded, if any. Long loops stop on it.
func (b *Builder) Err() error { return b.err }

// SetTitle gives the document its title unless it has one.
func (b *Builder) SetTitle(title string) {
	if b.out.Title == "" {
		b.out.Title = CleanLabel(title)
	}
}

// SetLanguage gives the document its declared language unless it has one.
func (b *Builder) SetLanguage(tag string) {
	if b.out.Language == "" {
		b.out.Language = languageTag(tag)
	}
}

// SetPage says on which page following sections begin, from 1.
func (b *Builder) SetPage(page int) {
	b.page = page
	b.out.Pages = max(b.out.Pages, page)
}

// Begin opens a section, ending an open one. Level is that of a heading.
func (b *Builder) Begin(kind lode.SectionKind, level int) {
	b.End()
	if b.err != nil {
		return
	}
	if err := b.ctx.Err(); err != nil {
		b.err = err
		return
	}
	b.open, b.gapAt = true, len(b.text)
	if len(b.text) > 0 {
		b.text = append(b.text, sectionGap...)
	}
	b.section = lode.Section{Kind: kind, Level: level, Page: b.page, Span: lode.Span{Start: len(b.text)}}
}

// End closes the open section, if one is, and drops white space at its end.
func (b *Builder) End() {
	if !b.open {
		return
	}
	b.open = false
	b.trim()
	s := b.section
	s.Span.End = len(b.text)
	if s.Span.Len() == 0 {
		b.cut(b.gapAt)
		return
	}
	if len(b.out.Sections) >= b.limits.MaxSections {
		b.fail("sections", b.limits.MaxSections)
		return
	}
	if s.Kind == lode.SectionHeading {
		b.pushPath(s.Level, string(b.text[s.Span.Start:]))
	}
	s.Path = b.pathNames()
	b.out.Sections = append(b.out.Sections, s)
}

// Empty reports whether the open section has no text yet.
func (b *Builder) Empty() bool { return !b.open || len(b.text) == b.section.Span.Start }

// AtLineStart reports whether the open section is empty or ends with a line break.
func (b *Builder) AtLineStart() bool { return b.Empty() || b.text[len(b.text)-1] == '\n' }

// Kind returns the kind of the open section; empty where none is open.
func (b *Builder) Kind() lode.SectionKind {
	if !b.open {
		return ""
	}
	return b.section.Kind
}

// SectionText returns the text of the open section so far.
func (b *Builder) SectionText() string {
	if !b.open {
		return ""
	}
	return string(b.text[b.section.Span.Start:])
}

// Copy appends source text as it stands.
func (b *Builder) Copy(start, end int) {
	if start >= end || !b.room(end-start) {
		return
	}
	at := len(b.text)
	b.text = append(b.text, b.src.Text[start:end]...)
	b.src.runs(start, end, func(from, to int, bronze lode.Span, kind lode.MapKind) {
		b.run(lode.Span{Start: at + from - start, End: at + to - start}, bronze, kind)
	})
}

// Write appends text that stands for source[start:end] in another form: an entity, an
// escape, the marker that a tag implies.
func (b *Builder) Write(text string, start, end int) {
	if text == "" || !b.room(len(text)) {
		return
	}
	at := len(b.text)
	b.text = append(b.text, text...)
	b.run(lode.Span{Start: at, End: len(b.text)}, b.src.bronze(start, end), lode.MapDecoded)
}

// WritePage appends text extracted from a page of bronze, which has size bytes.
func (b *Builder) WritePage(text string, size int) {
	if text == "" || !b.room(len(text)) {
		return
	}
	at := len(b.text)
	b.text = append(b.text, text...)
	b.run(lode.Span{Start: at, End: len(b.text)}, lode.Span{End: size}, lode.MapPage)
}

// Unseen says by which rule readers do not see what is written from here on; "" says that they do.
// Such text is kept and flagged, see [lode.SilverText].
func (b *Builder) Unseen(rule string) { b.unseen = rule }

// Blank appends white space that has no source.
func (b *Builder) Blank(space string) {
	if b.room(len(space)) {
		b.text = append(b.text, space...)
	}
}

// Space appends one space, but not at the start of a line or after another space.
func (b *Builder) Space() {
	if !b.AtLineStart() && b.text[len(b.text)-1] != ' ' {
		b.Blank(" ")
	}
}

// Line begins a new line, unless the open section is empty or at one already. Spaces at the
// end of the old line go.
func (b *Builder) Line() {
	if b.Empty() {
		return
	}
	n := len(b.text)
	for n > b.section.Span.Start && (b.text[n-1] == ' ' || b.text[n-1] == '\t') {
		n--
	}
	b.cut(n)
	if !b.AtLineStart() {
		b.Blank("\n")
	}
}

// Finish ends the open section and returns the silver text. A document that declares no title
// but begins with a heading has that as its title. Text that holds nothing to read is a
// [lode.CodeMalformed] error.
func (b *Builder) Finish() (*lode.SilverText, error) {
	b.End()
	if b.err != nil {
		return nil, b.err
	}
	b.out.Text = string(b.text)
	if strings.IndexFunc(b.out.Text, isReadable) < 0 {
		return nil, NoText()
	}
	if b.out.Title == "" && b.out.Sections[0].Kind == lode.SectionHeading {
		b.out.Title = b.out.Sections[0].Path[len(b.out.Sections[0].Path)-1]
	}
	out := b.out
	return &out, nil
}

// NoText is the error for a document that holds no text.
func NoText() *lode.Error { return lode.Errorf(lode.CodeNoText, "no text in document") }

func isReadable(r rune) bool {
	return r != utf8.RuneError && (unicode.IsLetter(r) || unicode.IsNumber(r) || unicode.IsPunct(r) || unicode.IsSymbol(r))
}

// room reports whether n more bytes may be written, opening a paragraph where none is.
func (b *Builder) room(n int) bool {
	if b.err != nil {
		return false
	}
	if len(b.text)+n > b.limits.MaxTextBytes {
		b.fail("text_bytes", b.limits.MaxTextBytes)
		return false
	}
	if !b.open {
		b.Begin(lode.SectionParagraph, 0)
	}
	return b.err == nil
}

func (b *Builder) fail(limit string, most int) {
	b.err = TooLarge(limit, most)
}

// TooLarge is the error for a document that exceeds one of its [Limits].
func TooLarge(limit string, most int) *lode.Error {
	return lode.FieldError(lode.CodeTooLarge, limit, most, "document exceeds the limit of %d %s", most, strings.ReplaceAll(limit, "_", " "))
}

func (b *Builder) run(silver, bronze lode.Span, kind lode.MapKind) {
	if b.unseen != "" {
		b.flag(silver)
	}
	if n := len(b.out.Runs); n > 0 {
		last := &b.out.Runs[n-1]
		switch {
		case last.Kind != kind:
		case kind == lode.MapExact && last.Silver.End == silver.Start && last.Bronze.End == bronze.Start:
			last.Silver.End, last.Bronze.End = silver.End, bronze.End
			return
		case kind != lode.MapExact && last.Bronze == bronze:
			last.Silver.End = silver.End
			return
		}
	}
	if len(b.out.Runs) >= b.limits.MaxRuns {
		b.fail("runs", b.limits.MaxRuns)
		return
	}
	b.out.Runs = append(b.out.Runs, lode.SourceRun{Silver: silver, Bronze: bronze, Kind: kind})
}

// flagGap is how far apart text that is flagged by the same rule may be to be one flag: as far as
// the gap of sections.
const flagGap = len(sectionGap)

func (b *Builder) flag(span lode.Span) {
	if n := len(b.out.Flags); n > 0 && b.out.Flags[n-1].Rule == b.unseen && span.Start-b.out.Flags[n-1].Span.End <= flagGap {
		b.out.Flags[n-1].Span.End = span.End
		return
	}
	if len(b.out.Flags) >= b.limits.MaxRuns {
		b.fail("runs", b.limits.MaxRuns)
		return
	}
	b.out.Flags = append(b.out.Flags, lode.TextFlag{Kind: lode.FlagHidden, Span: span, Rule: b.unseen})
}

// trim drops white space at the end of the open section.
func (b *Builder) trim() {
	n := len(b.text)
	for n > b.section.Span.Start {
		r, size := utf8.DecodeLastRune(b.text[:n])
		if !unicode.IsSpace(r) {
			break
		}
		n -= size
	}
	b.cut(max(n, b.section.Span.Start))
}

// cut shortens the text to n bytes and the runs with it.
func (b *Builder) cut(n int) {
	b.text = b.text[:n]
	for i := len(b.out.Flags) - 1; i >= 0 && b.out.Flags[i].Span.End > n; i-- {
		if b.out.Flags[i].Span.End = n; b.out.Flags[i].Span.Start >= n {
			b.out.Flags = b.out.Flags[:i]
		}
	}
	for i := len(b.out.Runs) - 1; i >= 0; i-- {
		run := &b.out.Runs[i]
		if over := run.Silver.End - n; over <= 0 {
			return
		} else if run.Silver.Start < n {
			run.Silver.End = n
			if run.Kind == lode.MapExact {
				run.Bronze.End -= over
			}
			return
		}
		b.out.Runs = b.out.Runs[:i]
	}
}

func (b *Builder) pushPath(level int, name string) {
	for len(b.path) > 0 && b.path[len(b.path)-1].level >= level {
		b.path = b.path[:len(b.path)-1]
	}
	b.path = append(b.path, pathStep{level, CleanLabel(name)})
}

func (b *Builder) pathNames() []string {
	if len(b.path) == 0 {
		return nil
	}
	names := make([]string, len(b.path))
	for i, step := range b.path {
		names[i] = step.name
	}
	return names
}

// CleanLabel makes one short line of a title or heading: valid UTF-8, white space collapsed,
// cut at a character with "…" when it is long.
func CleanLabel(s string) string {
	if len(s) > 64*maxPathBytes {
		s = s[:64*maxPathBytes]
	}
	s = strings.Join(strings.Fields(strings.ToValidUTF8(s, "\uFFFD")), " ")
	if len(s) <= maxPathBytes {
		return s
	}
	cut := maxPathBytes
	for !utf8.RuneStart(s[cut]) {
		cut--
	}
	return s[:cut] + "…"
}

// languageTag returns a tag in the form of BCP 47, or nothing for anything else.
func languageTag(tag string) string {
	tag = strings.ReplaceAll(strings.TrimSpace(tag), "_", "-")
	if len(tag) < 2 || len(tag) > 35 {
		return ""
	}
	for i, part := range strings.Split(tag, "-") {
		if part == "" || len(part) > 8 || (i == 0 && (len(part) < 2 || !isAlpha(part))) || !isAlnum(part) {
			return ""
		}
	}
	return tag
}

func isAlpha(s string) bool {
	return strings.IndexFunc(s, func(r rune) bool { return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') }) < 0
}

func isAlnum(s string) bool {
	return strings.IndexFunc(s, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9')
	}) < 0
}
