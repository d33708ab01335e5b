package v1

import (
	"time"

	"github.com/lodedb/lode"
)

// Retrieve asks for the passages that answer a question.
type Retrieve struct {
	Collections  []string           `json:"collections,omitempty" doc:"The collections to ask, at /v1/retrieve alone. Their embedder and metric are the same, but for the mode lexical." maxItems:"32" example:"[\"docs\",\"tickets\"]"`
	Text         string             `json:"text,omitempty" doc:"The question. Text or vector is needed." maxLength:"32768" example:"how do I install it?"`
	Syntax       lode.WordSyntax    `json:"syntax,omitempty" doc:"How the search for words reads the text: every character as text, or \"some words\", +word, -word and wor* as search boxes do." enum:"plain,query" default:"plain" example:"query"`
	Vector       lode.Vector        `json:"vector,omitempty" doc:"Searched instead of the embedded text." maxItems:"8192"`
	K            *int               `json:"k,omitempty" doc:"Number of hits." minimum:"1" maximum:"10000" default:"10" example:"10"`
	Ef           *int               `json:"ef,omitempty" doc:"Breadth of the dense search in graphs; the default is theirs." minimum:"1" maximum:"65536" example:"200"`
	Exact        bool               `json:"exact,omitempty" doc:"The dense search compares every row."`
	Filter       *lode.Filter       `json:"filter,omitempty" doc:"Condition on metadata or ids; narrows the search itself."`
	Mode         lode.Mode          `json:"mode,omitempty" doc:"Which searches answer. The default is hybrid for text, dense for a vector alone." enum:"dense,lexical,hybrid" example:"hybrid"`
	DenseWeight  *float64           `json:"dense_weight,omitempty" doc:"Weight of the dense search in hybrid mode. The default is the collection's, else depends on the embedder." minimum:"0" maximum:"1" example:"0.5"`
	Fusion       lode.Fusion        `json:"fusion,omitempty" doc:"How the scores of the two searches become one. The default is the collection's, else minmax." enum:"minmax,rrf,dbsf" example:"minmax"`
	Depth        *int               `json:"depth,omitempty" doc:"How many candidates each search gives to the stages after it; at least k. The default is 10 k, at least 100." minimum:"1" maximum:"10000" example:"200"`
	Recency      *Recency           `json:"recency,omitempty" doc:"How scores decay with age. The default is the collection's, else not at all."`
	Rerank       *Rerank            `json:"rerank,omitempty" doc:"The re-ranker. The default is the collection's, else none."`
	MinScore     map[string]float64 `json:"min_score,omitempty" doc:"Least scores by component: score, fused, dense, lexical or rerank. A hit that has less of one, or lacks it, is dropped." maxProperties:"5" example:"{\"dense\":0.3}"`
	Collapse     *float64           `json:"collapse,omitempty" doc:"Of passages that are nearly the same show only the best: those whose shingles of 3 words have a Jaccard similarity of so much." minimum:"0" maximum:"1" example:"0.9"`
	PerDocument  *int               `json:"per_document,omitempty" doc:"Most hits of one document." minimum:"1" example:"2"`
	PerSource    *int               `json:"per_source,omitempty" doc:"Most hits of one source: documents with the same metadata source, else the same host or folder of their URI." minimum:"1" example:"3"`
	Diversity    *float64           `json:"diversity,omitempty" doc:"Pick hits that are unlike those before them (MMR): 0 looks at relevance alone, 1 at difference alone." minimum:"0" maximum:"1" example:"0.3"`
	Expand       *Expand            `json:"expand,omitempty" doc:"Show more of a document around its hits in the context."`
	BudgetTokens *int               `json:"budget_tokens,omitempty" doc:"Most tokens of the assembled context." minimum:"1" maximum:"1000000" default:"2000" example:"2000"`
	Tokenizer    string             `json:"tokenizer,omitempty" doc:"What counts the budget, by the name of an encoding or a model. The default is the node's." example:"gpt-4o"`
	Form         lode.ContextForm   `json:"form,omitempty" doc:"How the context is written." enum:"text,markdown,messages" default:"text" example:"markdown"`
	Timeout      *lode.Period       `json:"timeout,omitempty" doc:"Answer about then with what there is, 1ms to 10m; partial says what is missing. The default is no such end." example:"500ms"`
	Explain      bool               `json:"explain,omitempty" doc:"Tell what each stage did, and why each hit stands where it does."`
}

