package storage_test

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/storage"
)

// drawSilver makes silver that keeps the order that EncodeSilver asks for.
func drawSilver(t *rapid.T) *lode.SilverText {
	s := &lode.SilverText{
		Title: rapid.String().Draw(t, "title"), Language: rapid.SampledFrom([]string{"", "en", "pt-BR"}).Draw(t, "language"),
		Pages: rapid.IntRange(0, 5000).Draw(t, "pages"), Text: rapid.StringN(0, 200, -1).Draw(t, "text"),
	}
	kinds := []lode.SectionKind{lode.SectionHeading, lode.SectionParagraph, lode.SectionList, lode.SectionTable, lode.SectionCode}
	for end := 0; end < len(s.Text) && rapid.Bool().Draw(t, "more sections"); {
		span := drawSpan(t, end, len(s.Text))
		s.Sections = append(s.Sections, lode.Section{Kind: rapid.SampledFrom(kinds).Draw(t, "kind"), Level: rapid.IntRange(0, 6).Draw(t, "level"),
			Path: drawPath(t), Page: rapid.IntRange(0, 9).Draw(t, "page"), Span: span})
		end = span.End
	}
	for end := 0; end < len(s.Text) && rapid.Bool().Draw(t, "more runs"); {
		run := lode.SourceRun{Kind: lode.MapKind(rapid.IntRange(0, 2).Draw(t, "map")), Silver: drawSpan(t, end, len(s.Text))}
		run.Bronze = drawSpan(t, 0, 1<<40)
		if run.Kind == lode.MapExact {
			run.Bronze.End = run.Bronze.Start + run.Silver.Len()
		}
		s.Runs = append(s.Runs, run)
		end = run.Silver.End
	}
	for start := 0; start < len(s.Text) && rapid.Bool().Draw(t, "more flags"); {
		span := lode.Span{Start: rapid.IntRange(start, len(s.Text)-1).Draw(t, "flag")}
		span.End = rapid.IntRange(span.Start+1, len(s.Text)).Draw(t, "end")
		s.Flags = append(s.Flags, lode.TextFlag{Kind: rapid.SampledFrom([]lode.FlagKind{lode.FlagHidden, lode.FlagInstruction}).Draw(t, "kind"), Span: span, Rule: "tag"})
		start = span.Start
	}
	return s
}

func drawSpan(t *rapid.T, from, to int) lode.Span {
	start := rapid.IntRange(from, to).Draw(t, "start")
	return lode.Span{Start: start, End: rapid.IntRange(start, to).Draw(t, "end")}
}

func drawPath(t *rapid.T) []string {
	path := rapid.SliceOfN(rapid.SampledFrom([]string{"", "A", "B", "Ünïcode"}), 0, 4).Draw(t, "path")
	if len(path) == 0 {
		return nil
	}
	return path
}

func TestSilverRoundTrip(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		s := drawSilver(rt)
		b, err := storage.EncodeSilver(s)
		if err != nil {
			rt.Fatal(err)
		}
		got, err := storage.DecodeSilver(b)
		if diff := cmp.Diff(s, got); diff != "" || err != nil {
			rt.Fatalf("%v\n%s", err, diff)
		}
		if again, _ := storage.EncodeSilver(got); !bytes.Equal(again, b) {
			rt.Fatal("encoding is not stable")
		}
	})
}

// TestSilverIsCompact bounds what the way back to bronze costs: a run per line and a section
// per paragraph stay far below the text.
func TestSilverIsCompact(t *testing.T) {
	line := strings.Repeat("words and words ", 5) + "\n"
	s := newContent(strings.Repeat(line, 1000)).silver
	s.Runs = nil
	for _, section := range s.Sections {
		s.Runs = append(s.Runs, lode.SourceRun{Silver: section.Span, Bronze: lode.Span{Start: section.Span.Start * 2, End: section.Span.Start*2 + section.Span.Len()}})
	}
	b, err := storage.EncodeSilver(s)
	if err != nil {
		t.Fatal(err)
	}
	if extra := len(b) - len(s.Text); extra > len(s.Text)/5 {
		t.Errorf("%d bytes beside %d of text", extra, len(s.Text))
	}
}

func TestSilverOutOfOrderIsRefused(t *testing.T) {
	refused := func(field string, change func(*lode.SilverText)) {
		t.Helper()
		s := newContent("one\ntwo\n").silver
		change(s)
		_, err := storage.EncodeSilver(s)
		if !lode.IsCode(err, lode.CodeInvalid) || !strings.Contains(err.Error(), field) {
			t.Errorf("want an error about %s, got %v", field, err)
		}
	}
	refused("sections[1].span", func(s *lode.SilverText) { s.Sections[1].Span.Start = 3 })
	refused("sections[1].span", func(s *lode.SilverText) { s.Sections[1].Span.End = 9 })
	refused("sections[0].kind", func(s *lode.SilverText) { s.Sections[0].Kind = "poem" })
	refused("sections[0].path", func(s *lode.SilverText) { s.Sections[0].Path = make([]string, 256) })
	refused("runs[0].silver", func(s *lode.SilverText) { s.Runs[0].Silver.End = 99 })
	refused("runs[0].bronze", func(s *lode.SilverText) { s.Runs[0].Bronze.End++ })
	refused("runs[0].bronze", func(s *lode.SilverText) { s.Runs[0].Bronze.Start = -1 })
	refused("runs[0].kind", func(s *lode.SilverText) { s.Runs[0].Kind = 3 })
}

func TestSilverDamage(t *testing.T) {
	good, err := storage.EncodeSilver(newContent("one\ntwo\n").silver)
	if err != nil {
		t.Fatal(err)
	}
	for i := range good {
		if _, err := storage.DecodeSilver(good[:i]); !lode.IsCode(err, lode.CodeCorrupt) {
			t.Errorf("cut to %d bytes: %v", i, err)
		}
	}
	if _, err := storage.DecodeSilver(append(slices.Clone(good), 0)); !lode.IsCode(err, lode.CodeCorrupt) {
		t.Errorf("a byte too many: %v", err)
	}
	if _, err := storage.DecodeSilver(append([]byte{9}, good[1:]...)); !lode.IsCode(err, lode.CodeCorrupt) || !strings.Contains(err.Error(), "format version 9") {
		t.Errorf("unknown version: %v", err)
	}
}

func FuzzDecodeSilver(f *testing.F) {
	for _, text := range []string{"", "x", "one\ntwo\n"} {
		b, err := storage.EncodeSilver(newContent(text).silver)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Add([]byte{1, 0, 0, 0, 1, 'x', 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f})
	f.Fuzz(func(t *testing.T, b []byte) {
		s, err := storage.DecodeSilver(b)
		if err != nil {
			if !lode.IsCode(err, lode.CodeCorrupt) {
				t.Errorf("error without code: %v", err)
			}
			return
		}
		again, err := storage.EncodeSilver(s)
		if err != nil {
			t.Fatalf("decoded silver cannot be encoded: %v", err)
		}
		same, err := storage.DecodeSilver(again)
		if diff := cmp.Diff(s, same); diff != "" || err != nil {
			t.Errorf("%v\n%s", err, diff)
		}
	})
}
