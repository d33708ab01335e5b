package v1

import (
	"time"

	"github.com/lodedb/lode"
)

// CreateCollection asks for a new collection. What it settles never changes, but for memory,
// indexes, history, ranking, language and glossary.
type CreateCollection struct {
	Name     string      `json:"name" doc:"1 to 64 of a-z, 0-9, _ and -." pattern:"^[a-z0-9_-]{1,64}$" example:"docs"`
	Metric   lode.Metric `json:"metric,omitempty" doc:"How vectors are compared." enum:"cosine,dot,l2" default:"cosine" example:"cosine"`
	Embedder *Embedder   `json:"embedder,omitempty" doc:"What turns text into vectors. The default is the built-in embedder."`
	IDFFrom  string      `json:"idf_from,omitempty" doc:"A collection whose texts say what words are worth in this one: rare words more than frequent ones. Its texts are counted once, now, as far as the caller may see them; the weights never change. For embedders that weigh words, as builtin/lode-en-v1." pattern:"^[a-z0-9_-]{1,64}$" example:"docs"`
	Chunker  *Chunker    `json:"chunker,omitempty" doc:"How documents are cut into chunks. The default is heading-aware with 256 to 400 tokens."`

	Vectors map[string]VectorSpace `json:"vectors,omitempty" doc:"Spaces of vectors that rows may have beside their own, by name, of 1 to 64 bytes." maxProperties:"8"`

	Memory  lode.MemoryMode `json:"memory,omitempty" doc:"How the files of sealed segments are held in memory: what there is room for, all of it, or as little as can be." enum:"cached,pinned,cold" default:"cached" example:"cached"`
	Indexes []string        `json:"indexes,omitempty" doc:"Metadata fields that are indexed ahead; the others are when a filter first asks for them." maxItems:"64"`
	History lode.Period     `json:"history,omitempty" doc:"How long what is replaced, described in other words or deleted can still be asked for with as_of: in days (7d), or as 36h or 90m. The default keeps nothing." example:"7d"`
	Ranking *Ranking        `json:"ranking,omitempty" doc:"What queries take where they say nothing."`

	Language string         `json:"language,omitempty" doc:"Language of texts that are neither said nor seen to be in another one: two letters of ISO 639-1, or none." pattern:"^([a-z]{2}|none)$" default:"en" example:"de"`
	Glossary []lode.Synonym `json:"glossary,omitempty" doc:"What words and phrases of queries are also called: who asks for the name finds what holds the others too." maxItems:"1000"`
}

// UpdateCollection changes what may change of a collection. What is missing stays.
type UpdateCollection struct {
	Memory  *lode.MemoryMode `json:"memory,omitempty" doc:"How the files of sealed segments are held in memory." enum:"cached,pinned,cold" example:"pinned"`
	Indexes *[]string        `json:"indexes,omitempty" doc:"Metadata fields that are indexed ahead." maxItems:"64"`
	History *lode.Period     `json:"history,omitempty" doc:"How long what is replaced, described in other words or deleted can still be asked for with as_of. 0 forgets all of it, soon." example:"7d"`
	Ranking *Ranking         `json:"ranking,omitempty" doc:"What queries take where they say nothing; replaces what was there, {} takes it away."`

	Language *string         `json:"language,omitempty" doc:"Language of texts that come later and are neither said nor seen to be in another one." pattern:"^([a-z]{2}|none)$" example:"de"`
	Glossary *[]lode.Synonym `json:"glossary,omitempty" doc:"What words and phrases of queries are also called; replaces what was there, [] takes it away." maxItems:"1000"`
}

// Embedder names what turns text into vectors.
type Embedder struct {
	Provider string `json:"provider" doc:"builtin works offline, local is a model in the node's folder of models, none is for raw vectors only; any other name is that of a provider that the node is configured with, as openai." pattern:"^[a-z0-9_-]{1,64}$" example:"builtin"`
	Model    string `json:"model,omitempty" doc:"The provider's model." maxLength:"256" example:"lode-en-v1"`
	Dim      int    `json:"dim,omitempty" doc:"Dimensions of the vectors; required but for builtin." minimum:"1" maximum:"8192" example:"256"`
}

