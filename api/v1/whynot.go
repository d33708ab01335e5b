package v1

import "github.com/lodedb/lode"

// WhyNot asks why a document, or a passage of it, is not in the answer to a question.
type WhyNot struct {
	Query    Retrieve      `json:"query" doc:"The question, as it is sent to retrieve. Its timeout and explain do not count."`
	Document lode.DocID    `json:"document,omitempty" doc:"Outside id of the document or raw vector." maxLength:"1024" example:"guide/install.md"`
	Kind     string        `json:"kind,omitempty" doc:"What has that id." enum:"document,vector" default:"document" example:"document"`
	Chunk    *lode.ChunkID `json:"chunk,omitempty" doc:"A chunk instead."`
	As       *[]string     `json:"as,omitempty" doc:"Reader labels: ask as somebody who has these. Only for callers who see everything." maxItems:"256"`
}

// WhyNotAnswer answers a [WhyNot].
type WhyNotAnswer struct {
	Rank      int            `json:"rank,omitempty" doc:"Place among the hits, from 1; missing when it is none." example:"3"`
	InContext bool           `json:"in_context" doc:"The context shows it."`
	ChunkID   *lode.ChunkID  `json:"chunk_id,omitempty" doc:"Its passage that came farthest."`
	Reasons   []WhyNotReason `json:"reasons" doc:"What keeps it away, in order: each is what is in the way once those before it are removed. None: nothing is."`
}

// WhyNotReason is a stage that a document is lost at.
type WhyNotReason struct {
	Stage  lode.ReasonStage   `json:"stage" doc:"Where it is lost." enum:"not_found,pending,quarantined,expired,access,filter,lexical,dense,min_score,collapse,caps,diversity,rank,context" example:"rank"`
	Detail string             `json:"detail" doc:"Why." example:"it ranks 37, k is 10"`
	Values map[string]float64 `json:"values,omitempty" doc:"The figures by name."`
	By     *lode.ChunkID      `json:"by,omitempty" doc:"The passage that is shown in its place."`
	Remedy string             `json:"remedy" doc:"What can be done." example:"raise k to 37"`
	Change *Change            `json:"change,omitempty" doc:"The same as a change of the question, where that is enough."`
}

// Change gives a member of a question another value.
type Change struct {
	Field string `json:"field" doc:"The member." example:"k"`
	Value any    `json:"value,omitempty" doc:"Its new value; missing: leave the member out."`
}
