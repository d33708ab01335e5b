package lode_test

import (
	"errors"
	"fmt"
	"math"
	"testing"

	"github.com/lodedb/lode"
)

func TestStagesNameTheField(t *testing.T) {
	half := func(f float64) *float64 { return &f }
	for field, s := range map[string]lode.Stages{
		"fusion":               {Fusion: "sum"},
		"depth":                {Depth: 5},
		"min_score":            {MinScores: map[lode.Component]float64{"best": 1}},
		"min_score.dense":      {MinScores: map[lode.Component]float64{lode.ComponentDense: math.NaN()}},
		"recency.half_life":    {Recency: &lode.Recency{}},
		"recency.weight":       {Recency: &lode.Recency{HalfLife: 1, Weight: 1.1}},
		"rerank.name":          {Rerank: &lode.Rerank{}},
		"rerank.depth":         {Rerank: &lode.Rerank{Name: "maxsim", Depth: lode.MaxRerankDepth + 1}},
		"collapse":             {Collapse: half(1.5)},
		"diversity":            {Diversity: half(math.NaN())},
		"per_document":         {PerDocument: -1},
		"per_source":           {PerSource: -1},
		"expand.before":        {Expand: &lode.Expand{Before: lode.MaxExpand + 1}},
		"expand.after":         {Expand: &lode.Expand{After: -1}},
		"expand.parent_tokens": {Expand: &lode.Expand{ParentTokens: -1}},
	} {
		err := s.Validate(10)
		var coded *lode.Error
		if !errors.As(err, &coded) || coded.Code != lode.CodeInvalid || coded.Field != field {
			t.Errorf("%s: %v", field, err)
		}
	}
	full := lode.Stages{
		Fusion: lode.FusionRRF, Depth: 100, Recency: &lode.Recency{HalfLife: 1}, Rerank: &lode.Rerank{Name: lode.RerankNone}, Collapse: half(0.9),
		MinScores: map[lode.Component]float64{lode.ComponentDense: -1}, PerDocument: 3, PerSource: 2, Diversity: half(0.3), Expand: &lode.Expand{Before: 1, Parent: true},
	}
	if err := full.Validate(10); err != nil {
		t.Error(err)
	}
}

func TestQueryOfSeveralCollections(t *testing.T) {
	q := lode.Query{Collections: []string{"a", "b"}, Text: "x"}
	q.EnsureDefaults()
	if err := q.Validate(); err != nil {
		t.Error(err)
	}
	q.Collections = []string{"a", "b", "a"}
	var coded *lode.Error
	if err := q.Validate(); !errors.As(err, &coded) || coded.Field != "collections[2]" {
		t.Errorf("%v", err)
	}
}

func TestRankingFeatures(t *testing.T) {
	many := map[string]float64{}
	for i := range lode.MaxRankingFeatures + 1 {
		many[fmt.Sprint("f", i)] = 1
	}
	for field, features := range map[string]map[string]float64{
		"features":       {"": 1},
		"features.fused": {"fused": math.Inf(1)},
		"features.dense": {"dense": 1e13},
		"features.title": {"fused": 1, "title": math.NaN()},
	} {
		var coded *lode.Error
		if err := (&lode.Ranking{Features: features}).Validate(); !errors.As(err, &coded) || coded.Field != field {
			t.Errorf("%v: %v", features, err)
		}
	}
	if (&lode.Ranking{Features: many}).Validate() == nil {
		t.Errorf("%d features pass", len(many))
	}
	r := lode.Ranking{Features: map[string]float64{"fused": 1}}
	if err := r.Validate(); err != nil || r.IsZero() || !(&lode.Ranking{}).IsZero() {
		t.Errorf("%v, zero %v", err, r.IsZero())
	}
}
