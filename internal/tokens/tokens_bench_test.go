package tokens

import (
	"strings"
	"testing"
)

func BenchmarkCount(b *testing.B) {
	s := strings.Join(realText(b), "\n")
	b.Run("ours", func(b *testing.B) {
		b.SetBytes(int64(len(s)))
		for b.Loop() {
			Count(s)
		}
	})
	b.Run("library", func(b *testing.B) {
		s := s[:len(s)/16]
		b.SetBytes(int64(len(s)))
		for b.Loop() {
			library(s)
		}
	})
	b.Run("no-spaces", func(b *testing.B) {
		s := strings.Repeat("ภาษาไทยเป็นภาษาที่ไม่มีช่องว่างระหว่างคำ ", 1000)
		b.SetBytes(int64(len(s)))
		for b.Loop() {
			Count(s)
		}
	})
	b.Run("one-letter", func(b *testing.B) {
		s := strings.Repeat("a", 1<<20)
		b.SetBytes(int64(len(s)))
		for b.Loop() {
			Count(s)
		}
	})
}

func BenchmarkLoad(b *testing.B) {
	for b.Loop() {
		cl100k.load()
	}
}
