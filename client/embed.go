package client

import (
	"context"
	"net/http"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/api/v1"
)

// Embed returns one vector for each text, and what made them.
func (c *Client) Embed(ctx context.Context, req v1.Embed) (*v1.Embedded, error) {
	return send[v1.Embedded](ctx, c, call{method: http.MethodPost, path: v1.PathEmbed, repeatable: true}, req)
}

// EmbedVectors is Embed without what made the vectors. They travel as a binary frame, in a third of the
// bytes.
func (c *Client) EmbedVectors(ctx context.Context, req v1.Embed) ([]lode.Vector, error) {
	k := call{method: http.MethodPost, path: v1.PathEmbed, repeatable: true, accepts: v1.MediaTypeVectors}
	if err := k.carryJSON(req); err != nil {
		return nil, err
	}
	var frame *v1.EmbeddedFrame
	err := c.do(ctx, k, func(_ *http.Response, body []byte) (err error) {
		if frame, err = v1.ParseEmbeddedFrame(body); err != nil {
			return k.badAnswer(err)
		}
		if len(frame.Vectors) != len(req.Texts) {
			return k.badAnswer(lode.Errorf(lode.CodeMalformed, "%d vectors for %d texts", len(frame.Vectors), len(req.Texts)))
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return frame.Vectors, nil
}

// EmbedUsage returns what embedding has cost.
func (c *Client) EmbedUsage(ctx context.Context) (*v1.EmbedUsage, error) {
	return get[v1.EmbedUsage](ctx, c, call{path: v1.PathEmbedUsage})
}

// ClearEmbedCache makes the node forget the vectors that it keeps of texts.
func (c *Client) ClearEmbedCache(ctx context.Context) error {
	return c.do(ctx, call{method: http.MethodDelete, path: v1.PathEmbedCache, repeatable: true, mayBeEmpty: true}, func(*http.Response, []byte) error { return nil })
}
