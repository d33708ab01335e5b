package v1

import "github.com/lodedb/lode"

// SearchGroups asks for the documents that have the rows nearest to a vector. A raw vector is a
// document of one row.
type SearchGroups struct {
	Vector       lode.Vector  `json:"vector" doc:"As many finite numbers as the collection has dimensions." minItems:"1" maxItems:"8192"`
	Groups       *int         `json:"groups,omitempty" doc:"Number of documents." minimum:"1" maximum:"1000" default:"10" example:"10"`
	GroupSize    *int         `json:"group_size,omitempty" doc:"Most hits of each; all together are at most 10000." minimum:"1" maximum:"1000" default:"3" example:"3"`
	Filter       *lode.Filter `json:"filter,omitempty" doc:"Condition on metadata or ids; narrows the search itself."`
	WithText     *bool        `json:"with_text,omitempty" doc:"Hits show text, span, path, page, uri, title and bronze." default:"true"`
	WithMetadata *bool        `json:"with_metadata,omitempty" doc:"Hits show metadata." default:"true"`
	WithVector   *bool        `json:"with_vector,omitempty" doc:"Hits show the stored vector." default:"false"`
}

// VectorGroups answers a [SearchGroups].
type VectorGroups struct {
	Groups []VectorGroup `json:"groups" doc:"The documents, that with the nearest row first; as many as were asked for whenever so many match."`
}

// VectorGroup is a document with its nearest rows.
type VectorGroup struct {
	DocumentID lode.DocID `json:"document_id" doc:"Outside id of the document or raw vector." example:"guide/install.md"`
	Kind       string     `json:"kind" doc:"What it is." enum:"document,vector" example:"document"`
	Hits       []Hit      `json:"hits" doc:"Its nearest rows, best first."`
}

// Recommend asks for rows that are like some examples and unlike others. Rows of the examples
// are not among the hits.
type Recommend struct {
	Positive     []Example    `json:"positive,omitempty" doc:"What hits shall be like; the strategy average_vector needs one. Positive and negative together are 1 to 128." maxItems:"128"`
	Negative     []Example    `json:"negative,omitempty" doc:"What hits shall be unlike." maxItems:"128"`
	Strategy     string       `json:"strategy,omitempty" doc:"average_vector searches once, for the mean of the positive examples moved away from that of the negative ones; best_score goes by the nearest example; sum_scores adds the scores of the positive examples and takes off those of the negative ones." enum:"average_vector,best_score,sum_scores" default:"average_vector" example:"best_score"`
	K            *int         `json:"k,omitempty" doc:"Number of hits." minimum:"1" maximum:"10000" default:"10" example:"10"`
	Filter       *lode.Filter `json:"filter,omitempty" doc:"Condition on metadata or ids; narrows the search itself."`
	WithText     *bool        `json:"with_text,omitempty" doc:"Hits show text, span, path, page, uri, title and bronze." default:"true"`
	WithMetadata *bool        `json:"with_metadata,omitempty" doc:"Hits show metadata." default:"true"`
	WithVector   *bool        `json:"with_vector,omitempty" doc:"Hits show the stored vector." default:"false"`
}

// Example is what a recommendation goes by. Exactly one member is given.
type Example struct {
	ID         lode.DocID  `json:"id,omitempty" doc:"Outside id of a raw vector." maxLength:"1024" example:"item-17"`
	DocumentID lode.DocID  `json:"document_id,omitempty" doc:"Outside id of a document; each of its first 64 passages counts." maxLength:"1024" example:"guide/install.md"`
	Vector     lode.Vector `json:"vector,omitempty" doc:"A vector that need not be stored." minItems:"1" maxItems:"8192"`
	Text       string      `json:"text,omitempty" doc:"A text, which the embedder of the collection makes a vector of." maxLength:"32768" example:"how do I install it?"`
}
