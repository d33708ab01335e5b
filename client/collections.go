package client

import (
	"context"
	"iter"
	"net/http"
	"net/url"
	"strconv"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/api/v1"
)

// Page asks for one page of a list.
type Page struct {
	Limit       int    // 0: the server's default
	Cursor      string // next_cursor of the page before
	Consistency string // read level, see the v1 constants; empty: local
}

func (p Page) values() url.Values {
	q := readLevel(p.Consistency)
	if p.Limit != 0 {
		q.Set(v1.QueryLimit, strconv.Itoa(p.Limit))
	}
	if p.Cursor != "" {
		q.Set(v1.QueryCursor, p.Cursor)
	}
	return q
}

func readLevel(level string) url.Values {
	q := url.Values{}
	if level != "" {
		q.Set(v1.QueryConsistency, level)
	}
	return q
}

// CreateCollection makes a collection.
func (c *Client) CreateCollection(ctx context.Context, req v1.CreateCollection) (*v1.Collection, error) {
	return send[v1.Collection](ctx, c, call{method: http.MethodPost, path: v1.PathCollections, writes: true}, req)
}

// GetCollection shows a collection with its counts.
func (c *Client) GetCollection(ctx context.Context, name string) (*v1.Collection, error) {
	return get[v1.Collection](ctx, c, call{path: v1.Path(v1.PathCollection, name)})
}

// ListCollections returns a page of collections in order of name.
func (c *Client) ListCollections(ctx context.Context, page Page) (*v1.CollectionList, error) {
	return get[v1.CollectionList](ctx, c, call{path: v1.PathCollections, query: page.values()})
}

// Collections walks all collections in order of name. It stops after an error.
func (c *Client) Collections(ctx context.Context) iter.Seq2[v1.Collection, error] {
	return pages(func(cursor string) ([]v1.Collection, string, error) {
		list, err := c.ListCollections(ctx, Page{Cursor: cursor})
		if err != nil {
			return nil, "", err
		}
		return list.Collections, list.NextCursor, nil
	})
}

// UpdateCollection changes what may change of a collection.
func (c *Client) UpdateCollection(ctx context.Context, name string, req v1.UpdateCollection) (*v1.Collection, error) {
	return send[v1.Collection](ctx, c, call{method: http.MethodPatch, path: v1.Path(v1.PathCollection, name), writes: true}, req)
}

// DeleteCollection deletes a collection with everything in it.
func (c *Client) DeleteCollection(ctx context.Context, name string) error {
	return c.remove(ctx, v1.Path(v1.PathCollection, name), 0)
}

// ListSegments lists the segments of a collection, oldest first.
func (c *Client) ListSegments(ctx context.Context, name string) ([]v1.Segment, error) {
	list, err := get[v1.SegmentList](ctx, c, call{path: v1.Path(v1.PathSegments, name)})
	if err != nil {
		return nil, err
	}
	return list.Segments, nil
}

// SealSegment seals the growing segment of a collection and returns its number, 0 when there
// was nothing to seal.
func (c *Client) SealSegment(ctx context.Context, name string) (lode.SegmentID, error) {
	sealed, err := exchange[v1.Sealed](ctx, c, call{method: http.MethodPost, path: v1.Path(v1.PathSegmentsSeal, name), repeatable: true})
	if err != nil {
		return 0, err
	}
	return sealed.Segment, nil
}

// pages walks the items of a list page by page.
func pages[T any](fetch func(cursor string) (items []T, next string, err error)) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		var zero T
		for cursor := ""; ; {
			items, next, err := fetch(cursor)
			if err != nil {
				yield(zero, err)
				return
			}
			for _, item := range items {
				if !yield(item, nil) {
					return
				}
			}
			if next == "" {
				return
			}
			cursor = next
		}
	}
}
