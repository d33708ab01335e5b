package parsetest

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/pipeline/parse"
)

// repeatBytes is the size up to which documents are parsed twice, to see the same twice.
const repeatBytes = 128 << 10

// Parse parses a document, fails the test unless the outcome holds the contract of
// [parse.Parser], and returns the outcome.
func Parse(tb testing.TB, parser parse.Parser, in parse.Input) (*lode.SilverText, error) {
	tb.Helper()
	bronze := slices.Clone(in.Content)
	silver, err := parser(context.Background(), in)
	if !slices.Equal(bronze, in.Content) {
		tb.Fatalf("%s: the parser changed its input", in.Name)
	}
	if err != nil {
		checkError(tb, in, silver, err)
		return nil, err
	}
	if err := silver.Verify(in.Content); err != nil {
		tb.Fatalf("%s: %v", in.Name, err)
	}
	checkText(tb, in, silver)
	for i := range silver.Sections {
		checkSection(tb, in, silver, i)
	}
	if len(in.Content) > repeatBytes {
		return silver, nil
	}
	again, err := parser(context.Background(), in)
	if err != nil || Render(again, in.Content) != Render(silver, in.Content) {
		tb.Fatalf("%s: a second run gives another result (%v)", in.Name, err)
	}
	return silver, nil
}

// MustParse is [Parse] for a document that must parse.
func MustParse(tb testing.TB, parser parse.Parser, in parse.Input) *lode.SilverText {
	tb.Helper()
	silver, err := Parse(tb, parser, in)
	if err != nil {
		tb.Fatalf("%s: %v", in.Name, err)
	}
	return silver
}

// checkError demands a coded reason of ours.
func checkError(tb testing.TB, in parse.Input, silver *lode.SilverText, err error) {
	tb.Helper()
	var coded *lode.Error
	if !errors.As(err, &coded) || silver != nil {
		tb.Fatalf("%s: error without a code: %v", in.Name, err)
	}
	switch coded.Code {
	case lode.CodeMalformed, lode.CodeNoText, lode.CodeTooLarge:
	default:
		tb.Fatalf("%s: error with code %s: %v", in.Name, coded.Code, err)
	}
	if coded.Message == "" || !utf8.ValidString(err.Error()) {
		tb.Fatalf("%s: error without a clean message: %q", in.Name, err)
	}
}

func checkText(tb testing.TB, in parse.Input, s *lode.SilverText) {
	tb.Helper()
	switch {
	case !utf8.ValidString(s.Text), !utf8.ValidString(s.Title):
		tb.Fatalf("%s: text or title is not UTF-8", in.Name)
	case strings.TrimSpace(s.Text) != s.Text && (len(s.Sections) == 0 || s.Sections[0].Kind != lode.SectionCode):
		tb.Fatalf("%s: text begins or ends with white space", in.Name)
	case strings.IndexFunc(s.Text, func(r rune) bool {
		return unicode.IsLetter(r) || unicode.IsNumber(r) || unicode.IsPunct(r) || unicode.IsSymbol(r)
	}) < 0:
		tb.Fatalf("%s: there is nothing to read", in.Name)
	}
}

func checkSection(tb testing.TB, in parse.Input, s *lode.SilverText, i int) {
	tb.Helper()
	section := &s.Sections[i]
	text := s.Text[section.Span.Start:section.Span.End]
	heading := section.Kind == lode.SectionHeading
	switch {
	case !utf8.ValidString(text), strings.TrimRightFunc(text, unicode.IsSpace) != text:
		tb.Fatalf("%s: section %d is cut inside a character or ends with white space: %q", in.Name, i, text)
	case heading != (section.Level >= 1 && section.Level <= 6):
		tb.Fatalf("%s: section %d is a %s of level %d", in.Name, i, section.Kind, section.Level)
	case heading && (len(section.Path) == 0 || section.Path[len(section.Path)-1] != parse.CleanLabel(text)):
		tb.Fatalf("%s: heading %q does not end its path %q", in.Name, text, section.Path)
	case len(section.Path) > 6, section.Page < 0 || section.Page > s.Pages, s.Pages > 0 && section.Page == 0:
		tb.Fatalf("%s: section %d has path %q and page %d of %d", in.Name, i, section.Path, section.Page, s.Pages)
	case i > 0 && s.Text[s.Sections[i-1].Span.End:section.Span.Start] != "\n\n":
		tb.Fatalf("%s: %q stands between sections %d and %d", in.Name, s.Text[s.Sections[i-1].Span.End:section.Span.Start], i-1, i)
	}
	if bronze, ok := s.BronzeSpan(section.Span); !ok || bronze.Len() == 0 {
		tb.Fatalf("%s: section %d has no source", in.Name, i)
	}
}
