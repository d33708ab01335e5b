package train

import "github.com/lodedb/lode/embed/contrast"

// What trains is package contrast, which a node's tools share; its names are used here as if they were
// our own.
type (
	// Options are the settings of a training run. The zero value is the recipe.
	Options = contrast.Options
	// Corpus is all pairs and the words they are made of.
	Corpus = contrast.Corpus
)

// NewCorpus returns a corpus without pairs.
func NewCorpus() *Corpus { return contrast.NewCorpus() }

func addScaled(a, b []float32, factor float32) { contrast.AddScaled(a, b, factor) }

func dot(a, b []float32) float32 { return contrast.Dot(a, b) }

func scale(a []float32, factor float32) { contrast.Scale(a, factor) }

func normalize(a []float32) float32 { return contrast.Normalize(a) }

func partCount(n int) float32 { return contrast.PartCount(n) }
