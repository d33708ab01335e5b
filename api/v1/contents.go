package v1

import (
	"time"

	"github.com/lodedb/lode"
)

// Limits of what is asked of the contents of a collection.
const (
	DefaultFacets = 20
	MaxFacets     = 10_000
)

// Count asks how much a filter matches.
type Count struct {
	Filter *lode.Filter `json:"filter,omitempty" doc:"Condition on metadata or ids. Without one everything is counted."`
}

// Counts is how much was matched, of what searches show.
type Counts struct {
	Documents int `json:"documents" doc:"Documents and raw vectors." example:"120"`
	Rows      int `json:"rows" doc:"Passages of documents, and raw vectors." example:"2417"`
}

// Facets asks for the values of a metadata field and how often they occur.
type Facets struct {
	Field  string       `json:"field" doc:"Path of the field, as in a filter." example:"lang"`
	Filter *lode.Filter `json:"filter,omitempty" doc:"Condition on metadata or ids. Without one everything counts."`
	Limit  *int         `json:"limit,omitempty" doc:"Most values." minimum:"1" maximum:"10000" default:"20" example:"20"`
}

// FacetCounts answers [Facets].
type FacetCounts struct {
	Field    string       `json:"field" doc:"Path of the field." example:"lang"`
	Distinct int          `json:"distinct" doc:"Different values, also those beyond the limit." example:"7"`
	Values   []FacetValue `json:"values" doc:"The values, the most frequent first, those that occur alike in their order."`
}

// FacetValue is a value with how often it occurs. What has several values counts with each.
type FacetValue struct {
	Value     lode.Value `json:"value" doc:"The value."`
	Documents int        `json:"documents" doc:"Documents and raw vectors that have it." example:"31"`
	Rows      int        `json:"rows" doc:"Their passages, a raw vector being one." example:"612"`
}

// Scroll walks the documents and raw vectors that searches show, page by page.
type Scroll struct {
	Filter       *lode.Filter `json:"filter,omitempty" doc:"Condition on metadata or ids."`
	Kind         string       `json:"kind,omitempty" doc:"Only these; both without it." enum:"document,vector" example:"vector"`
	OrderBy      *ScrollOrder `json:"order_by,omitempty" doc:"Order by a metadata field. Without it the order is that in which contents became searchable."`
	Limit        *int         `json:"limit,omitempty" doc:"Items in one page." minimum:"1" maximum:"1000" default:"100" example:"100"`
	Cursor       string       `json:"cursor,omitempty" doc:"next_cursor of the page before. It belongs to its filter, kind and order; limit and what is shown may change."`
	WithMetadata *bool        `json:"with_metadata,omitempty" doc:"Items show metadata." default:"true"`
	WithText     *bool        `json:"with_text,omitempty" doc:"Items show uri, title and the text of a raw vector or of the first passage of a document." default:"false"`
	WithVector   *bool        `json:"with_vector,omitempty" doc:"Raw vectors show their vector." default:"false"`
}

// ScrollOrder is an order by a metadata field: numbers, times, other strings, false and true, and
// last what lacks the field. Of a list the first item in that order counts.
type ScrollOrder struct {
	Field     string `json:"field" doc:"Path of the field, as in a filter." example:"year"`
	Direction string `json:"direction,omitempty" doc:"asc puts small values first, desc large ones; what lacks the field comes last in both." enum:"asc,desc" default:"asc" example:"desc"`
}

// ScrollPage is one page of a [Scroll].
type ScrollPage struct {
	Items      []ScrollItem `json:"items" doc:"The documents and raw vectors of this page."`
	NextCursor string       `json:"next_cursor,omitempty" doc:"Cursor of the next page; missing on the last."`
}

// ScrollItem is a document or a raw vector as searches show it.
type ScrollItem struct {
	ID        lode.DocID    `json:"id" doc:"Outside id." example:"guide/install.md"`
	Kind      string        `json:"kind" doc:"What it is." enum:"document,vector" example:"document"`
	Version   lode.Version  `json:"version" doc:"Version that searches show." example:"1"`
	Rows      int           `json:"rows" doc:"Passages of a document; 1 for a raw vector." example:"12"`
	URI       string        `json:"uri,omitempty" doc:"Where the bytes came from, with with_text."`
	Title     string        `json:"title,omitempty" doc:"Title of the document, with with_text."`
	Text      string        `json:"text,omitempty" doc:"Text of a raw vector or of the first passage of a document, with with_text."`
	Metadata  lode.Metadata `json:"metadata,omitempty" doc:"What the owner says about it."`
	Vector    lode.Vector   `json:"vector,omitempty" doc:"The vector of a raw vector, with with_vector."`
	ExpiresAt *time.Time    `json:"expires_at,omitempty" doc:"When it ends of itself."`
	UpdatedAt time.Time     `json:"updated_at" doc:"When it last changed."`
}
