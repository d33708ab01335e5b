package lode

import (
	"maps"
	"math"
	"slices"
	"time"
)

// Fusion says how the scores of the dense and the lexical search become one.
type Fusion string

// The fusions.
const (
	FusionMinMax Fusion = "minmax" // scores between the worst and the best candidate of each search
	FusionRRF    Fusion = "rrf"    // reciprocal ranks (Cormack, Clarke, Büttcher 2009), scaled to 1 for a row that is first in both
	FusionDBSF   Fusion = "dbsf"   // scores between mean - 3 and mean + 3 standard deviations of each search
)

// Stages are what a query asks to be done with what was found. Each is optional and bounded, and
// they are done in the order of the fields.
type Stages struct {
	// Fusion is how hybrid queries fuse; the default is the collection's, else FusionMinMax.
	Fusion Fusion
	// Depth is how many candidates each search gives to the stages after it; the default is 10 K,
	// at least 100. A query without stages takes K of a single search.
	Depth int
	// Recency lets scores decay with age.
	Recency *Recency
	// Rerank orders the best candidates anew.
	Rerank *Rerank
	// MinScores drops hits that have a component of which the score is smaller, or that lack it.
	MinScores map[Component]float64
	// Collapse shows of passages that are nearly the same only the best: those of which the words
	// (3-shingles) have a Jaccard similarity of so much, 0 to 1. Equal texts have 1.
	Collapse *float64
	// PerDocument and PerSource are how many hits a document and a source may have; 0: any.
	// Documents with the same metadata "source", else the same host or folder of their URI, are
	// one source.
	PerDocument, PerSource int
	// Diversity picks hits that are unlike those before them by maximal marginal relevance
	// (Carbonell, Goldstein 1998): 0 looks at relevance alone, 1 at difference alone.
	Diversity *float64
	// Expand shows more of a document around its hits in the context.
	Expand *Expand
}

// Recency takes from a score s, with the age of the hit, |s| · Weight · (1 - 2^(-age/HalfLife)): with a
// weight of 1, half of a positive score with each half-life. Scores below zero, which searches by
// distance have, fall too.
type Recency struct {
	HalfLife Period  `json:"half_life" cbor:"1,keyasint"`
	Weight   float64 `json:"weight,omitempty" cbor:"2,keyasint,omitempty"` // 0 to 1; the default is 1
	// Field is a time in the metadata that age is counted from, the latest where there are several;
	// the default, also for a hit without one, is when the bytes were received.
	Field string `json:"field,omitempty" cbor:"3,keyasint,omitempty"`
}

// Rerank asks a re-ranker for the order of the best candidates.
type Rerank struct {
	// Name is that of a re-ranker of the node ("maxsim", a configured provider), or "features" for
	// the one that was trained for the collection. "none" is none, where the collection has a default.
	Name string `json:"name" cbor:"1,keyasint"`
	// Depth is how many candidates it sees; the default is 50, at least K.
	Depth int `json:"depth,omitempty" cbor:"2,keyasint,omitempty"`
}

// Expand shows neighbours of a hit.
type Expand struct {
	// Before and After are so many chunks of the document around a hit.
	Before int `json:"before,omitempty" cbor:"1,keyasint,omitempty"`
	After  int `json:"after,omitempty" cbor:"2,keyasint,omitempty"`
	// Parent shows the whole section, up to ParentTokens (the default is 1500), where two of its
	// chunks are hits.
	Parent       bool `json:"parent,omitempty" cbor:"3,keyasint,omitempty"`
	ParentTokens int  `json:"parent_tokens,omitempty" cbor:"4,keyasint,omitempty"`
}

// Component names a part of a score that [Stages].MinScores can bound.
type Component string

// The components.
const (
	ComponentScore   Component = "score"   // what the order is by after all that change scores
	ComponentFused   Component = "fused"   // before recency and re-ranking
	ComponentDense   Component = "dense"   // the dense search's own
	ComponentLexical Component = "lexical" // the lexical search's own
	ComponentRerank  Component = "rerank"  // the re-ranker's own
)

// Components are all of them.
func Components() []Component {
	return []Component{ComponentScore, ComponentFused, ComponentDense, ComponentLexical, ComponentRerank}
}

// Bounds of stages.
const (
	MaxDepth          = 10_000
	MaxRerankDepth    = 1_000
	MaxDiversity      = 1_000 // hits that diversity picks
	DefaultRerank     = 50
	MaxExpand         = 20
	DefaultParent     = 1_500
	MaxParentTokens   = 100_000
	MaxQueryTimeout   = 10 * time.Minute
	LeastQueryTimeout = time.Millisecond
)

// Validate checks the stages of a query for k hits.
func (s *Stages) Validate(k int) error {
	if err := s.Fusion.validate(); err != nil {
		return err
	}
	if s.Depth != 0 && (s.Depth < k || s.Depth > MaxDepth) {
		return Invalid("depth", s.Depth, "depth must be k (%d) to %d", k, MaxDepth)
	}
	if err := s.validateScores(k); err != nil {
		return err
	}
	for _, share := range []struct {
		field string
		value *float64
	}{{"collapse", s.Collapse}, {"diversity", s.Diversity}} {
		if share.value != nil && !(*share.value >= 0 && *share.value <= 1) {
			return Invalid(share.field, *share.value, "%s must be 0 to 1", share.field)
		}
	}
	if s.Diversity != nil && k > MaxDiversity {
		return Invalid("k", k, "diversity picks at most %d hits", MaxDiversity)
	}
	if s.PerDocument < 0 {
		return Invalid("per_document", s.PerDocument, "per_document must be 1 or more")
	}
	if s.PerSource < 0 {
		return Invalid("per_source", s.PerSource, "per_source must be 1 or more")
	}
	return s.Expand.validate()
}

