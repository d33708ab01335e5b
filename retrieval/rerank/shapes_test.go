package rerank

import (
	"math"
	"testing"
)

// FuzzRead gives answers of any kind to all protocols: there is one finite score for each passage, or
// an error.
func FuzzRead(f *testing.F) {
	f.Add([]byte(`{"results":[{"index":1,"relevance_score":0.5},{"index":0,"relevance_score":-1}],"usage":{"total_tokens":3}}`), 2)
	f.Add([]byte(`{"data":[{"index":0,"relevance_score":0.5}],"usage":{"total_tokens":-3}}`), 1)
	f.Add([]byte(`[{"index":0,"score":0.5}]`), 1)
	f.Add([]byte(`[{"index":0,"score":1e308},{"index":0,"score":1}]`), 2)
	f.Add([]byte(`{"results":null}`), 0)
	f.Fuzz(func(t *testing.T, body []byte, n int) {
		if n < 0 || n > 1000 {
			return
		}
		for api, s := range shapes {
			scores, _, err := s.read(body, n)
			if err != nil {
				if scores != nil {
					t.Fatalf("%s: scores beside an error", api)
				}
				continue
			}
			if len(scores) != n {
				t.Fatalf("%s: %d scores for %d passages", api, len(scores), n)
			}
			for _, score := range scores {
				if math.IsNaN(score) || math.IsInf(score, 0) {
					t.Fatalf("%s: score %v", api, score)
				}
			}
		}
	})
}
