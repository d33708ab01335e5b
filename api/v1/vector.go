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
	ID        lode.DocID              `json:"id" doc:"Outside id, unique among the raw vectors of the collection." minLength:"1" maxLength:"1024" example:"item-17"`
	Vector    lode.Vector             `json:"vector" doc:"As many finite numbers as the collection has dimensions. Under cosine it is scaled to unit length, and comes back so." minItems:"1" maxItems:"8192"`
	Vectors   map[string]lode.Vector  `json:"vectors,omitempty" doc:"Vectors in dense spaces of the collection, by name. Any may be left out: the point is not found there then." maxProperties:"8"`
	Sparse    map[string]SparseVector `json:"sparse,omitempty" doc:"Vectors in sparse spaces of the collection, by name." maxProperties:"8"`
	Text      string                  `json:"text,omitempty" doc:"Makes the point searchable by words too." maxLength:"65536"`
	Metadata  lode.Metadata           `json:"metadata,omitempty" doc:"Keys with strings, numbers, booleans, nulls, objects of these, or lists of all these; nested at most 8 deep."`
	Readers   []string                `json:"readers,omitempty" doc:"Labels of who may see the point; none: everyone." maxItems:"256"`
	ExpiresAt *time.Time              `json:"expires_at,omitempty" doc:"When the point ends of itself; a time in the past ends it at once." example:"2030-01-01T00:00:00Z"`
	IfVersion *lode.Version           `json:"if_version,omitempty" doc:"Write the point only while this is its version; 0: only while there is none. Then a change of metadata or readers alone becomes a new version too. Only in requests." minimum:"0" example:"3"`
	Version   lode.Version            `json:"version,omitempty" doc:"Version of the point. Only in answers." example:"3"`
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
	Vector       lode.Vector   `json:"vector,omitempty" doc:"What is searched for: as many finite numbers as the space has dimensions. Vector or sparse is given." minItems:"1" maxItems:"8192"`
	Sparse       *SparseVector `json:"sparse,omitempty" doc:"What is searched for in a sparse space, which using names: rows with the largest dot products, among those that share a dimension."`
	Using        string        `json:"using,omitempty" doc:"Name of the space to search; the default is that of the vectors that every row has." maxLength:"64" example:"title"`
	K            *int          `json:"k,omitempty" doc:"Number of hits." minimum:"1" maximum:"10000" default:"10" example:"10"`
	Filter       *lode.Filter  `json:"filter,omitempty" doc:"Condition on metadata or ids; narrows the search itself."`
	WithText     *bool         `json:"with_text,omitempty" doc:"Hits show text, span, path, page, uri, title and bronze." default:"true"`
	WithMetadata *bool         `json:"with_metadata,omitempty" doc:"Hits show metadata." default:"true"`
	WithVector   *bool         `json:"with_vector,omitempty" doc:"Hits show the stored vector, and that in the space that using names." default:"false"`
	Ef           *int          `json:"ef,omitempty" doc:"Breadth of searches in graphs: the larger, the more of the nearest are found, and the longer it takes. The default finds about 95 % of the nearest ten on hard data." minimum:"1" maximum:"65536" example:"128"`
	Exact        bool          `json:"exact,omitempty" doc:"Compare every vector: the answer is the right one." default:"false"`
	Explain      bool          `json:"explain,omitempty" doc:"Say what the search did." default:"false"`
}

// VectorHits answers a [SearchVectors].
type VectorHits struct {
	Hits        []Hit        `json:"hits" doc:"The nearest, best first."`
	Explanation *Explanation `json:"explanation,omitempty" doc:"What the search did, where that was asked for."`
}

// Explanation tells how a search for vectors went.
type Explanation struct {
	Rows        int                  `json:"rows" doc:"Rows that the collection shows." example:"100000"`
	Allowed     int                  `json:"allowed" doc:"Of them the filter matches and the caller may see." example:"1200"`
	FilterNanos int64                `json:"filter_ns" doc:"What it took to find those." example:"18000"`
	Segments    []SegmentExplanation `json:"segments" doc:"How each segment was searched, in order."`
}