func (s *Stages) validateScores(k int) error {
	for c, least := range s.MinScores {
		if !slices.Contains(Components(), c) {
			return Invalid("min_score", c, "min_score names score, fused, dense, lexical or rerank")
		}
		if least != least {
			return Invalid("min_score."+string(c), least, "the least score must be a number")
		}
	}
	if err := s.Recency.validate(); err != nil {
		return err
	}
	return s.Rerank.validate(k)
}

func (f Fusion) validate() error {
	switch f {
	case "", FusionMinMax, FusionRRF, FusionDBSF:
		return nil
	}
	return Invalid("fusion", f, "fusion must be minmax, rrf or dbsf")
}

func (r *Recency) validate() error {
	if r == nil {
		return nil
	}
	if r.HalfLife <= 0 {
		return Invalid("recency.half_life", r.HalfLife, "half_life must be a positive duration such as \"30d\"")
	}
	if !(r.Weight >= 0 && r.Weight <= 1) {
		return Invalid("recency.weight", r.Weight, "weight must be 0 to 1")
	}
	if r.Field == "" {
		return nil
	}
	return validateLabel("recency.field", r.Field, MaxMetadataKeyBytes)
}

func (r *Rerank) validate(k int) error {
	if r == nil {
		return nil
	}
	if err := validateLabel("rerank.name", r.Name, 128); err != nil {
		return err
	}
	if r.Depth != 0 && (r.Depth < 1 || r.Depth > MaxRerankDepth) {
		return Invalid("rerank.depth", r.Depth, "depth must be 1 to %d", MaxRerankDepth)
	}
	if k > MaxRerankDepth && r.Name != RerankNone {
		return Invalid("k", k, "a re-ranker orders at most %d hits", MaxRerankDepth)
	}
	return nil
}

// RerankNone is the [Rerank].Name that turns a default off.
const RerankNone = "none"

func (e *Expand) validate() error {
	if e == nil {
		return nil
	}
	if e.Before < 0 || e.Before > MaxExpand {
		return Invalid("expand.before", e.Before, "before must be 0 to %d", MaxExpand)
	}
	if e.After < 0 || e.After > MaxExpand {
		return Invalid("expand.after", e.After, "after must be 0 to %d", MaxExpand)
	}
	if e.ParentTokens < 0 || e.ParentTokens > MaxParentTokens {
		return Invalid("expand.parent_tokens", e.ParentTokens, "parent_tokens must be 1 to %d", MaxParentTokens)
	}
	return nil
}

// Ranking are the settings of a collection that queries take where they say nothing, mostly
// chosen by an evaluation. What is nil or empty is Lode's default.
type Ranking struct {
	DenseWeight *float64 `json:"dense_weight,omitempty" cbor:"1,keyasint,omitempty"`
	Fusion      Fusion   `json:"fusion,omitempty" cbor:"2,keyasint,omitempty"`
	Rerank      *Rerank  `json:"rerank,omitempty" cbor:"3,keyasint,omitempty"`
	Recency     *Recency `json:"recency,omitempty" cbor:"4,keyasint,omitempty"`
	// Reason says where the settings came from, such as "evaluation support-2026, nDCG@10 +0.021".
	Reason string `json:"reason,omitempty" cbor:"5,keyasint,omitempty"`
	// Features are the weights of the re-ranker "features", by the names of features: the sum of
	// weight times feature is its score. Shared; do not modify.
	Features map[string]float64 `json:"features,omitempty" cbor:"6,keyasint,omitempty"`
}

// MaxRankingFeatures bounds [Ranking].Features, and MaxFeatureWeight the size of each: sums of larger ones
// may not be finite.
const (
	MaxRankingFeatures = 64
	MaxFeatureWeight   = 1e12
)

// IsZero reports whether nothing is set.
func (r *Ranking) IsZero() bool {
	return r.DenseWeight == nil && r.Fusion == "" && r.Rerank == nil && r.Recency == nil && r.Reason == "" && len(r.Features) == 0
}

// Validate checks the settings.
func (r *Ranking) Validate() error {
	if r == nil {
		return nil
	}
	if r.DenseWeight != nil && !(*r.DenseWeight >= 0 && *r.DenseWeight <= 1) {
		return Invalid("dense_weight", *r.DenseWeight, "dense_weight must be 0 to 1")
	}
	if len(r.Reason) > 512 {
		return Invalid("reason", len(r.Reason), "a reason has at most 512 bytes")
	}
	if err := r.validateFeatures(); err != nil {
		return err
	}
	return (&Stages{Fusion: r.Fusion, Rerank: r.Rerank, Recency: r.Recency}).Validate(1)
}

func (r *Ranking) validateFeatures() error {
	if len(r.Features) > MaxRankingFeatures {
		return Invalid("features", len(r.Features), "there are at most %d features", MaxRankingFeatures)
	}
	for _, name := range slices.Sorted(maps.Keys(r.Features)) {
		if err := validateLabel("features", name, 64); err != nil {
			return err
		}
		if w := r.Features[name]; !(math.Abs(w) <= MaxFeatureWeight) {
			return Invalid("features."+name, w, "a weight must be -%g to %[1]g", MaxFeatureWeight)
		}
	}
	return nil
}
