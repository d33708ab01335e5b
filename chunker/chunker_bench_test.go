package chunker_test

import (
	"strings"
	"testing"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/chunker"
)

func BenchmarkChunk(b *testing.B) {
	section := "## Washing\n\n" + words(120) + "\n\n" + words(300) + "\n\n- one\n- two\n\n```\nx := 1\n```\n\n"
	s := blocks("# Ore\n\n" + strings.Repeat(section, 200))
	for _, strategy := range lode.ChunkStrategies() {
		b.Run(strategy, func(b *testing.B) {
			b.SetBytes(int64(len(s.Text)))
			for b.Loop() {
				if _, err := chunker.Chunk(b.Context(), s, lode.ChunkerConfig{Strategy: strategy}, fakeEmbed); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
