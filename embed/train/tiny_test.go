package train

import (
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/lodedb/lode/embed/contrast"
)

// tiny is a corpus in which "word N" goes with "other N".
func tiny() (*Corpus, *GloVe) {
	c := NewCorpus()
	for i := range 64 {
		name := strings.Repeat(string(rune('a'+i%26)), 3+i/26)
		c.Add(c.Source("names", 1), name, "q"+name+" filler")
		c.Add(c.Source("more", .5), "the "+name+" is here and there", "a q"+name)
	}
	g := &GloVe{}
	random := rand.New(rand.NewPCG(5, 5))
	for rank, word := range []string{"the", "filler", "is", "aaa", "bbb"} {
		v := make([]float32, GloVeDim)
		gaussian(v, random)
		g.Words, g.Ranks, g.Vectors = append(g.Words, word), append(g.Ranks, rank), append(g.Vectors, v)
	}
	return c, g
}

func tinyOptions() Options {
	return Options{Dim: 128, Words: 100, Buckets: 40, Batches: 60, Batch: 32, Seed: 3}
}

func tinyTrainer(t *testing.T, o Options) *contrast.Trainer {
	t.Helper()
	c, g := tiny()
	v := NewVocabulary(c, g, o.Words)
	trainer, err := contrast.NewTrainer(c, v.Words, v.Rows(g, o.Dim, o.Buckets, o.Seed), o)
	if err != nil {
		t.Fatal(err)
	}
	return trainer
}
