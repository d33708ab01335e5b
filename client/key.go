package client

import (
	"context"
	"crypto/rand"
	"net/http"
	"net/url"
	"strconv"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/api/v1"
)

type keyContext struct{}

// WithKey gives the writes that are called with the context an Idempotency-Key, for callers
// who must repeat a write in another process, or ask for it by [Client.FindOperation]. Without
// it every call makes a key of its own and keeps it over its retries. One key is for one write:
// the server refuses it for another.
func WithKey(ctx context.Context, key string) context.Context {
	return context.WithValue(ctx, keyContext{}, key)
}

// keyFor is the key of one write.
func keyFor(ctx context.Context) string {
	if key, _ := ctx.Value(keyContext{}).(string); key != "" {
		return key
	}
	return rand.Text()
}

// whenSent adds to the error of a write that may have happened how to find out. The codes that
// stand for "not carried out" are true of the last attempt only.
func (k call) whenSent(sent bool, err error) error {
	if !sent || k.key == "" || err == nil {
		return err
	}
	coded := asLodeError(err)
	switch coded.Code {
	case lode.CodeUnavailable, lode.CodeOverloaded, lode.CodeOutcomeUnknown:
		unknown := &lode.Error{Code: lode.CodeOutcomeUnknown, Message: "the write may or may not have happened", Err: err}
		return unknown.WithHint(askHint(k.key))
	case lode.CodeTimeout, lode.CodeCanceled:
		return &lode.Error{Code: coded.Code, Message: coded.Message, Err: err, Hint: "the write may have happened: " + askHint(k.key)}
	}
	return err
}

func askHint(key string) string {
	return "GET " + v1.PathOperations + "?" + url.Values{v1.QueryKey: {key}}.Encode() + " says what became of it; under the same key it takes effect once"
}

// GetOperation says what became of a write, by the id that its answer named.
func (c *Client) GetOperation(ctx context.Context, id string) (*v1.Operation, error) {
	return get[v1.Operation](ctx, c, call{path: v1.OperationPath(id)})
}

// FindOperation says what became of a write, by its Idempotency-Key.
func (c *Client) FindOperation(ctx context.Context, key string) (*v1.Operation, error) {
	return get[v1.Operation](ctx, c, call{path: v1.PathOperations, query: url.Values{v1.QueryKey: {key}}})
}

// AwaitOperation asks for an operation until none of its documents is being processed. What
// it returns may be done, failed or incomplete.
func (c *Client) AwaitOperation(ctx context.Context, id string) (*v1.Operation, error) {
	for n := 1; ; n++ {
		op, err := c.GetOperation(ctx, id)
		if err != nil || op.State != v1.OperationRunning {
			return op, err
		}
		if !sleep(ctx, backoff(min(n, maxAwaitStep))) {
			return op, contextError(ctx.Err())
		}
	}
}

// maxAwaitStep bounds the pauses of AwaitOperation to about a second.
const maxAwaitStep = 4

// DeleteDocumentIf deletes a document while its newest version is the given one; else it is
// [lode.CodePrecondition].
func (c *Client) DeleteDocumentIf(ctx context.Context, collection string, id lode.DocID, version lode.Version) error {
	return c.remove(ctx, v1.DocumentPath(collection, id), version)
}

// DeleteVectorIf deletes a raw vector while its version is the given one; else it is
// [lode.CodePrecondition].
func (c *Client) DeleteVectorIf(ctx context.Context, collection string, id lode.DocID, version lode.Version) error {
	return c.remove(ctx, v1.VectorPath(collection, id), version)
}

// remove deletes and expects no answer; version 0 is no condition.
func (c *Client) remove(ctx context.Context, path string, version lode.Version) error {
	k := call{method: http.MethodDelete, path: path, writes: true}
	if version > 0 {
		k.query = url.Values{v1.QueryIfVersion: {strconv.FormatUint(uint64(version), 10)}}
	}
	return c.do(ctx, k, func(*http.Response, []byte) error { return nil })
}
