package client

import (
	"context"
	"errors"
	"net/http"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/api/v1"
)

// Retrieve finds the passages that answer a question.
func (c *Client) Retrieve(ctx context.Context, collection string, req v1.Retrieve) (*v1.Retrieved, error) {
	return ask[v1.Retrieved](ctx, c, v1.Path(v1.PathRetrieve, collection), req)
}

// CheckAnswer holds an answer against the passages that it cites.
func (c *Client) CheckAnswer(ctx context.Context, collection string, req v1.CheckAnswer) (*v1.CheckedAnswer, error) {
	return ask[v1.CheckedAnswer](ctx, c, v1.Path(v1.PathAnswersCheck, collection), req)
}

// RetrieveSeveral finds the passages of several collections, those of req.Collections, that answer a
// question.
func (c *Client) RetrieveSeveral(ctx context.Context, req v1.Retrieve) (*v1.Retrieved, error) {
	return ask[v1.Retrieved](ctx, c, v1.PathRetrieveSeveral, req)
}

// WhyNot says why a document is not in the answer to a question.
func (c *Client) WhyNot(ctx context.Context, collection string, req v1.WhyNot) (*v1.WhyNotAnswer, error) {
	return ask[v1.WhyNotAnswer](ctx, c, v1.Path(v1.PathWhyNot, collection), req)
}

// GetChunk shows a chunk.
func (c *Client) GetChunk(ctx context.Context, collection string, id lode.ChunkID) (*v1.Chunk, error) {
	return get[v1.Chunk](ctx, c, c.about(call{path: v1.ChunkPath(collection, id)}))
}

// TraceChunk follows a chunk back to the bytes it came from.
func (c *Client) TraceChunk(ctx context.Context, collection string, id lode.ChunkID) (*v1.Trace, error) {
	return get[v1.Trace](ctx, c, c.about(call{path: v1.TracePath(collection, id)}))
}

// GetVector shows a raw vector.
func (c *Client) GetVector(ctx context.Context, collection string, id lode.DocID) (*v1.Point, error) {
	return get[v1.Point](ctx, c, call{path: v1.VectorPath(collection, id)})
}

// DeleteVector deletes a raw vector.
func (c *Client) DeleteVector(ctx context.Context, collection string, id lode.DocID) error {
	return c.remove(ctx, v1.VectorPath(collection, id), 0)
}

// DeleteVectors deletes several raw vectors and reports each. A single id that cannot be
// deleted is an error of the call.
func (c *Client) DeleteVectors(ctx context.Context, collection string, ids ...lode.DocID) (*v1.DeleteResults, error) {
	return c.deleteIDs(ctx, v1.Path(v1.PathVectorsDelete, collection), ids)
}

// Check walks everything that the node stores and lists every breach.
func (c *Client) Check(ctx context.Context) (*v1.CheckReport, error) {
	return exchange[v1.CheckReport](ctx, c, call{method: http.MethodPost, path: v1.PathCheck, repeatable: true})
}

// GetNode describes the node that answers.
func (c *Client) GetNode(ctx context.Context) (*v1.NodeInfo, error) {
	return get[v1.NodeInfo](ctx, c, call{path: v1.PathNode})
}

// Health reports whether the process answers.
func (c *Client) Health(ctx context.Context) error {
	_, err := get[v1.Health](ctx, c, call{path: v1.PathHealth})
	return err
}

// Ready says whether the node serves, and if not, why. Only a node that does not answer is
// an error.
func (c *Client) Ready(ctx context.Context) (*v1.Readiness, error) {
	return get[v1.Readiness](ctx, c, call{path: v1.PathReady, accept: []int{http.StatusServiceUnavailable}})
}

// GetOpenAPI returns the OpenAPI document of the server.
func (c *Client) GetOpenAPI(ctx context.Context) ([]byte, error) {
	var out []byte
	err := c.do(ctx, call{method: http.MethodGet, path: v1.PathOpenAPI, repeatable: true}, func(_ *http.Response, body []byte) error {
		out = body
		return nil
	})
	return out, err
}

// asLodeError gives the coded error that every error of this package holds.
func asLodeError(err error) *lode.Error {
	var e *lode.Error
	if errors.As(err, &e) {
		return e
	}
	return &lode.Error{Code: lode.CodeInternal, Message: err.Error()}
}
