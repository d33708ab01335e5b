package chunker_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/chunker"
	"github.com/lodedb/lode/internal/tokens"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// fataler is what testing.TB and rapid.T have in common.
type fataler interface {
	Helper()
	Fatalf(format string, args ...any)
}

// verify checks what every result promises.
func verify(t fataler, s *lode.SilverText, c lode.ChunkerConfig, chunks []lode.Chunk) {
	t.Helper()
	end := 0
	for i, chunk := range chunks {
		switch {
		case chunk.ID != lode.ChunkID{Ordinal: uint32(i)}:
			t.Fatalf("chunk %d has id %v", i, chunk.ID)
		case !chunk.Span.Within(len(s.Text)) || c.Overlap == 0 && chunk.Span.Start < end:
			t.Fatalf("chunk %d: span %v is out of order or range", i, chunk.Span)
		case i > 0 && (chunk.Span.Start <= chunks[i-1].Span.Start || chunk.Span.End <= end):
			t.Fatalf("chunk %d: span %v does not go beyond %v", i, chunk.Span, chunks[i-1].Span)
		case chunk.Text != s.Text[chunk.Span.Start:chunk.Span.End]:
			t.Fatalf("chunk %d is not the text of its span", i)
		case chunk.Text == "" || strings.TrimFunc(chunk.Text, unicode.IsSpace) != chunk.Text:
			t.Fatalf("chunk %d is empty or not trimmed: %q", i, chunk.Text)
		case chunk.Tokens != tokens.Count(chunk.Text):
			t.Fatalf("chunk %d says %d tokens, it has %d", i, chunk.Tokens, tokens.Count(chunk.Text))
		case c.Strategy != lode.ChunkWhole && chunk.Tokens > c.MaxTokens:
			t.Fatalf("chunk %d has %d tokens, the budget is %d", i, chunk.Tokens, c.MaxTokens)
		case strings.TrimSpace(s.Text[end:max(end, chunk.Span.Start)]) != "":
			t.Fatalf("lost before chunk %d: %q", i, s.Text[end:chunk.Span.Start])
		}
		verifyPlace(t, s, c, chunk)
		verifyHeader(t, s, chunk)
		end = chunk.Span.End
	}
	if strings.TrimSpace(s.Text[end:]) != "" {
		t.Fatalf("lost at the end: %q", s.Text[end:])
	}
}

// verifyPlace checks what a chunk is named after.
func verifyPlace(t fataler, s *lode.SilverText, c lode.ChunkerConfig, chunk lode.Chunk) {
	t.Helper()
	first := sectionAt(s, chunk.Span.Start)
	named := first
	if c.Strategy == lode.ChunkParent {
		named = sectionAt(s, chunk.Span.End-1)
	}
	if !slices.Equal(chunk.Path, named.Path) || chunk.Page != first.Page {
		t.Fatalf("chunk %d: path %q page %d, want %q page %d", chunk.ID.Ordinal, chunk.Path, chunk.Page, named.Path, first.Page)
	}
}

// verifyHeader checks that a header is text of the table that the chunk begins inside of.
func verifyHeader(t fataler, s *lode.SilverText, chunk lode.Chunk) {
	t.Helper()
	h := chunk.Header
	if h == nil {
		return
	}
	table := sectionAt(s, chunk.Span.Start)
	if table.Kind != lode.SectionTable || h.Span.Start < table.Span.Start || h.Span.End > chunk.Span.Start || s.Text[h.Span.Start:h.Span.End] != h.Text || h.Text == "" {
		t.Fatalf("chunk %d: header %v %q of section %+v", chunk.ID.Ordinal, h.Span, h.Text, table)
	}
}

func sectionAt(s *lode.SilverText, at int) lode.Section {
	i := slices.IndexFunc(s.Sections, func(x lode.Section) bool { return at < x.Span.End })
	return s.Sections[i]
}

func chunk(t testing.TB, s *lode.SilverText, c lode.ChunkerConfig) []lode.Chunk {
	t.Helper()
	c.EnsureDefaults()
	chunks, err := chunker.Chunk(t.Context(), s, c, fakeEmbed)
	if err != nil {
		t.Fatal(err)
	}
	verify(t, s, c, chunks)
	return chunks
}