// Expand shows neighbours of hits in the context.
type Expand struct {
	Before       int  `json:"before,omitempty" doc:"Passages of the document before a hit." minimum:"0" maximum:"20" example:"1"`
	After        int  `json:"after,omitempty" doc:"Passages of the document after a hit." minimum:"0" maximum:"20" example:"1"`
	Parent       bool `json:"parent,omitempty" doc:"Show the whole section where two of its passages are hits."`
	ParentTokens int  `json:"parent_tokens,omitempty" doc:"Most tokens of such a section; the default is 1500." minimum:"1" maximum:"100000" example:"1500"`
}

// Retrieved answers a [Retrieve].
type Retrieved struct {
	Mode          lode.Mode         `json:"mode" doc:"The searches that answered." enum:"dense,lexical,hybrid" example:"hybrid"`
	DenseWeight   *float64          `json:"dense_weight,omitempty" doc:"Weight of the dense search, in hybrid mode." example:"0.2"`
	WeightReason  string            `json:"weight_reason,omitempty" doc:"Where that weight came from."`
	Partial       bool              `json:"partial,omitempty" doc:"The timeout was over before the question was answered in full."`
	PartialReason string            `json:"partial_reason,omitempty" doc:"What is missing then." example:"the dense search did not finish"`
	Suggestions   []Suggestion      `json:"suggestions,omitempty" doc:"Words of the question as documents spell them, where few passages hold them."`
	Hits          []Hit             `json:"hits" doc:"The passages, best first."`
	Context       Context           `json:"context" doc:"The best passages as text for a model, within the token budget."`
	Explanation   *QueryExplanation `json:"explanation,omitempty" doc:"What each stage did, when the question asked for it."`
}

// Suggestion is a word of the question, and one that documents hold.
type Suggestion struct {
	Word    string `json:"word" doc:"The word as the question has it." example:"instal"`
	Instead string `json:"instead" doc:"A word like it that documents hold." example:"install"`
	Rows    int    `json:"rows" doc:"Passages that hold it and may be seen, counted up to 1000." example:"12"`
}

// Hit is one passage found.
type Hit struct {
	Score        float64                 `json:"score" doc:"What the order is by: fused and 0 to 1 in hybrid mode, else the search's own." example:"0.83"`
	DenseScore   *float64                `json:"dense_score,omitempty" doc:"Score of the dense search; missing when it did not propose the passage." example:"0.61"`
	LexicalScore *float64                `json:"lexical_score,omitempty" doc:"BM25 score; missing when the lexical search did not propose the passage." example:"12.4"`
	RerankScore  *float64                `json:"rerank_score,omitempty" doc:"Score of the re-ranker; missing when it was not asked about the passage." example:"0.92"`
	Collection   string                  `json:"collection,omitempty" doc:"Where the passage is from, in a question to several collections." example:"docs"`
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
	Header       *ChunkHeader            `json:"header,omitempty" doc:"What stands above the text for a reader: the header of the table that the passage begins inside of."`
	Bronze       *lode.Hash              `json:"bronze,omitempty" doc:"SHA-256 of the bytes as received; missing for raw vectors."`
	Flags        []Flag                  `json:"flags,omitempty" doc:"What in the passage a model should not be trusted with."`
	Metadata     lode.Metadata           `json:"metadata,omitempty" doc:"Metadata of the document."`
	Vector       lode.Vector             `json:"vector,omitempty" doc:"The stored vector, when a search was asked for it."`
	Vectors      map[string]lode.Vector  `json:"vectors,omitempty" doc:"With it, the vector in the dense space that was searched."`
	Sparse       map[string]SparseVector `json:"sparse,omitempty" doc:"With it, the vector in the sparse space that was searched."`
	Duplicates   []lode.ChunkID          `json:"duplicates,omitempty" doc:"Passages that are nearly the same, in whose place this one is shown."`
	Explanation  *HitExplanation         `json:"explanation,omitempty" doc:"Why the hit stands where it does, when the question asked for it."`
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
	Headers    []Span       `json:"headers,omitempty" doc:"The spans of table headers that are shown above text which begins inside of their tables; no part of span and parts."`
	Flags      []Flag       `json:"flags,omitempty" doc:"What in the passage a model should not be trusted with."`
	Collection string       `json:"collection,omitempty" doc:"Where the passage is from, in a question to several collections." example:"docs"`
}
