package service_test

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/embed"
	"github.com/lodedb/lode/embed/service"
)

// slow is a provider that takes 20 ms for a request, whatever is in it.
type slow struct {
	fake
	requests atomic.Int64
}

func (s *slow) Embed(_ context.Context, kind embed.Kind, texts []string) ([]lode.Vector, error) {
	s.requests.Add(1)
	time.Sleep(20 * time.Millisecond)
	out := make([]lode.Vector, len(texts))
	for i, text := range texts {
		out[i] = vectorOf(kind, text)
	}
	return out, nil
}

// BenchmarkGather asks for single texts from 64 goroutines a CPU, two requests at a time: each with
// a request of its own, and sharing them.
func BenchmarkGather(b *testing.B) {
	ways := map[string]func(*slow) embed.Embedder{
		"alone": func(s *slow) embed.Embedder { return embed.Batched(s, embed.BatchOptions{Concurrency: 2}) },
		"shared": func(s *slow) embed.Embedder {
			return open(b, service.Options{}).Add(service.Source{Embedder: s, Batches: embed.BatchOptions{Concurrency: 2}}).For("")
		},
	}
	for name, way := range ways {
		b.Run(name, func(b *testing.B) {
			provider := &slow{}
			e := way(provider)
			var n atomic.Int64
			b.SetParallelism(64)
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					if _, err := e.Embed(b.Context(), embed.Query, []string{fmt.Sprint(n.Add(1))}); err != nil {
						b.Error(err)
					}
				}
			})
			b.ReportMetric(float64(provider.requests.Load())/float64(b.N), "requests/op")
		})
	}
}