func recursive(min, max int) lode.ChunkerConfig {
	return lode.ChunkerConfig{Strategy: lode.ChunkRecursive, MinTokens: min, MaxTokens: max}
}

// TestGolden chunks testdata/*.md with a small and the default budget; run with -update to
// rewrite the .golden files, and read the difference.
func TestGolden(t *testing.T) {
	paths, err := filepath.Glob("testdata/*.md")
	if err != nil || len(paths) == 0 {
		t.Fatalf("no documents: %v", err)
	}
	for _, path := range paths {
		src, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		var b strings.Builder
		for _, c := range []lode.ChunkerConfig{
			recursive(24, 48), lode.DefaultChunker, {Strategy: lode.ChunkFixed, MaxTokens: 48, Overlap: 12},
			{Strategy: lode.ChunkSentences, MaxTokens: 64}, {Strategy: lode.ChunkParent, MaxTokens: 64}, {Strategy: lode.ChunkSemantic, MaxTokens: 64},
		} {
			fmt.Fprintf(&b, "%s\n", chunker.Fingerprint(c))
			for _, chunk := range chunk(t, blocks(string(src)), c) {
				fmt.Fprintf(&b, "\n--- %d: %d tokens, page %d, %v, %s\n%s\n", chunk.ID.Ordinal, chunk.Tokens, chunk.Page, chunk.Span, strings.Join(chunk.Path, " > "), chunk.Shown())
			}
			b.WriteString("\n==========\n")
		}
		golden := strings.TrimSuffix(path, ".md") + ".golden"
		if *update {
			if err := os.WriteFile(golden, []byte(b.String()), 0o644); err != nil {
				t.Fatal(err)
			}
			continue
		}
		want, err := os.ReadFile(golden)
		if err != nil {
			t.Fatal(err)
		}
		if b.String() != string(want) {
			t.Errorf("%s: chunks differ from %s:\n%s", path, golden, b.String())
		}
	}
}

func TestFingerprint(t *testing.T) {
	f := func(c lode.ChunkerConfig, want string) {
		t.Helper()
		if got := chunker.Fingerprint(c); got != want {
			t.Errorf("Fingerprint(%+v) = %q, want %q", c, got, want)
		}
	}
	f(lode.DefaultChunker, "recursive/2 min=256 max=400 cl100k_base")
	f(lode.ChunkerConfig{}, "recursive/2 min=256 max=400 cl100k_base")
	f(recursive(1, 16), "recursive/2 min=1 max=16 cl100k_base")
	f(lode.ChunkerConfig{Strategy: lode.ChunkWhole}, "whole/1 cl100k_base")
	f(lode.ChunkerConfig{Strategy: lode.ChunkFixed, Overlap: 40}, "fixed/1 max=400 overlap=40 cl100k_base")
	f(lode.ChunkerConfig{Strategy: lode.ChunkSentences}, "sentences/1 min=64 max=128 cl100k_base")
	f(lode.ChunkerConfig{Strategy: lode.ChunkParent, MaxTokens: 200}, "parent/1 min=120 max=200 cl100k_base")
	f(lode.ChunkerConfig{Strategy: lode.ChunkSemantic}, "semantic/1 min=128 max=400 cl100k_base")
}

// sentence has ten tokens.
const sentence = "The miners wash the ore in a stream. "

func words(n int) string { return strings.TrimSpace(strings.Repeat(sentence, n/8)) }