// Chunker says how documents are cut into chunks. What is missing has the strategy's default.
type Chunker struct {
	Strategy  string `json:"strategy,omitempty" doc:"recursive follows headings within a token budget; fixed makes windows of tokens; sentences joins a few; parent makes small passages of one section each; semantic cuts where sentences are least alike, for an embedder that is builtin or local; whole makes one chunk of a document." enum:"recursive,fixed,sentences,parent,semantic,whole" default:"recursive" example:"recursive"`
	MinTokens int    `json:"min_tokens,omitempty" doc:"Smaller neighbours are joined. Not for fixed and whole." minimum:"1" maximum:"8192" example:"256"`
	MaxTokens int    `json:"max_tokens,omitempty" doc:"No chunk is larger. Not for whole." minimum:"16" maximum:"8192" example:"400"`
	Overlap   int    `json:"overlap_tokens,omitempty" doc:"How many tokens at most a chunk repeats of the one before it: up to half of max_tokens, for fixed alone." minimum:"0" maximum:"4096"`
}

// Collection is a set of documents that share an embedding space and a way of chunking.
type Collection struct {
	Name        string                 `json:"name" doc:"Name of the collection." example:"docs"`
	Metric      lode.Metric            `json:"metric" doc:"How vectors are compared." enum:"cosine,dot,l2" example:"cosine"`
	Dim         int                    `json:"dim" doc:"Dimensions of every vector." example:"256"`
	Embedder    Embedder               `json:"embedder" doc:"What turns text into vectors."`
	Weights     string                 `json:"weights,omitempty" doc:"SHA-256 of what words are worth to the embedder; missing: all alike."`
	Chunker     Chunker                `json:"chunker" doc:"How documents are cut into chunks."`
	Vectors     map[string]VectorSpace `json:"vectors,omitempty" doc:"Spaces of vectors that rows may have beside their own, by name."`
	Fingerprint string                 `json:"fingerprint" doc:"Identifies model, tokenizer and chunker together."`
	Memory      lode.MemoryMode        `json:"memory" doc:"How the files of sealed segments are held in memory." enum:"cached,pinned,cold" example:"cached"`
	Indexes     []string               `json:"indexes,omitempty" doc:"Metadata fields that are indexed ahead."`
	History     lode.Period            `json:"history,omitempty" doc:"How long what is replaced or deleted can still be asked for." example:"7d"`
	HistoryFrom *time.Time             `json:"history_from,omitempty" doc:"Since when that was kept without a gap."`
	Ranking     *Ranking               `json:"ranking,omitempty" doc:"What queries take where they say nothing."`
	Language    string                 `json:"language" doc:"Language of texts that are neither said nor seen to be in another one." example:"en"`
	Glossary    []lode.Synonym         `json:"glossary,omitempty" doc:"What words and phrases of queries are also called."`
	CreatedAt   time.Time              `json:"created_at" doc:"When the collection was made."`
	Stats       *CollectionStats       `json:"stats,omitempty" doc:"What the collection holds; only when one collection is asked for."`
}

// CollectionStats counts what a collection holds.
type CollectionStats struct {
	Documents   int `json:"documents" doc:"Documents with a searchable version." example:"120"`
	Vectors     int `json:"vectors" doc:"Raw vectors." example:"0"`
	Chunks      int `json:"chunks" doc:"Searchable chunks of documents." example:"2417"`
	Pending     int `json:"pending" doc:"Documents being processed." example:"0"`
	Quarantined int `json:"quarantined" doc:"Documents whose newest version failed." example:"1"`
}

// CollectionList is a page of collections in order of name.
type CollectionList struct {
	Collections []Collection `json:"collections" doc:"The collections of this page."`
	NextCursor  string       `json:"next_cursor,omitempty" doc:"Cursor of the next page; missing on the last."`
}
