package lode

import (
	"slices"
	"strings"
)

// ChunkerConfig says how silver becomes gold.
type ChunkerConfig struct {
	Strategy  string `cbor:"1,keyasint" json:"strategy"`                       // one of [ChunkStrategies]
	MinTokens int    `cbor:"2,keyasint,omitempty" json:"min_tokens,omitempty"` // smaller neighbours are joined
	MaxTokens int    `cbor:"3,keyasint,omitempty" json:"max_tokens,omitempty"` // no chunk is larger
	// Overlap is how many tokens at most a chunk repeats of the one before it; of the fixed
	// strategy alone.
	Overlap int `cbor:"4,keyasint,omitempty" json:"overlap_tokens,omitempty"`
}

// The chunking strategies.
const (
	ChunkRecursive = "recursive" // heading-aware, within a token budget
	ChunkFixed     = "fixed"     // windows of tokens that know no structure: the baseline
	ChunkSentences = "sentences" // a few sentences each; what is around them is for retrieval to show
	ChunkParent    = "parent"    // small passages of one section each; the section is for retrieval to show
	ChunkSemantic  = "semantic"  // cut where neighbouring sentences are least alike, by the collection's embedder
	ChunkWhole     = "whole"     // one chunk for the whole document
)

// ChunkStrategies returns the strategies, the default first.
func ChunkStrategies() []string {
	return []string{ChunkRecursive, ChunkFixed, ChunkSentences, ChunkParent, ChunkSemantic, ChunkWhole}
}

// DefaultChunker is used where a collection names none.
var DefaultChunker = ChunkerConfig{Strategy: ChunkRecursive, MinTokens: 256, MaxTokens: 400}

// budgets are the token budgets that strategies have where none is asked for.
var budgets = map[string]ChunkerConfig{
	ChunkRecursive: DefaultChunker,
	ChunkFixed:     {MaxTokens: 400},
	ChunkSentences: {MinTokens: 64, MaxTokens: 128},
	ChunkParent:    {MinTokens: 96, MaxTokens: 160},
	ChunkSemantic:  {MinTokens: 128, MaxTokens: 400},
}

// Bounds of a chunker's token budget.
const (
	LeastMaxTokens = 16
	MostMaxTokens  = 8192
)

// EnsureDefaults fills what the caller left out: the strategy, its budget, and of a budget of
// which one end is given the other one; MinTokens is the same share of MaxTokens as in the
// strategy's own budget.
func (c *ChunkerConfig) EnsureDefaults() {
	if c.Strategy == "" {
		c.Strategy = ChunkRecursive
	}
	own, bounded := budgets[c.Strategy]
	if !bounded {
		return
	}
	if c.MaxTokens == 0 {
		c.MaxTokens = max(own.MaxTokens, c.MinTokens)
	}
	if c.MinTokens == 0 && own.MinTokens > 0 {
		c.MinTokens = max(1, c.MaxTokens*own.MinTokens/own.MaxTokens)
	}
}

// Embeds reports whether the strategy asks an embedder.
func (c ChunkerConfig) Embeds() bool { return c.Strategy == ChunkSemantic }

// Validate checks the strategy and its token budget, after [ChunkerConfig.EnsureDefaults].
func (c ChunkerConfig) Validate() error {
	if !slices.Contains(ChunkStrategies(), c.Strategy) {
		return Invalid("strategy", c.Strategy, "strategy must be one of %s", strings.Join(ChunkStrategies(), ", "))
	}
	if c.Overlap != 0 && c.Strategy != ChunkFixed {
		return Invalid("overlap_tokens", c.Overlap, "the %s strategy has no overlap: its chunks hold every byte once", c.Strategy)
	}
	if c.Strategy == ChunkWhole {
		if c.MinTokens != 0 || c.MaxTokens != 0 {
			return Invalid("max_tokens", c.MaxTokens, "the whole strategy has no token budget")
		}
		return nil
	}
	if c.MaxTokens < LeastMaxTokens || c.MaxTokens > MostMaxTokens {
		return Invalid("max_tokens", c.MaxTokens, "max_tokens must be %d to %d", LeastMaxTokens, MostMaxTokens)
	}
	return c.validateRest()
}

// validateRest checks what depends on MaxTokens.
func (c ChunkerConfig) validateRest() error {
	switch {
	case c.Strategy != ChunkFixed && (c.MinTokens < 1 || c.MinTokens > c.MaxTokens):
		return Invalid("min_tokens", c.MinTokens, "min_tokens must be 1 to max_tokens (%d)", c.MaxTokens)
	case c.Strategy == ChunkFixed && c.MinTokens != 0:
		return Invalid("min_tokens", c.MinTokens, "the fixed strategy has no min_tokens: all of its windows are max_tokens long")
	case c.Overlap < 0 || c.Overlap > c.MaxTokens/2:
		return Invalid("overlap_tokens", c.Overlap, "overlap_tokens must be 0 to half of max_tokens (%d)", c.MaxTokens/2)
	}
	return nil
}
