package lode_test

import (
	"testing"

	"github.com/lodedb/lode"
)

func TestChunkerDefaults(t *testing.T) {
	f := func(c, want lode.ChunkerConfig) {
		t.Helper()
		c.EnsureDefaults()
		if c != want {
			t.Errorf("%+v, want %+v", c, want)
		}
		if err := c.Validate(); err != nil {
			t.Error(err)
		}
	}
	f(lode.ChunkerConfig{}, lode.DefaultChunker)
	f(lode.ChunkerConfig{MaxTokens: 200}, lode.ChunkerConfig{Strategy: lode.ChunkRecursive, MinTokens: 128, MaxTokens: 200})
	f(lode.ChunkerConfig{MinTokens: 500}, lode.ChunkerConfig{Strategy: lode.ChunkRecursive, MinTokens: 500, MaxTokens: 500})
	f(lode.ChunkerConfig{Strategy: lode.ChunkFixed, Overlap: 50}, lode.ChunkerConfig{Strategy: lode.ChunkFixed, MaxTokens: 400, Overlap: 50})
	f(lode.ChunkerConfig{Strategy: lode.ChunkWhole}, lode.ChunkerConfig{Strategy: lode.ChunkWhole})
	for _, strategy := range lode.ChunkStrategies() {
		c := lode.ChunkerConfig{Strategy: strategy}
		c.EnsureDefaults()
		f(c, c)
	}
}

func TestChunkerRefused(t *testing.T) {
	f := func(field string, c lode.ChunkerConfig) {
		t.Helper()
		c.EnsureDefaults()
		if err := c.Validate(); err == nil || coded(t, err).Field != field {
			t.Errorf("%+v: %v, want a fault of %s", c, err, field)
		}
	}
	f("strategy", lode.ChunkerConfig{Strategy: "psychic"})
	f("max_tokens", lode.ChunkerConfig{Strategy: lode.ChunkFixed, MaxTokens: lode.LeastMaxTokens - 1})
	f("max_tokens", lode.ChunkerConfig{Strategy: lode.ChunkParent, MaxTokens: lode.MostMaxTokens + 1})
	f("max_tokens", lode.ChunkerConfig{Strategy: lode.ChunkWhole, MaxTokens: 400})
	f("min_tokens", lode.ChunkerConfig{Strategy: lode.ChunkSentences, MinTokens: 65, MaxTokens: 64})
	f("min_tokens", lode.ChunkerConfig{Strategy: lode.ChunkFixed, MinTokens: 10})
	f("overlap_tokens", lode.ChunkerConfig{Strategy: lode.ChunkFixed, MaxTokens: 100, Overlap: 51})
	f("overlap_tokens", lode.ChunkerConfig{Strategy: lode.ChunkFixed, Overlap: -1})
	f("overlap_tokens", lode.ChunkerConfig{Strategy: lode.ChunkSemantic, Overlap: 1})
	f("overlap_tokens", lode.ChunkerConfig{Strategy: lode.ChunkWhole, Overlap: 1})
}

func TestQuotes(t *testing.T) {
	const text = "name | size\nore | 3\n"
	f := func(want bool, c lode.Chunk) {
		t.Helper()
		if c.Quotes(text) != want {
			t.Errorf("%+v quotes: %v", c, !want)
		}
	}
	row := lode.Span{Start: 12, End: 19}
	header := &lode.ChunkHeader{Span: lode.Span{End: 11}, Text: "name | size"}
	f(true, lode.Chunk{Text: "ore | 3", Span: row})
	f(true, lode.Chunk{Text: "ore | 3", Span: row, Header: header})
	f(false, lode.Chunk{Text: "ore | 4", Span: row})
	f(false, lode.Chunk{Text: "ore | 3", Span: lode.Span{Start: 12, End: 99}})
	f(false, lode.Chunk{Text: "ore | 3", Span: row, Header: &lode.ChunkHeader{Span: lode.Span{End: 11}, Text: "name | mass"}})
	f(false, lode.Chunk{Text: "name", Span: lode.Span{End: 4}, Header: header}) // below itself
	with, without := []lode.Chunk{{Text: "ore | 3", Span: row, Header: header}}, []lode.Chunk{{Text: "ore | 3", Span: row}}
	if lode.GoldHash(with) == lode.GoldHash(without) {
		t.Error("the hash of gold does not see the header")
	}
	if got := with[0].EmbeddedText("Ores"); got != "Ores\n\nname | size\nore | 3" {
		t.Errorf("embedded: %q", got)
	}
}
