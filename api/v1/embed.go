package v1

import "github.com/lodedb/lode"

// Limits of one [Embed].
const (
	MaxEmbedTexts     = 1024
	MaxEmbedTextBytes = 256 << 10
)

// The kinds of text.
const (
	EmbedDocument = "document"
	EmbedQuery    = "query"
)

// Embed asks for the vectors of texts: of those that a collection would have, or of an
// embedder that is named.
type Embed struct {
	Collection string    `json:"collection,omitempty" doc:"Embed as this collection does." pattern:"^[a-z0-9_-]{1,64}$" example:"docs"`
	Embedder   *Embedder `json:"embedder,omitempty" doc:"Embed with this embedder, instead of a collection's."`
	Texts      []string  `json:"texts" doc:"The texts, each of at most 256 KiB." maxItems:"1024" minItems:"1"`
	Kind       string    `json:"kind,omitempty" doc:"What the texts are: passages that are stored, or questions that are asked. Some models embed them differently." enum:"document,query" default:"document" example:"query"`
}

// Embedded is one vector for each text, in order.
type Embedded struct {
	Embedder    Embedder      `json:"embedder" doc:"What made the vectors."`
	Fingerprint string        `json:"fingerprint" doc:"Identifies the embedder: vectors with different fingerprints cannot be compared." example:"cohere/embed-v4.0/1024/raw"`
	Vectors     []lode.Vector `json:"vectors" doc:"One for each text, in order."`
}

// EmbedUsage is what embedding has cost, since the node's folder was made.
type EmbedUsage struct {
	Accounts []EmbedAccount `json:"accounts" doc:"By provider, model and collection, in this order."`
	Cache    *EmbedCache    `json:"cache,omitempty" doc:"Vectors that are kept; absent while none are."`
}

// EmbedAccount is what was embedded by one model for one collection.
type EmbedAccount struct {
	Provider   string  `json:"provider" doc:"The provider." example:"cohere"`
	Model      string  `json:"model" doc:"Its model." example:"embed-v4.0"`
	Collection string  `json:"collection,omitempty" doc:"The collection; absent for texts that were embedded for none." example:"docs"`
	Texts      int64   `json:"texts" doc:"Texts that were asked for." example:"1200"`
	Cached     int64   `json:"cached" doc:"Of them were kept from before." example:"200"`
	Shared     int64   `json:"shared" doc:"Of them shared the request of an equal text." example:"3"`
	Requests   int64   `json:"requests" doc:"Requests that were sent; one for several collections counts for each." example:"12"`
	Failed     int64   `json:"failed" doc:"Of the requests failed." example:"0"`
	Tokens     int64   `json:"tokens" doc:"Tokens, as the provider counts them, or estimated." example:"310000"`
	Estimated  int64   `json:"estimated" doc:"Of the tokens are estimated, at four bytes each." example:"0"`
	Cost       float64 `json:"cost" doc:"By the price of the time, in its currency." example:"0.0372"`
}

// EmbedCache is what is kept of vectors.
type EmbedCache struct {
	Entries int   `json:"entries" doc:"Vectors." example:"1000"`
	Bytes   int64 `json:"bytes" doc:"Of the files." example:"4120000"`
	Limit   int64 `json:"limit" doc:"Bytes that the files may take." example:"268435456"`
	Damaged int64 `json:"damaged" doc:"Entries that could not be read since the start." example:"0"`
}
