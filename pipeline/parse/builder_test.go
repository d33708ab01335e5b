package parse_test

import (
	"context"
	"reflect"
	"strings"
	"testing"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/pipeline/parse"
)

func builder(t testing.TB, text string, limits parse.Limits) *parse.Builder {
	t.Helper()
	src, err := parse.Decode([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return parse.NewBuilder(context.Background(), src, limits)
}

func finish(t testing.TB, b *parse.Builder, bronze string) *lode.SilverText {
	t.Helper()
	silver, err := b.Finish()
	if err != nil {
		t.Fatal(err)
	}
	if err := silver.Verify([]byte(bronze)); err != nil {
		t.Fatal(err)
	}
	return silver
}

func TestBuilderPaths(t *testing.T) {
	const bronze = "ABCDEFG text"
	b := builder(t, bronze, parse.Limits{})
	for i, level := range []int{1, 3, 2, 2, 1} {
		b.Begin(lode.SectionHeading, level)
		b.Copy(i, i+1)
		b.Begin(lode.SectionParagraph, 0)
		b.Copy(8, 12)
	}
	silver := finish(t, b, bronze)
	var got []string
	for _, s := range silver.Sections {
		if s.Kind == lode.SectionParagraph {
			got = append(got, strings.Join(s.Path, ">"))
		}
	}
	if want := []string{"A", "A>B", "A>C", "A>D", "E"}; !reflect.DeepEqual(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	if silver.Title != "A" {
		t.Errorf("title is %q", silver.Title)
	}
}

func TestBuilderDropsEmptySections(t *testing.T) {
	const bronze = "one \t two"
	b := builder(t, bronze, parse.Limits{})
	b.Begin(lode.SectionHeading, 1)
	b.Blank("  ")
	b.Begin(lode.SectionParagraph, 0)
	b.Copy(0, 5)
	b.Begin(lode.SectionList, 0)
	b.Copy(3, 4)
	b.Begin(lode.SectionParagraph, 0)
	b.Copy(6, 9)
	silver := finish(t, b, bronze)
	if silver.Text != "one\n\ntwo" || len(silver.Sections) != 2 {
		t.Errorf("got %q in %d sections", silver.Text, len(silver.Sections))
	}
}

func TestBuilderFlow(t *testing.T) {
	f := func(bronze, want string) {
		t.Helper()
		b := builder(t, bronze, parse.Limits{})
		b.CopyEntities(0, len(bronze))
		if got := finish(t, b, bronze).Text; got != want {
			t.Errorf("%q: got %q, want %q", bronze, got, want)
		}
	}
	f("  a  b\n\tc ", "a b c")
	f("a\u00a0b\u2003c", "a b c")
	f("a &amp; b&nbsp;&nbsp;c&lt", "a & b c<")
	f("&unknown; &#xZ; &", "&unknown; &#xZ; &")
	f("&#0;x &#55296;", "\uFFFDx \uFFFD")
	f("&semi;", ";")
	f("&notit;", "¬it;")
}

func TestBuilderLimits(t *testing.T) {
	for name, limits := range map[string]parse.Limits{
		"text_bytes": {MaxTextBytes: 10},
		"sections":   {MaxSections: 3},
		"runs":       {MaxRuns: 3},
	} {
		bronze := strings.Repeat("word  ", 20)
		b := builder(t, bronze, limits)
		for i := range 10 {
			b.Begin(lode.SectionParagraph, 0)
			b.CopyFlow(6*i, 6*i+12)
		}
		_, err := b.Finish()
		if !lode.IsCode(err, lode.CodeTooLarge) || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

func TestBuilderStopsWithContext(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	src, err := parse.Decode([]byte("text"))
	if err != nil {
		t.Fatal(err)
	}
	b := parse.NewBuilder(ctx, src, parse.Limits{})
	cancel()
	b.Begin(lode.SectionParagraph, 0)
	b.Copy(0, 4)
	if _, err := b.Finish(); err == nil {
		t.Error("a canceled builder finishes")
	}
}

func TestLanguageTags(t *testing.T) {
	f := func(tag, want string) {
		t.Helper()
		b := builder(t, "x", parse.Limits{})
		b.SetLanguage(tag)
		b.Copy(0, 1)
		if got := finish(t, b, "x").Language; got != want {
			t.Errorf("%q: got %q, want %q", tag, got, want)
		}
	}
	f("en", "en")
	f(" de_CH ", "de-CH")
	f("zh-Hant-TW", "zh-Hant-TW")
	f("x", "")
	f("not a language", "")
	f("12", "")
	f(strings.Repeat("en-", 20), "")
}

func TestFrontMatter(t *testing.T) {
	f := func(text, title, language string, length int) {
		t.Helper()
		n, gotTitle, gotLanguage := parse.FrontMatter([]byte(text))
		if n != length || gotTitle != title || gotLanguage != language {
			t.Errorf("%q: got %d %q %q", text, n, gotTitle, gotLanguage)
		}
	}
	f("---\ntitle: A\nlang: en\n---\nbody", "A", "en", 26)
	f("---\r\nTitle: A\r\n---\r\nbody", "A", "", 20)
	f("---\ntitle: [not, text]\n...\n", "", "", 27)
	f("---\n: : bad : yaml\n---\nx", "", "", 23)
	f("---\n\nrule\n---\n", "", "", 0)
	f("---\nno end", "", "", 0)
	f("--- not a fence\n---\n", "", "", 0)
	f("+++\ntitle = \"A\"\n+++\n", "A", "", 20)
	f("<!--{\"Title\": \"A\"}-->x", "A", "", 21)
	f("<!--{broken}-->", "", "", 0)
	f("<!--{", "", "", 0)
	f("text", "", "", 0)
}
