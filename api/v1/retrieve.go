package v1

import (
	"time"

	"github.com/lodedb/lode"
)

// Retrieve asks a collection for the passages that answer a question.
type Retrieve struct {
	Text         string       `json:"text,omitempty" doc:"The question. Text or vector is needed." maxLength:"32768" example:"how do I install it?"`
	Vector       lode.Vector  `json:"vector,omitempty" doc:"Searched instead of the embedded text." maxItems:"8192"`
	K            *int         `json:"k,omitempty" doc:"Number of hits." minimum:"1" maximum:"10000" default:"10" example:"10"`
	Filter       *lode.Filter `json:"filter,omitempty" doc:"Condition on metadata or ids; narrows the search itself."`
	Mode         lode.Mode    `json:"mode,omitempty" doc:"Which searches answer. The default is hybrid for text, dense for a vector alone." enum:"dense,lexical,hybrid" example:"hybrid"`
	DenseWeight  *float64     `json:"dense_weight,omitempty" doc:"Weight of the dense search in hybrid mode. The default depends on the embedder." minimum:"0" maximum:"1" example:"0.5"`
	BudgetTokens *int         `json:"budget_tokens,omitempty" doc:"Most tokens of the assembled context." minimum:"1" maximum:"1000000" default:"2000" example:"2000"`
}

// Retrieved answers a [Retrieve].
type Retrieved struct {
	Mode         lode.Mode `json:"mode" doc:"The searches that answered." enum:"dense,lexical,hybrid" example:"hybrid"`
	DenseWeight  *float64  `json:"dense_weight,omitempty" doc:"Weight of the dense search, in hybrid mode." example:"0.2"`
	WeightReason string    `json:"weight_reason,omitempty" doc:"Where that weight came from."`
	Hits         []Hit     `json:"hits" doc:"The passages, best first."`
	Context      Context   `json:"context" doc:"The best passages as text for a model, within the token budget."`
}

// Hit is one passage found.
type Hit struct {
	Score        float64                 `json:"score" doc:"What the order is by: fused and 0 to 1 in hybrid mode, else the search's own." example:"0.83"`
	DenseScore   *float64                `json:"dense_score,omitempty" doc:"Score of the dense search; missing when it did not propose the passage." example:"0.61"`
	LexicalScore *float64                `json:"lexical_score,omitempty" doc:"BM25 score; missing when the lexical search did not propose the passage." example:"12.4"`
	ChunkID      lode.ChunkID            `json:"chunk_id" doc:"The chunk." example:"ch-12-1-0"`
	DocumentID   lode.DocID              `json:"document_id" doc:"Outside id of the document or raw vector." example:"guide/install.md"`
	Kind         string                  `json:"kind" doc:"What the passage belongs to." enum:"document,vector" example:"document"`
	Version      lode.Version            `json:"version" doc:"Version of the document." example:"1"`
	URI          string                  `json:"uri,omitempty" doc:"Where the bytes came from."`
	Title        string                  `json:"title,omitempty" doc:"Title of the document."`
	Text         string                  `json:"text" doc:"The passage; empty for a raw vector without text, missing when a search was asked to leave it out." required:"false"`
	Path         []string                `json:"path,omitempty" doc:"Headings above, outermost first."`
	Page         int                     `json:"page,omitempty" doc:"Page where the passage begins, in formats that have pages."`
	Span         Span                    `json:"span" doc:"Where the passage is in the canonical text; missing with the text." required:"false"`
	Bronze       *lode.Hash              `json:"bronze,omitempty" doc:"SHA-256 of the bytes as received; missing for raw vectors."`
	Flags        []Flag                  `json:"flags,omitempty" doc:"What in the passage a model should not be trusted with."`
	Metadata     lode.Metadata           `json:"metadata,omitempty" doc:"Metadata of the document."`
	Vector       lode.Vector             `json:"vector,omitempty" doc:"The stored vector, when a search was asked for it."`
	Vectors      map[string]lode.Vector  `json:"vectors,omitempty" doc:"With it, the vector in the dense space that was searched."`
	Sparse       map[string]SparseVector `json:"sparse,omitempty" doc:"With it, the vector in the sparse space that was searched."`
}

// Context is retrieved text ready for a model.
type Context struct {
	Text         string     `json:"text" doc:"Numbered passages."`
	Tokens       int        `json:"tokens" doc:"Tokens of the text, never more than budget_tokens." example:"1874"`
	BudgetTokens int        `json:"budget_tokens" doc:"The budget." example:"2000"`
	Tokenizer    string     `json:"tokenizer,omitempty" doc:"What counted the tokens." example:"cl100k_base"`
	Citations    []Citation `json:"citations" doc:"The sources of the passages, by number."`
	Omitted      int        `json:"omitted,omitempty" doc:"Hits that did not fit the budget." example:"2"`
	Messages     []Message  `json:"messages,omitempty" doc:"The context as chat messages, in the form messages; text is their contents then. The question goes behind them."`
}

// Message is one message to a chat model.
type Message struct {
	Role    string `json:"role" doc:"Whose message it is." enum:"system,user" example:"user"`
	Content string `json:"content" doc:"What it says."`
}

// Citation is the numbered source of a passage.
type Citation struct {
	Number     int          `json:"number" doc:"From 1, as in [1]." example:"1"`
	ChunkID    lode.ChunkID `json:"chunk_id" doc:"The chunk." example:"ch-12-1-0"`
	DocumentID lode.DocID   `json:"document_id" doc:"Outside id of the document." example:"guide/install.md"`
	URI        string       `json:"uri,omitempty" doc:"Where the bytes came from."`
	Title      string       `json:"title,omitempty" doc:"Title of the document."`
	Path       []string     `json:"path,omitempty" doc:"Headings above, outermost first."`
	Page       int          `json:"page,omitempty" doc:"Page where the passage begins, in formats that have pages."`
	Span       Span         `json:"span" doc:"Where the passage is in the canonical text."`
	Bronze     *lode.Hash   `json:"bronze,omitempty" doc:"SHA-256 of the bytes as received."`
	ReceivedAt *time.Time   `json:"received_at,omitempty" doc:"When those bytes were received."`
	AgeSeconds int64        `json:"age_seconds,omitempty" doc:"How long ago that was." example:"86400"`
	Parts      []Span       `json:"parts,omitempty" doc:"The spans of the passage, where it is made of several chunks or has gaps; span covers them all."`
	Flags      []Flag       `json:"flags,omitempty" doc:"What in the passage a model should not be trusted with."`
}
