package lode

// WhyNotQuery asks why a document, or a passage of it, is not in the answer to a query.
type WhyNotQuery struct {
	Query    Query // of one collection, now
	Kind     Kind  // of Document; the default is KindDocument
	Document DocID
	Chunk    *ChunkID // instead of Document
	// As are reader labels: the query is asked as by somebody who has these. Only a principal who sees
	// all may say so; nil: as the principal.
	As []string
}

// Validate checks the question after the query's defaults were filled in.
func (q *WhyNotQuery) Validate() error {
	if err := q.Query.Validate(); err != nil {
		return asError(err).In("query")
	}
	if len(q.Query.Collections) > 0 {
		return Invalid("query.collections", len(q.Query.Collections), "why not is asked of one collection")
	}
	if !q.Query.AsOf.IsZero() {
		return Invalid("as_of", q.Query.AsOf, "why not is asked of what is, not of what was")
	}
	if (q.Document == "") == (q.Chunk == nil) {
		return Invalid("document", q.Document, "either a document or a chunk is needed")
	}
	if q.Kind != 0 && q.Kind != KindDocument && q.Kind != KindVector {
		return Invalid("kind", q.Kind, "kind must be document or vector")
	}
	if q.Document != "" {
		if err := q.Document.Validate(); err != nil {
			e := *asError(err)
			e.Field = "document"
			return &e
		}
	}
	return ValidateReaders(q.As)
}

// WhyNot tells where a document is lost on its way into an answer.
type WhyNot struct {
	// Rank is its place among the hits, from 1; 0: it is none. InContext says whether the context
	// shows it.
	Rank      int
	InContext bool
	// Chunk is its passage that came farthest, where it has any.
	Chunk *ChunkID
	// Reasons are what keeps it away, in the order of the stages: each is what is in the way once
	// those before it are removed. None: nothing is in the way.
	Reasons []Reason
}

// Reason is a stage that a document is lost at.
type Reason struct {
	Stage  ReasonStage
	Detail string             // for people; no text of documents
	Values map[string]float64 // the figures of Detail by name
	By     *ChunkID           // the passage that is shown in its place
	Remedy string             // what can be done about it
	// Change is the same for programs: of the query, where that is enough.
	Change *Change
}

// ReasonStage names where a document is lost.
type ReasonStage string

// The stages, in order.
const (
	ReasonNotFound    ReasonStage = "not_found"   // there is none that the caller may see
	ReasonPending     ReasonStage = "pending"     // no version is ready yet
	ReasonQuarantined ReasonStage = "quarantined" // processing failed
	ReasonExpired     ReasonStage = "expired"
	ReasonAccess      ReasonStage = "access" // told to those who see all
	ReasonFilter      ReasonStage = "filter"
	ReasonLexical     ReasonStage = "lexical" // the search for words does not propose it
	ReasonDense       ReasonStage = "dense"   // the search for vectors does not
	ReasonMinScore    ReasonStage = "min_score"
	ReasonCollapse    ReasonStage = "collapse"
	ReasonCaps        ReasonStage = "caps"
	ReasonDiversity   ReasonStage = "diversity"
	ReasonRank        ReasonStage = "rank" // it ranks behind the k best
	ReasonContext     ReasonStage = "context"
)

// Change gives a field of a query another value; nil leaves it out.
type Change struct {
	Field string `json:"field"`
	Value any    `json:"value"`
}
