package rerank

import (
	"github.com/lodedb/lode"
	"github.com/lodedb/lode/internal/provider"
)

// Options configure a [Remote].
type Options struct {
	// Name is what queries ask for it by. Required.
	Name string
	// API is the protocol. Required.
	API API
	// Model is the service's name of the model. Required but for TEI, whose server has one.
	Model string
	// BatchPassages bounds the passages of one request. The default is what the API takes, at most
	// 1000, and 32 of TEI.
	BatchPassages int
	// BatchTokens bounds the tokens of one request, the query counted with each passage, unless one
	// passage alone has more. The default is 100,000, the least that Voyage's models take.
	BatchTokens int
	// PassageTokens is where a passage is cut, title and headings included, and QueryTokens where the
	// query is; by cl100k_base, which is near enough. What a model takes less of it cuts itself.
	// The defaults are 1000 and 500.
	PassageTokens, QueryTokens int
	// Provider is how requests are sent. Its BaseURL is by default the address of the service
	// itself; TEI has none. What names the service in errors, path and headers are set by New.
	Provider provider.Options
}

// EnsureDefaults fills what the caller left out.
func (o *Options) EnsureDefaults() {
	s := shapes[o.API]
	if s == nil {
		return // Validate says so
	}
	setDefault(&o.BatchPassages, s.passages)
	setDefault(&o.BatchTokens, 100_000)
	setDefault(&o.PassageTokens, 1000)
	setDefault(&o.QueryTokens, 500)
	setDefault(&o.Provider.BaseURL, s.base)
	o.Provider.Kind, o.Provider.Doing, o.Provider.Path = "re-ranker "+o.Name+" at", "re-rank passages", s.path
	o.Provider.EnsureDefaults()
}

// Validate checks the options after [Options.EnsureDefaults]. Errors name fields as settings do.
func (o *Options) Validate() error {
	s := shapes[o.API]
	switch {
	case s == nil:
		return lode.Invalid("api", o.API, "api must be one of %v", APIs())
	case o.Name == "":
		return lode.Invalid("name", "", "a re-ranker needs a name")
	case o.Model == "" && s.model:
		return lode.Invalid("model", "", "the %s API needs the name of a model", o.API)
	case o.BatchPassages < 1 || o.BatchPassages > s.most:
		return lode.Invalid("batch_passages", o.BatchPassages, "batch_passages must be 1 to %d", s.most)
	case o.BatchTokens < 1:
		return lode.Invalid("batch_tokens", o.BatchTokens, "batch_tokens must be positive")
	case o.PassageTokens < 1:
		return lode.Invalid("passage_tokens", o.PassageTokens, "passage_tokens must be positive")
	case o.QueryTokens < 1:
		return lode.Invalid("query_tokens", o.QueryTokens, "query_tokens must be positive")
	}
	return o.Provider.Validate()
}
