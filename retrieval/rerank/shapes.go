package rerank

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"

	"github.com/lodedb/lode/internal/provider"
)

// API names a protocol.
type API string

// The protocols.
const (
	Cohere API = "cohere" // POST /v2/rerank, which many servers speak too
	Jina   API = "jina"   // POST /v1/rerank, likewise: vLLM, Infinity, LocalAI, llama.cpp
	Voyage API = "voyage" // POST /v1/rerank
	TEI    API = "tei"    // POST /rerank of Text Embeddings Inference
)

// APIs lists the protocols in order of name.
func APIs() []API { return slices.Sorted(maps.Keys(shapes)) }

// shape is what is particular to a protocol. Its functions keep no state.
type shape struct {
	base     string // address of the service itself; empty: there is none
	path     string // appended to it
	model    bool   // whether a model must be named
	passages int    // in one request, unless the options say otherwise
	most     int    // that they may say
	// body is the request as a value for encoding/json.
	body func(o *Options, query string, passages []string) any
	// read takes an answer for n passages apart: one score for each, in order, and the tokens that
	// the service counted; 0: it did not say.
	read func(answer []byte, n int) (scores []float64, tokens int64, err error)
}

var shapes = map[API]*shape{Cohere: &cohereShape, Jina: &jinaShape, Voyage: &voyageShape, TEI: &teiShape}

// rated is a score of an answer. The order of answers is by score; the index says which passage.
type rated struct {
	Index *int     `json:"index"`
	Score *float64 `json:"relevance_score"`
}

// inOrder puts scores in the order of n passages. Every passage must have one, and none two.
func inOrder(all []rated, n int) ([]float64, error) {
	if len(all) != n {
		return nil, fmt.Errorf("%d scores for %d passages", len(all), n)
	}
	out, has := make([]float64, n), make([]bool, n)
	for _, r := range all {
		switch {
		case r.Index == nil || r.Score == nil:
			return nil, errors.New("a score without index, or an index without score")
		case *r.Index < 0 || *r.Index >= n:
			return nil, fmt.Errorf("index %d for %d passages", *r.Index, n)
		case has[*r.Index]:
			return nil, fmt.Errorf("index %d comes twice", *r.Index)
		case math.IsNaN(*r.Score) || math.IsInf(*r.Score, 0):
			return nil, errors.New("a score that is not finite")
		}
		out[*r.Index], has[*r.Index] = *r.Score, true
	}
	return out, nil
}

// readRated reads an object with the scores, which Cohere and Jina call results and Voyage data, and
// the tokens. Cohere bills searches and counts none.
func readRated(answer []byte, n int) ([]float64, int64, error) {
	var a struct {
		Results, Data []rated
		Usage         struct {
			Total int64 `json:"total_tokens"`
		}
	}
	if err := provider.Unmarshal(answer, &a); err != nil {
		return nil, 0, err
	}
	scores, err := inOrder(append(a.Results, a.Data...), n)
	return scores, a.Usage.Total, err
}

var cohereShape = shape{
	base: "https://api.cohere.com", path: "v2/rerank", model: true, passages: 1000, most: 10_000,
	body: func(o *Options, query string, passages []string) any {
		return struct {
			Model     string   `json:"model"`
			Query     string   `json:"query"`
			Documents []string `json:"documents"`
			Top       int      `json:"top_n"`
			Tokens    int      `json:"max_tokens_per_doc"`
		}{o.Model, query, passages, len(passages), o.PassageTokens}
	},
	read: readRated,
}

var jinaShape = shape{
	base: "https://api.jina.ai", path: "v1/rerank", model: true, passages: 1000, most: 2048,
	body: func(o *Options, query string, passages []string) any {
		return struct {
			Model     string   `json:"model"`
			Query     string   `json:"query"`
			Documents []string `json:"documents"`
			Top       int      `json:"top_n"`
			Return    bool     `json:"return_documents"`
		}{o.Model, query, passages, len(passages), false}
	},
	read: readRated,
}

var voyageShape = shape{
	base: "https://api.voyageai.com", path: "v1/rerank", model: true, passages: 1000, most: 1000,
	body: func(o *Options, query string, passages []string) any {
		return struct {
			Model      string   `json:"model"`
			Query      string   `json:"query"`
			Documents  []string `json:"documents"`
			Return     bool     `json:"return_documents"`
			Truncation bool     `json:"truncation"`
		}{o.Model, query, passages, false, true}
	},
	read: readRated,
}

var teiShape = shape{
	path: "rerank", passages: 32, most: 2048,
	body: func(_ *Options, query string, passages []string) any {
		return struct {
			Query    string   `json:"query"`
			Texts    []string `json:"texts"`
			Raw      bool     `json:"raw_scores"`
			Truncate bool     `json:"truncate"`
		}{query, passages, false, true}
	},
	read: func(answer []byte, n int) ([]float64, int64, error) {
		var a []struct {
			Index *int     `json:"index"`
			Score *float64 `json:"score"`
		}
		if err := provider.Unmarshal(answer, &a); err != nil {
			return nil, 0, err
		}
		all := make([]rated, len(a))
		for i, r := range a {
			all[i] = rated{r.Index, r.Score}
		}
		scores, err := inOrder(all, n)
		return scores, 0, err
	},
}
