package client

import (
	"context"
	"iter"
	"net/http"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/api/v1"
)

// PatchDocuments changes what owners say of the documents that are selected by ids, a filter or
// both, and reports each id. A single id that is refused is an error of the call.
func (c *Client) PatchDocuments(ctx context.Context, collection string, req v1.PatchSelected) (*v1.PatchResults, error) {
	return patch[v1.PatchResults](ctx, c, v1.Path(v1.PathDocuments, collection), req)
}

// PatchVectors is PatchDocuments for raw vectors.
func (c *Client) PatchVectors(ctx context.Context, collection string, req v1.PatchSelected) (*v1.PatchResults, error) {
	return patch[v1.PatchResults](ctx, c, v1.Path(v1.PathVectors, collection), req)
}

// PatchDocument changes what the owner says of a document and returns it as it is then; nil where
// it was patched and may not be seen by the caller any more.
func (c *Client) PatchDocument(ctx context.Context, collection string, id lode.DocID, p lode.Patch) (*v1.Document, error) {
	return patch[v1.Document](ctx, c, v1.DocumentPath(collection, id), p)
}

// PatchVector is PatchDocument for a raw vector.
func (c *Client) PatchVector(ctx context.Context, collection string, id lode.DocID, p lode.Patch) (*v1.Point, error) {
	return patch[v1.Point](ctx, c, v1.VectorPath(collection, id), p)
}

// patch sends a patch; an answer without content is nil.
func patch[T any](ctx context.Context, c *Client, path string, request any) (*T, error) {
	k := call{method: http.MethodPatch, path: path, writes: true, mayBeEmpty: true}
	return send[T](ctx, c, k, request)
}

// DeleteDocumentsWhere deletes the documents that are selected by ids, a filter or both.
func (c *Client) DeleteDocumentsWhere(ctx context.Context, collection string, req v1.DeleteIDs) (*v1.DeleteResults, error) {
	return c.deleteSelected(ctx, v1.Path(v1.PathDocumentsDelete, collection), req)
}

// DeleteVectorsWhere deletes the raw vectors that are selected by ids, a filter or both.
func (c *Client) DeleteVectorsWhere(ctx context.Context, collection string, req v1.DeleteIDs) (*v1.DeleteResults, error) {
	return c.deleteSelected(ctx, v1.Path(v1.PathVectorsDelete, collection), req)
}

func (c *Client) deleteSelected(ctx context.Context, path string, req v1.DeleteIDs) (*v1.DeleteResults, error) {
	return send[v1.DeleteResults](ctx, c, call{method: http.MethodPost, path: path, writes: true}, req)
}

// Count counts what a filter matches, of what searches show.
func (c *Client) Count(ctx context.Context, collection string, req v1.Count) (*v1.Counts, error) {
	return ask[v1.Counts](ctx, c, v1.Path(v1.PathCount, collection), req)
}

// Facets counts the values of a metadata field, the most frequent first.
func (c *Client) Facets(ctx context.Context, collection string, req v1.Facets) (*v1.FacetCounts, error) {
	return ask[v1.FacetCounts](ctx, c, v1.Path(v1.PathFacets, collection), req)
}

// ScrollPage returns one page of documents and raw vectors.
func (c *Client) ScrollPage(ctx context.Context, collection string, req v1.Scroll) (*v1.ScrollPage, error) {
	return ask[v1.ScrollPage](ctx, c, v1.Path(v1.PathScroll, collection), req)
}

// Scroll walks all documents and raw vectors that the request selects. It stops after an error.
func (c *Client) Scroll(ctx context.Context, collection string, req v1.Scroll) iter.Seq2[v1.ScrollItem, error] {
	return pages(func(cursor string) ([]v1.ScrollItem, string, error) {
		if cursor != "" {
			req.Cursor = cursor
		}
		page, err := c.ScrollPage(ctx, collection, req)
		if err != nil {
			return nil, "", err
		}
		return page.Items, page.NextCursor, nil
	})
}

// SearchGroups finds the documents that have the vectors nearest to one.
func (c *Client) SearchGroups(ctx context.Context, collection string, req v1.SearchGroups) (*v1.VectorGroups, error) {
	return ask[v1.VectorGroups](ctx, c, v1.Path(v1.PathVectorsGroups, collection), req)
}

// Recommend finds rows like some examples and unlike others.
func (c *Client) Recommend(ctx context.Context, collection string, req v1.Recommend) (*v1.VectorHits, error) {
	return ask[v1.VectorHits](ctx, c, v1.Path(v1.PathRecommend, collection), req)
}

// ask sends a read that has a body.
func ask[T any](ctx context.Context, c *Client, path string, request any) (*T, error) {
	return send[T](ctx, c, c.question(path), request)
}
