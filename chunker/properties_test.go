package chunker_test

import (
	"context"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/lodedb/lode"
	"github.com/lodedb/lode/chunker"
	"github.com/lodedb/lode/internal/testdata"
	"pgregory.net/rapid"
)

// unsettled is how many chunks at the end of a document may change when text is appended:
// the last two share evenly, and a tiny rest joins the chunk before it.
const unsettled = 3

func document(t *rapid.T, label string) string {
	word := rapid.SampledFrom([]string{
		"ore", "vein", "The", "washes.", "Is it?", "No!", "e.g.", "naïve", "中文", "字符。", "🎉", "x=1;", "\u00a0", "\u2028",
		"antidisestablishmentarianism", strings.Repeat("q", 90), strings.Repeat("=", 70), "'tis", "  ", "\n", "\n\n", "1234567",
		"\nfunc a() {", "\n\tb()", "\n\n\t\tc()", "\n}", "\n  end", "\n| d | e |", "\n|---|",
	})
	block := rapid.Custom(func(t *rapid.T) string {
		prefix := rapid.SampledFrom([]string{"", "", "", "- ", "| ", "```\n", "# ", "## ", "### ", "\f"}).Draw(t, "prefix")
		most := rapid.SampledFrom([]int{3, 12, 80}).Draw(t, "size")
		text := strings.Join(rapid.SliceOfN(word, 1, most).Draw(t, "words"), " ")
		switch {
		case strings.HasPrefix(prefix, "#"):
			text = strings.Join(strings.Fields(text), " ")
		case strings.HasPrefix(prefix, "`"):
			text += "\n```"
		}
		return prefix + text + "\n\n"
	})
	return strings.Join(rapid.SliceOfN(block, 0, 12).Draw(t, label), "")
}

// config draws any strategy with a small budget.
func config(t *rapid.T) lode.ChunkerConfig {
	c := lode.ChunkerConfig{Strategy: rapid.SampledFrom(lode.ChunkStrategies()).Draw(t, "strategy")}
	if c.Strategy == lode.ChunkWhole {
		return c
	}
	c.MaxTokens = rapid.IntRange(lode.LeastMaxTokens, 120).Draw(t, "max")
	if c.Strategy == lode.ChunkFixed {
		c.Overlap = rapid.IntRange(0, c.MaxTokens/2).Draw(t, "overlap")
	} else {
		c.MinTokens = rapid.IntRange(1, c.MaxTokens).Draw(t, "min")
	}
	return c
}

// fakeEmbed gives texts of the same first letters the same vector.
func fakeEmbed(_ context.Context, texts []string) ([]lode.Vector, error) {
	out := make([]lode.Vector, len(texts))
	for i, text := range texts {
		out[i] = make(lode.Vector, 8)
		for _, word := range strings.Fields(text) {
			out[i][word[0]%8]++
		}
	}
	return out, nil
}

// Spans are exact, nothing is lost, the budget holds, and the same text gives the same chunks.
func TestPropertyExact(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		src, c := document(t, "document"), config(t)
		s := blocks(src)
		chunks, err := chunker.Chunk(context.Background(), s, c, fakeEmbed)
		if err != nil {
			t.Fatal(err)
		}
		verify(t, s, c, chunks)
		again, _ := chunker.Chunk(context.Background(), blocks(strings.Clone(src)), c, fakeEmbed)
		if diff := cmp.Diff(chunks, again); diff != "" {
			t.Fatalf("not deterministic: %s", diff)
		}
	})
}

// Appending to a document leaves all but the last few chunks as they are.
func TestPropertyPrefixStable(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		src, c := document(t, "document"), config(t)
		if c.Strategy == lode.ChunkWhole || c.Strategy == lode.ChunkSemantic {
			t.Skip("the whole changes; similarity reaches some sentences back, which may be many chunks of long words")
		}
		before, err := chunker.Chunk(context.Background(), blocks(src), c, fakeEmbed)
		if err != nil {
			t.Fatal(err)
		}
		after, err := chunker.Chunk(context.Background(), blocks(src+document(t, "more")), c, fakeEmbed)
		if err != nil {
			t.Fatal(err)
		}
		for i := range len(before) - unsettled {
			if before[i].Span != after[i].Span {
				t.Fatalf("chunk %d of %d moved from %v to %v", i, len(before), before[i].Span, after[i].Span)
			}
		}
	})
}

// Documentation as plain blocks.
func TestRealText(t *testing.T) {
	dir := filepath.Join(testdata.Dir(t), "corpora")
	bytes, count, small := 0, 0, 0
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".md") {
			return err
		}
		src, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		s := blocks(strings.ToValidUTF8(string(src), "\uFFFD"))
		for _, chunk := range chunk(t, s, lode.DefaultChunker) {
			count++
			if chunk.Tokens < lode.DefaultChunker.MinTokens/4 {
				small++
			}
		}
		bytes += len(src)
		return nil
	})
	if err != nil || count == 0 {
		t.Fatalf("%d chunks, %v", count, err)
	}
	t.Logf("%d bytes, %d chunks, %d of them under a quarter of min", bytes, count, small)
}

// within maps any number to one of least to most.
func within(n, least, most int) int { return least + int(uint(n)%uint(most-least+1)) }

func FuzzChunk(f *testing.F) {
	all := lode.ChunkStrategies()
	for i := range all {
		f.Add("# A\n\ntext\n\n```\ncode\n```\n\n| a |\n", i, 0, 16, 4)
		f.Add(strings.Repeat(sentence, 20), i, 0, 0, 8)
		f.Add(strings.Repeat("aé中🎉", 50), i, 15, 0, 0)
		f.Add("```\nfunc a() {\n\tb()\n\n\tc()\n}\n\nfunc d() {\n\te()\n}\n```\n| a | b |\n|---|---|\n| c | d |\n", i, 7, 16, 1)
	}
	f.Fuzz(func(t *testing.T, src string, strategy, min, max, overlap int) {
		c := lode.ChunkerConfig{Strategy: all[uint(strategy)%uint(len(all))]}
		if c.Strategy != lode.ChunkWhole {
			c.MaxTokens = within(max, lode.LeastMaxTokens, 200)
			if c.Strategy == lode.ChunkFixed {
				c.Overlap = within(overlap, 0, c.MaxTokens/2)
			} else {
				c.MinTokens = within(min, 1, c.MaxTokens)
			}
		}
		s := blocks(src)
		chunks, err := chunker.Chunk(context.Background(), s, c, fakeEmbed)
		if err != nil {
			if lode.CodeOf(err) != lode.CodeInvalid {
				t.Fatal(err)
			}
			return
		}
		verify(t, s, c, chunks)
	})
}
