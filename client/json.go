package client

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/api/v1"
)

// bytesBody is a body whose length is known.
type bytesBody struct{ *bytes.Reader }

func (b bytesBody) Close() error { return nil }
func (b bytesBody) size() int64  { return b.Size() }

// get asks for JSON.
func get[T any](ctx context.Context, c *Client, k call) (*T, error) {
	k.method, k.repeatable = http.MethodGet, true
	return exchange[T](ctx, c, k)
}

// send sends JSON and reads JSON.
func send[T any](ctx context.Context, c *Client, k call, request any) (*T, error) {
	if err := k.carryJSON(request); err != nil {
		return nil, err
	}
	return exchange[T](ctx, c, k)
}

// carryJSON gives the call a JSON body.
func (k *call) carryJSON(request any) error {
	encoded, err := json.Marshal(request)
	if err != nil {
		return lode.Invalid("request", "", "request cannot be written as JSON: %s", err)
	}
	k.carry(v1.MediaTypeJSON, encoded)
	return nil
}

// carry gives the call a body.
func (k *call) carry(mediaType string, body []byte) {
	k.contentType = mediaType
	k.body = func() (io.ReadCloser, error) { return bytesBody{bytes.NewReader(body)}, nil }
}

func exchange[T any](ctx context.Context, c *Client, k call) (*T, error) {
	out := new(T)
	err := c.do(ctx, k, func(resp *http.Response, body []byte) error {
		if k.mayBeEmpty && resp.StatusCode == http.StatusNoContent {
			out = nil
			return nil
		}
		if err := json.Unmarshal(body, out); err != nil {
			return k.badAnswer(err)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// badAnswer is an answer that cannot be read.
func (k *call) badAnswer(err error) error {
	return fmt.Errorf("read answer of %s %s: %w", k.method, k.path, &lode.Error{
		Code: lode.CodeMalformed, Field: "response", Message: "the answer is not what the API promises", Err: err})
}