func TestRules(t *testing.T) {
	c := recursive(40, 80)
	texts := func(src string) (out []string) {
		for _, chunk := range chunk(t, blocks(src), c) {
			out = append(out, chunk.Text)
		}
		return out
	}
	t.Run("small sections are merged", func(t *testing.T) {
		if got := texts("# A\n\none\n\n## B\n\ntwo\n\n## C\n\nthree\n"); len(got) != 1 {
			t.Errorf("got %q", got)
		}
	})
	t.Run("top-level headings part what is not tiny", func(t *testing.T) {
		got := texts("# A\n\n" + words(16) + "\n\n# B\n\n" + words(16))
		if len(got) != 2 || !strings.HasPrefix(got[1], "# B") {
			t.Errorf("got %q", got)
		}
	})
	t.Run("tiny parts are merged over top-level headings", func(t *testing.T) {
		if got := texts("# A\n\none\n\n# B\n\ntwo"); len(got) != 1 {
			t.Errorf("got %q", got)
		}
	})
	t.Run("a tiny rest joins the chunk before", func(t *testing.T) {
		got := texts("# A\n\n" + words(48) + "\n\n## B\n\nshort\n\n# C\n\n" + words(48))
		if len(got) != 2 || !strings.HasSuffix(got[0], "short") {
			t.Errorf("got %q", got)
		}
	})
	t.Run("a heading stays with its text", func(t *testing.T) {
		got := texts("# A\n\n" + words(40) + "\n\n## B\n\n### C\n\n" + words(72) + "\n\n" + words(64))
		for _, text := range got {
			lines := strings.Split(text, "\n")
			if strings.HasPrefix(lines[len(lines)-1], "#") {
				t.Errorf("chunk ends with a heading: %q", text)
			}
		}
	})
	t.Run("a table that fits is kept whole", func(t *testing.T) {
		table := "| a | b |\n" + strings.Repeat("| one | two |\n", 11)
		got := texts(words(40) + "\n\n" + table + "\n" + words(16))
		if !slices.ContainsFunc(got, func(s string) bool { return strings.Contains(s, strings.TrimSpace(table)) }) {
			t.Errorf("the table is cut: %q", got)
		}
	})
	t.Run("a table is kept whole although a little text goes before it", func(t *testing.T) {
		table := strings.Repeat("| one | two |\n", 15)
		got := texts(words(16) + "\n\n" + table + "\n" + words(160))
		if len(got) < 2 || got[0] != words(16) || !strings.HasPrefix(got[1], strings.TrimSpace(table)) {
			t.Errorf("got %q", got)
		}
	})
	t.Run("a table that fits alone but not with its heading is cut", func(t *testing.T) {
		got := texts("# " + words(16) + "\n\n" + strings.Repeat("| one | two |\n", 15) + "\n" + words(160))
		if len(got) < 2 || !strings.HasPrefix(got[0], "# ") || !strings.HasSuffix(got[0], "|") {
			t.Errorf("got %q", got)
		}
	})
	t.Run("a table that does not fit is cut between rows", func(t *testing.T) {
		for _, text := range texts("| a | b |\n" + strings.Repeat("| one | two |\n", 60)) {
			if !strings.HasPrefix(text, "|") || !strings.HasSuffix(text, "|") {
				t.Errorf("cut inside a row: %q", text)
			}
		}
	})
	t.Run("prose is cut between sentences, wrapped lines or not", func(t *testing.T) {
		for _, text := range texts(strings.ReplaceAll(words(400), " ore ", " ore\n")) {
			if !strings.HasSuffix(text, ".") {
				t.Errorf("cut inside a sentence: %q", text)
			}
		}
	})
	t.Run("text without sentences is cut between words, near the budget", func(t *testing.T) {
		got := texts(words(16) + "\n\n" + strings.TrimSpace(strings.Repeat("word ", 300)))
		if !strings.HasPrefix(got[0], words(16)+"\n\n") || !strings.HasSuffix(got[0], " word") {
			t.Errorf("got %q", got)
		}
	})
	t.Run("the last two share evenly", func(t *testing.T) {
		got := chunk(t, blocks(words(84)), c)
		if len(got) != 2 || got[1].Tokens < 20 {
			t.Errorf("got %+v", got)
		}
	})
}

func TestEdges(t *testing.T) {
	f := func(src string, want int) {
		t.Helper()
		if got := len(chunk(t, blocks(src), recursive(16, 16))); got != want {
			t.Errorf("%.40q gives %d chunks, want %d", src, got, want)
		}
	}
	f("", 0)
	f(" \n\u00a0\n", 0)
	f("# only a heading", 1)
	f("# A\n\n# B\n\n## C", 2) // a part of headings alone is tiny, two of them are not
	f("x", 1)
	f(strings.Repeat("🎉", 40), 8)
}

