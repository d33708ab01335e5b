package v1

import (
	"time"

	"github.com/lodedb/lode"
)

// PutVectors writes raw vectors: those with a known id are replaced.
type PutVectors struct {
	Points []Point `json:"points" doc:"The vectors; each is reported on its own." minItems:"1" maxItems:"10000"`
}

// Point is a raw vector with what belongs to it.
type Point struct {
	ID        lode.DocID    `json:"id" doc:"Outside id, unique among the raw vectors of the collection." minLength:"1" maxLength:"1024" example:"item-17"`
	Vector    lode.Vector   `json:"vector" doc:"As many finite numbers as the collection has dimensions. Under cosine it is scaled to unit length, and comes back so." minItems:"1" maxItems:"8192"`
	Text      string        `json:"text,omitempty" doc:"Makes the point searchable by words too." maxLength:"65536"`
	Metadata  lode.Metadata `json:"metadata,omitempty" doc:"Keys with strings, numbers, booleans, nulls, objects of these, or lists of all these; nested at most 8 deep."`
	Readers   []string      `json:"readers,omitempty" doc:"Labels of who may see the point; none: everyone." maxItems:"256"`
	ExpiresAt *time.Time    `json:"expires_at,omitempty" doc:"When the point ends of itself; a time in the past ends it at once." example:"2030-01-01T00:00:00Z"`
	IfVersion *lode.Version `json:"if_version,omitempty" doc:"Write the point only while this is its version; 0: only while there is none. Then a change of metadata or readers alone becomes a new version too. Only in requests." minimum:"0" example:"3"`
	Version   lode.Version  `json:"version,omitempty" doc:"Version of the point. Only in answers." example:"3"`
}

// PointResults reports each vector of a write, in the order of the request.
type PointResults struct {
	Items []PointResult `json:"items" doc:"One entry for each vector of the request, in its order."`
}

// PointResult is what became of one written vector. It failed when Error is set.
type PointResult struct {
	ID      lode.DocID   `json:"id" doc:"Outside id." example:"item-17"`
	Version lode.Version `json:"version,omitempty" doc:"Version that the vector has now; missing when it was refused." example:"1"`
	Error   *ItemError   `json:"error,omitempty" doc:"Why the vector was refused."`
}

// SearchVectors asks for the nearest vectors. What an answer leaves out is not read either.
type SearchVectors struct {
	Vector       lode.Vector  `json:"vector" doc:"As many finite numbers as the collection has dimensions." minItems:"1" maxItems:"8192"`
	K            *int         `json:"k,omitempty" doc:"Number of hits." minimum:"1" maximum:"10000" default:"10" example:"10"`
	Filter       *lode.Filter `json:"filter,omitempty" doc:"Condition on metadata or ids; narrows the search itself."`
	WithText     *bool        `json:"with_text,omitempty" doc:"Hits show text, span, path, page, uri, title and bronze." default:"true"`
	WithMetadata *bool        `json:"with_metadata,omitempty" doc:"Hits show metadata." default:"true"`
	WithVector   *bool        `json:"with_vector,omitempty" doc:"Hits show the stored vector." default:"false"`
}

// VectorHits answers a [SearchVectors].
type VectorHits struct {
	Hits []Hit `json:"hits" doc:"The nearest, best first."`
}

// SearchVectorsBatch asks for the vectors nearest to each of several, all in one state of the
// collection.
type SearchVectorsBatch struct {
	Vectors      []lode.Vector `json:"vectors" doc:"What is searched for, each as of a single search." minItems:"1" maxItems:"256"`
	K            *int          `json:"k,omitempty" doc:"Number of hits for each vector; for all together at most 10000." minimum:"1" maximum:"10000" default:"10" example:"10"`
	Filter       *lode.Filter  `json:"filter,omitempty" doc:"Condition on metadata; narrows the searches themselves."`
	WithText     *bool         `json:"with_text,omitempty" doc:"Hits show text, span, path, page, uri, title and bronze." default:"true"`
	WithMetadata *bool         `json:"with_metadata,omitempty" doc:"Hits show metadata." default:"true"`
	WithVector   *bool         `json:"with_vector,omitempty" doc:"Hits show the stored vector." default:"false"`
}

// VectorHitsBatch answers a [SearchVectorsBatch].
type VectorHitsBatch struct {
	Results []VectorHits `json:"results" doc:"One entry for each vector of the request, in its order."`
}
