package client

import (
	"context"
	"encoding/json"
	"iter"
	"net/http"
	"net/url"
	"strconv"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/api/v1"
)

// DocumentPage asks for one page of documents.
type DocumentPage struct {
	Page
	State  lode.DocState // of the newest version; empty: any
	Filter lode.Filter
}

func (p DocumentPage) values() (url.Values, error) {
	q := p.Page.values()
	if p.State != "" {
		q.Set(v1.QueryState, string(p.State))
	}
	if !p.Filter.MatchesAll() {
		encoded, err := json.Marshal(p.Filter)
		if err != nil {
			return nil, lode.Invalid(v1.QueryFilter, "", "filter cannot be written as JSON: %s", err)
		}
		q.Set(v1.QueryFilter, string(encoded))
	}
	return q, nil
}

// GetDocument shows a document with its newest version.
func (c *Client) GetDocument(ctx context.Context, collection string, id lode.DocID) (*v1.Document, error) {
	return get[v1.Document](ctx, c, call{path: v1.DocumentPath(collection, id)})
}

// ListDocuments returns a page of documents in the order they were first received.
func (c *Client) ListDocuments(ctx context.Context, collection string, page DocumentPage) (*v1.DocumentList, error) {
	q, err := page.values()
	if err != nil {
		return nil, err
	}
	return get[v1.DocumentList](ctx, c, call{path: v1.Path(v1.PathDocuments, collection), query: q})
}

// Documents walks all documents that the page selects. It stops after an error.
func (c *Client) Documents(ctx context.Context, collection string, page DocumentPage) iter.Seq2[v1.Document, error] {
	return pages(func(cursor string) ([]v1.Document, string, error) {
		if cursor != "" {
			page.Cursor = cursor
		}
		list, err := c.ListDocuments(ctx, collection, page)
		if err != nil {
			return nil, "", err
		}
		return list.Documents, list.NextCursor, nil
	})
}

// ListQuarantine returns a page of the documents whose newest version failed.
func (c *Client) ListQuarantine(ctx context.Context, collection string, page Page) (*v1.DocumentList, error) {
	return get[v1.DocumentList](ctx, c, call{path: v1.Path(v1.PathQuarantine, collection), query: page.values()})
}

// DeleteDocument deletes a document.
func (c *Client) DeleteDocument(ctx context.Context, collection string, id lode.DocID) error {
	return c.remove(ctx, v1.DocumentPath(collection, id), 0)
}

// DeleteDocuments deletes several documents and reports each. A single id that cannot be
// deleted is an error of the call.
func (c *Client) DeleteDocuments(ctx context.Context, collection string, ids ...lode.DocID) (*v1.DeleteResults, error) {
	return c.deleteIDs(ctx, v1.Path(v1.PathDocumentsDelete, collection), ids)
}

func (c *Client) deleteIDs(ctx context.Context, path string, ids []lode.DocID) (*v1.DeleteResults, error) {
	return send[v1.DeleteResults](ctx, c, call{method: http.MethodPost, path: path, writes: true}, v1.DeleteIDs{IDs: ids})
}

// RetryDocument has a document in quarantine processed again.
func (c *Client) RetryDocument(ctx context.Context, collection string, id lode.DocID) (*v1.RetryResult, error) {
	k := call{method: http.MethodPost, path: v1.Path(v1.PathDocumentRetry, collection, string(id)), writes: true}
	return exchange[v1.RetryResult](ctx, c, k)
}

// BronzeLayer is the bytes of a document as received.
type BronzeLayer struct {
	Content   []byte
	MediaType string
	Hash      lode.Hash
	Version   lode.Version
}

// GetBronze returns the bytes of a document's newest version, checked against their hash.
func (c *Client) GetBronze(ctx context.Context, collection string, id lode.DocID) (*BronzeLayer, error) {
	out := &BronzeLayer{}
	k := call{method: http.MethodGet, path: v1.LayerPath(collection, id, lode.Bronze), repeatable: true}
	err := c.do(ctx, k, func(resp *http.Response, body []byte) error {
		out.Content, out.MediaType = body, resp.Header.Get("Content-Type")
		version, err := strconv.ParseUint(resp.Header.Get(v1.HeaderVersion), 10, 32)
		if err != nil {
			return lode.FieldError(lode.CodeMalformed, v1.HeaderVersion, resp.Header.Get(v1.HeaderVersion), "the answer does not name its version")
		}
		out.Version = lode.Version(version)
		if err := out.Hash.UnmarshalText([]byte(resp.Header.Get(v1.HeaderBronze))); err != nil {
			return lode.FieldError(lode.CodeMalformed, v1.HeaderBronze, resp.Header.Get(v1.HeaderBronze), "the answer does not name its hash")
		}
		if lode.HashOf(body) != out.Hash {
			return lode.FieldError(lode.CodeCorrupt, v1.HeaderBronze, out.Hash, "the bytes do not have the hash that was sent with them")
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// GetSilver returns the canonical text of the version that search shows.
func (c *Client) GetSilver(ctx context.Context, collection string, id lode.DocID) (*v1.SilverLayer, error) {
	return get[v1.SilverLayer](ctx, c, call{path: v1.LayerPath(collection, id, lode.Silver)})
}

// GetGold returns the chunks of the version that search shows.
func (c *Client) GetGold(ctx context.Context, collection string, id lode.DocID) (*v1.GoldLayer, error) {
	return get[v1.GoldLayer](ctx, c, call{path: v1.LayerPath(collection, id, lode.Gold)})
}