func TestWhole(t *testing.T) {
	s := blocks("\n# A\n\n" + words(4000) + "\n\n# B\n\nend \n")
	got := chunk(t, s, lode.ChunkerConfig{Strategy: lode.ChunkWhole})
	if len(got) != 1 || got[0].Text != strings.TrimSpace(s.Text) {
		t.Errorf("got %d chunks", len(got))
	}
	if got := chunk(t, blocks(" "), lode.ChunkerConfig{Strategy: lode.ChunkWhole}); len(got) != 0 {
		t.Errorf("blank text gives %d chunks", len(got))
	}
}

func TestRefused(t *testing.T) {
	f := func(s *lode.SilverText, c lode.ChunkerConfig, want lode.Code) {
		t.Helper()
		if got, err := chunker.Chunk(t.Context(), s, c, nil); !lode.IsCode(err, want) || got != nil {
			t.Errorf("Chunk(%+v, %+v) = %d chunks, %v; want %s", s, c, len(got), err, want)
		}
	}
	section := func(start, end int) lode.Section {
		return lode.Section{Kind: lode.SectionParagraph, Span: lode.Span{Start: start, End: end}}
	}
	text := func(s string, sections ...lode.Section) *lode.SilverText {
		return &lode.SilverText{Text: s, Sections: sections}
	}
	f(text("abc", section(0, 3)), recursive(1, 8), lode.CodeInvalid)
	f(text("abc", section(0, 3)), lode.ChunkerConfig{Strategy: "magic"}, lode.CodeInvalid)
	f(text("abc", section(0, 3)), lode.ChunkerConfig{Strategy: lode.ChunkSemantic}, lode.CodeInvalid) // without an embedder
	f(text("a\xff", section(0, 2)), recursive(1, 16), lode.CodeInvalid)
	f(text("abc"), recursive(1, 16), lode.CodeCorrupt)
	f(text("abc", section(1, 3)), recursive(1, 16), lode.CodeCorrupt)
	f(text("abc", section(0, 4)), recursive(1, 16), lode.CodeCorrupt)
	f(text("abc", section(2, 1)), recursive(1, 16), lode.CodeCorrupt)
	f(text("abc", section(0, 2), section(1, 3)), recursive(1, 16), lode.CodeCorrupt)
	f(text("é", section(0, 1), section(1, 2)), recursive(1, 16), lode.CodeCorrupt)
}

// A document may be one paragraph, one word or a hundred thousand sections long.
func TestLarge(t *testing.T) {
	for name, src := range map[string]string{
		"one paragraph": strings.Repeat(sentence, 20_000),
		"one word":      strings.Repeat("a", 200_000),
		"no letters":    strings.Repeat("=", 200_000),
		"short blocks":  strings.Repeat("a b\n\n", 50_000),
		"headings":      strings.Repeat("# a\n\n", 20_000),
		"blank":         "a" + strings.Repeat(" ", 1_000_000) + "b",
		"rows":          "|" + strings.Repeat(" a | b |\n|", 50_000),
		"no spaces":     strings.Repeat("中文字符没有空格。", 10_000),
		"code":          "```\n" + strings.Repeat("func a() {\n\tb()\n\n\tif c {\n\t\td()\n\t}\n}\n\n", 5_000) + "```",
		"deep code":     "```\n" + deep(400) + "```",
	} {
		for _, strategy := range lode.ChunkStrategies() {
			start := time.Now()
			chunk(t, blocks(src), lode.ChunkerConfig{Strategy: strategy})
			if took := time.Since(start); took > 10*time.Second {
				t.Errorf("%s, %s: %d bytes took %v", strategy, name, len(src), took)
			}
		}
	}
}

// deep is code in which every line is indented more than the one before it.
func deep(lines int) string {
	var b strings.Builder
	for i := range lines {
		b.WriteString(strings.Repeat(" ", i) + "if a:\n")
	}
	return b.String()
}