// SegmentExplanation tells how a segment was searched.
type SegmentExplanation struct {
	Segment   lode.SegmentID     `json:"segment" doc:"Number of the segment." example:"3"`
	Rows      int                `json:"rows" doc:"Rows in it, dead ones included." example:"50000"`
	Allowed   int                `json:"allowed" doc:"Rows that may be found." example:"600"`
	Graph     bool               `json:"graph" doc:"They lie in a graph; else they are compared one by one."`
	Plan      string             `json:"plan" doc:"exact: all allowed rows are compared; graph: the graph is walked; under a filter what costs least of scan (the codes of all allowed rows), traverse (the walk, more broadly) and twohop (the walk among allowed rows)." enum:"exact,graph,scan,traverse,twohop" example:"scan"`
	Switched  bool               `json:"switched,omitempty" doc:"A walk was given up for a scan."`
	Predicted map[string]float64 `json:"predicted_ns,omitempty" doc:"What each plan was expected to take."`
	Expected  float64            `json:"expected_ns,omitempty" doc:"What the plan was expected to take when it was decided on."`
	Nanos     int64              `json:"actual_ns" doc:"What the segment took." example:"31000"`
	Compared  int                `json:"compared" doc:"Codes compared with the query." example:"600"`
	Reranked  int                `json:"reranked" doc:"Full vectors compared with it." example:"38"`
	Hops      int                `json:"hops,omitempty" doc:"Rows whose links were followed." example:"0"`
}

// MeasureRecall asks how much of what an exact search finds a search finds.
type MeasureRecall struct {
	Samples *int         `json:"samples,omitempty" doc:"Queries: a sample of the vectors that were searched for lately, else stored ones." minimum:"1" maximum:"1000" default:"100"`
	K       *int         `json:"k,omitempty" doc:"Hits of each." minimum:"1" maximum:"10000" default:"10" example:"10"`
	Ef      *int         `json:"ef,omitempty" doc:"Breadth to measure; the default is that of searches." minimum:"1" maximum:"65536"`
	Filter  *lode.Filter `json:"filter,omitempty" doc:"Condition on metadata or ids."`
	Seed    int          `json:"seed,omitempty" doc:"Of the choice among stored vectors."`
}

// Recall is the recall of sampled queries.
type Recall struct {
	Queries     int     `json:"queries" doc:"Queries that were measured; 0 where nothing can be found." example:"100"`
	Source      string  `json:"source" doc:"Where they came from: recent searches on this node, or stored vectors." enum:"recent,stored" example:"recent"`
	Recall      float64 `json:"recall" doc:"Mean share of the exact answers that searches found." example:"0.983"`
	Least       float64 `json:"least" doc:"The smallest share of one query." example:"0.8"`
	SearchNanos int64   `json:"search_ns" doc:"Median time of a search." example:"95000"`
	ExactNanos  int64   `json:"exact_ns" doc:"Median time of an exact search." example:"4100000"`
}

// SearchVectorsBatch asks for the vectors nearest to each of several, all in one state of the
// collection.
type SearchVectorsBatch struct {
	Vectors      []lode.Vector `json:"vectors" doc:"What is searched for, each as of a single search." minItems:"1" maxItems:"256"`
	Using        string        `json:"using,omitempty" doc:"Name of the dense space to search; the default is that of the vectors that every row has." maxLength:"64" example:"title"`
	K            *int          `json:"k,omitempty" doc:"Number of hits for each vector; for all together at most 10000." minimum:"1" maximum:"10000" default:"10" example:"10"`
	Filter       *lode.Filter  `json:"filter,omitempty" doc:"Condition on metadata; narrows the searches themselves."`
	WithText     *bool         `json:"with_text,omitempty" doc:"Hits show text, span, path, page, uri, title and bronze." default:"true"`
	WithMetadata *bool         `json:"with_metadata,omitempty" doc:"Hits show metadata." default:"true"`
	WithVector   *bool         `json:"with_vector,omitempty" doc:"Hits show the stored vector, and that in the space that using names." default:"false"`
	Ef           *int          `json:"ef,omitempty" doc:"Breadth of searches in graphs: the larger, the more of the nearest are found, and the longer it takes. The default finds about 95 % of the nearest ten on hard data." minimum:"1" maximum:"65536" example:"128"`
	Exact        bool          `json:"exact,omitempty" doc:"Compare every vector: the answer is the right one." default:"false"`
	Explain      bool          `json:"explain,omitempty" doc:"Say what the search did." default:"false"`
}

// VectorHitsBatch answers a [SearchVectorsBatch].
type VectorHitsBatch struct {
	Results []VectorHits `json:"results" doc:"One entry for each vector of the request, in its order."`
}
