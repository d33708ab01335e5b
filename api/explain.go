package api

import (
	"encoding/json"
	"fmt"
	"net/http"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/api/v1"
)

// appendResultJSON writes the hits of one vector, with the explanation where there is one.
func appendResultJSON(b []byte, hits []lode.Hit, n *lode.Nearest, i int) ([]byte, error) {
	b, err := appendHitsJSON(b, hits, n.With, n.Using)
	if err != nil || n.Explain == nil {
		return b, err
	}
	told, err := json.Marshal(toExplanation(&(*n.Explain)[i]))
	if err != nil {
		return b, fmt.Errorf("encode explanation: %w", err)
	}
	b = append(b[:len(b)-1], `,"explanation":`...)
	return append(append(b, told...), '}'), nil
}

func toExplanation(x *lode.Explanation) *v1.Explanation {
	out := &v1.Explanation{Rows: x.Rows, Allowed: x.Allowed, FilterNanos: x.FilterNanos, Segments: make([]v1.SegmentExplanation, len(x.Segments))}
	for i, s := range x.Segments {
		out.Segments[i] = v1.SegmentExplanation(s)
	}
	return out
}

const defaultRecallSamples = 100

func (s *service) measureRecall(w http.ResponseWriter, r *http.Request, p lode.Principal) error {
	collection, err := pathCollection(r)
	if err != nil {
		return err
	}
	var req v1.MeasureRecall
	if err := readJSON(r, &req); err != nil {
		return err
	}
	q := RecallQuery{Samples: orDefault(req.Samples, defaultRecallSamples), Search: lode.DenseSearch{K: orDefault(req.K, lode.DefaultK)}, Seed: uint64(req.Seed)}
	if req.Ef != nil {
		if q.Search.Ef = *req.Ef; q.Search.Ef == 0 {
			return lode.Invalid("ef", 0, "ef must be 1 to %d", lode.MaxEf)
		}
	}
	if req.Filter != nil {
		q.Search.Filter = *req.Filter
	}
	if err := s.barrier(r); err != nil {
		return err
	}
	got, err := s.Backend.Contents.Recall(r.Context(), p, collection, q)
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, got)
}

func orDefault(said *int, missing int) int {
	if said == nil {
		return missing
	}
	return *said
}
