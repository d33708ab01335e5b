package client

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/api/v1"
)

// Vectors travel as binary frames where a frame says everything that the request does, else
// as JSON. Which of the two is not seen from outside.

// PutVectors writes raw vectors and reports each. A single one that is refused is an error
// of the call.
func (c *Client) PutVectors(ctx context.Context, collection string, points ...v1.Point) (*v1.PointResults, error) {
	k := call{method: http.MethodPut, path: v1.Path(v1.PathVectors, collection), writes: true}
	if frame, ok := pointsFrame(points); ok {
		k.carry(v1.MediaTypeVectors, frame)
		return exchange[v1.PointResults](ctx, c, k)
	}
	return send[v1.PointResults](ctx, c, k, v1.PutVectors{Points: points})
}

// pointsFrame is a write as a frame. Readers, conditions, vectors in named spaces and vectors of
// different length have no place in one, and what is wrong with a request the server says better about JSON.
func pointsFrame(points []v1.Point) (frame []byte, ok bool) {
	f := v1.PointsFrame{Points: make([]v1.FramePoint, len(points))}
	if len(points) == 0 || len(points) > v1.MaxPoints {
		return nil, false
	}
	for i := range points {
		p := &points[i]
		if len(p.Readers) > 0 || len(p.Vectors) > 0 || len(p.Sparse) > 0 || p.IfVersion != nil || p.Version != 0 {
			return nil, false
		}
		f.Points[i] = v1.FramePoint{ID: p.ID, Vector: p.Vector, Text: p.Text, ExpiresAt: p.ExpiresAt}
		if len(p.Metadata) == 0 {
			continue
		}
		encoded, err := json.Marshal(p.Metadata)
		if err != nil {
			return nil, false
		}
		f.Points[i].Metadata = encoded
	}
	frame, err := f.Append(nil)
	return frame, err == nil
}

// SearchVectors finds the nearest vectors, also in a named space, or the rows that a sparse
// vector has most in common with. It is fastest with_text false, which needs no look
// into stored rows.
func (c *Client) SearchVectors(ctx context.Context, collection string, req v1.SearchVectors) (*v1.VectorHits, error) {
	k := c.question(v1.Path(v1.PathVectorsSearch, collection))
	if req.Sparse != nil {
		return send[v1.VectorHits](ctx, c, k, req)
	}
	many := v1.SearchVectorsBatch{
		Vectors: []lode.Vector{req.Vector}, Using: req.Using, K: req.K, Filter: req.Filter, WithText: req.WithText, WithMetadata: req.WithMetadata, WithVector: req.WithVector,
		Ef: req.Ef, Exact: req.Exact, Explain: req.Explain,
	}
	frame, ok := searchFrame(&many)
	if !ok {
		return send[v1.VectorHits](ctx, c, k, req)
	}
	k.carry(v1.MediaTypeVectors, frame)
	results, err := exchangeHits(ctx, c, k, 1)
	if err != nil {
		return nil, err
	}
	return &results[0], nil
}

// MeasureRecall measures how much of what an exact search finds a search finds.
func (c *Client) MeasureRecall(ctx context.Context, collection string, req v1.MeasureRecall) (*v1.Recall, error) {
	return send[v1.Recall](ctx, c, call{method: http.MethodPost, path: v1.Path(v1.PathRecall, collection), repeatable: true}, req)
}

// SearchVectorsBatch finds the vectors nearest to each of several, in one state of the
// collection.
func (c *Client) SearchVectorsBatch(ctx context.Context, collection string, req v1.SearchVectorsBatch) (*v1.VectorHitsBatch, error) {
	k := c.question(v1.Path(v1.PathVectorsBatch, collection))
	frame, ok := searchFrame(&req)
	if !ok {
		return send[v1.VectorHitsBatch](ctx, c, k, req)
	}
	k.carry(v1.MediaTypeVectors, frame)
	results, err := exchangeHits(ctx, c, k, len(req.Vectors))
	if err != nil {
		return nil, err
	}
	return &v1.VectorHitsBatch{Results: results}, nil
}

// searchFrame is a search as a frame, which is for the space that every row has a vector in. One
// with text is left to JSON, whose hits show more of a passage than a frame does.
func searchFrame(req *v1.SearchVectorsBatch) (frame []byte, ok bool) {
	if req.WithText == nil || *req.WithText || req.Explain || req.Using != "" {
		return nil, false
	}
	f := v1.SearchFrame{Vectors: req.Vectors, K: lode.DefaultK, Exact: req.Exact}
	if req.Ef != nil {
		if f.Ef = *req.Ef; f.Ef == 0 {
			return nil, false // the node says that it is none
		}
	}
	if req.K != nil {
		f.K = *req.K
	}
	if req.WithMetadata == nil || *req.WithMetadata {
		f.Parts |= v1.FrameMetadata
	}
	if req.WithVector != nil && *req.WithVector {
		f.Parts |= v1.FrameVectors
	}
	if req.Filter != nil {
		encoded, err := json.Marshal(req.Filter)
		if err != nil {
			return nil, false
		}
		f.Filter = encoded
	}
	if len(req.Vectors) == 0 {
		return nil, false
	}
	frame, err := f.Append(nil)
	return frame, err == nil
}

// exchangeHits sends a search and reads the frame that answers it.
func exchangeHits(ctx context.Context, c *Client, k call, searches int) (results []v1.VectorHits, err error) {
	k.accepts = v1.MediaTypeVectors
	err = c.do(ctx, k, func(_ *http.Response, body []byte) error {
		f, err := v1.ParseHitsFrame(body)
		if err == nil && len(f.Results) != searches {
			err = lode.FieldError(lode.CodeMalformed, "count", len(f.Results), "the answer has %d results for %d searches", len(f.Results), searches)
		}
		if err == nil {
			results, err = hitsOfFrame(f)
		}
		if err != nil {
			return k.badAnswer(err)
		}
		return nil
	})
	return results, err
}

func hitsOfFrame(f *v1.HitsFrame) ([]v1.VectorHits, error) {
	results := make([]v1.VectorHits, len(f.Results))
	for i, hits := range f.Results {
		results[i].Hits = make([]v1.Hit, len(hits))
		for j := range hits {
			if err := hitOfFrame(&results[i].Hits[j], &hits[j]); err != nil {
				return nil, err
			}
		}
	}
	return results, nil
}

func hitOfFrame(out *v1.Hit, in *v1.FrameHit) error {
	score := float64(in.Score)
	*out = v1.Hit{
		Score: score, DenseScore: &score, ChunkID: in.Chunk, DocumentID: in.ID, Version: in.Chunk.Version, Text: in.Text, Vector: slices.Clip(in.Vector),
		Kind: "document",
	}
	if in.Kind == lode.KindVector {
		out.Kind = "vector"
	}
	if len(in.Metadata) == 0 {
		return nil
	}
	return json.Unmarshal(in.Metadata, &out.Metadata)
}
