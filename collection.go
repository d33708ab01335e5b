package lode

import (
	"fmt"
	"slices"
	"time"
)

// Collection is a set of documents that share an embedding space and a way of chunking.
// These settings shape the data: they are stored with it and never change, but for Tuning.
type Collection struct {
	ID        CollectionID   `cbor:"1,keyasint"`
	Name      string         `cbor:"2,keyasint"`
	Metric    Metric         `cbor:"3,keyasint"`
	Dim       int            `cbor:"4,keyasint"`
	Embedder  EmbedderConfig `cbor:"5,keyasint"`
	Chunker   ChunkerConfig  `cbor:"6,keyasint"`
	CreatedAt time.Time      `cbor:"7,keyasint"`
	// Fingerprint identifies model, tokenizer and chunker together; vectors with different
	// fingerprints never meet in one search.
	Fingerprint string `cbor:"8,keyasint"`
	Tuning      Tuning `cbor:"9,keyasint"`
	// Vectors are the named spaces of vectors that rows may have beside the one that every row
	// has, of Dim and Metric.
	Vectors []VectorSpace `cbor:"10,keyasint,omitempty"`
}

// Tuning are the settings of a collection that shape no data. They may be changed at any time.
type Tuning struct {
	// Memory says how the files of sealed segments are held in memory. The default is
	// [MemoryCached].
	Memory MemoryMode `cbor:"1,keyasint,omitempty"`
	// Indexes are the metadata fields whose payload indexes are built ahead. Those of other
	// fields are built when a filter first asks for them.
	Indexes []string `cbor:"2,keyasint,omitempty"`
	// History is how long what is replaced or deleted can still be asked for; 0: not at all.
	History Period `cbor:"3,keyasint,omitempty"`
	// HistoryFrom is since when that was kept without a gap, nil without a history. It is the
	// log's to say.
	HistoryFrom *time.Time `cbor:"4,keyasint,omitempty"`
	// HistorySince is the log entry with which the history began. What is noted of an earlier one
	// is none of it, whatever clocks say.
	HistorySince uint64 `cbor:"5,keyasint,omitempty"`
	// Ranking is what queries take where they say nothing.
	Ranking *Ranking `cbor:"6,keyasint,omitempty"`
	// Language is that of texts that come in and are neither said nor seen to be in another one. It
	// changes nothing of what is there. The default is [LanguageDefault].
	Language string `cbor:"7,keyasint,omitempty"`
	// Glossary says what words of queries are also called.
	Glossary []Synonym `cbor:"8,keyasint,omitempty"`
}

// MemoryMode says how the files of a collection are held in memory.
type MemoryMode string

// The modes.
const (
	MemoryCached MemoryMode = "cached" // what the system has room for
	MemoryPinned MemoryMode = "pinned" // all of it, always
	MemoryCold   MemoryMode = "cold"   // as little as can be
)

// MaxIndexes bounds the fields of [Tuning.Indexes].
const MaxIndexes = 64

// EnsureDefaults fills what the caller left out.
func (t *Tuning) EnsureDefaults() {
	if t.Memory == "" {
		t.Memory = MemoryCached
	}
	if t.Language == "" {
		t.Language = LanguageDefault
	}
}

// Validate checks the settings after [Tuning.EnsureDefaults].
func (t *Tuning) Validate() error {
	switch t.Memory {
	case MemoryCached, MemoryPinned, MemoryCold:
	default:
		return Invalid("memory", t.Memory, "memory must be cached, pinned or cold")
	}
	if t.History != 0 && (t.History < LeastHistory || t.History > MostHistory) {
		return Invalid("history", t.History, "history must be %s to %s, or 0 for none", LeastHistory, MostHistory)
	}
	if err := t.Ranking.Validate(); err != nil {
		return asError(err).In("ranking")
	}
	if err := ValidateLanguage(t.Language); err != nil {
		return err
	}
	if err := validateGlossary(t.Glossary); err != nil {
		return err
	}
	return t.validateIndexes()
}

func (t *Tuning) validateIndexes() error {
	if len(t.Indexes) > MaxIndexes {
		return Invalid("indexes", len(t.Indexes), "at most %d fields are indexed ahead", MaxIndexes)
	}
	for i, field := range t.Indexes {
		if err := validateLabel(fmt.Sprintf("indexes[%d]", i), field, MaxMetadataKeyBytes); err != nil {
			return err
		}
		if slices.Contains(t.Indexes[:i], field) {
			return Invalid(fmt.Sprintf("indexes[%d]", i), field, "the field is named twice")
		}
	}
	return nil
}

// TuningChange is a change of [Tuning]: what is nil stays.
type TuningChange struct {
	Memory  *MemoryMode `cbor:"1,keyasint,omitempty"`
	Indexes *[]string   `cbor:"2,keyasint,omitempty"`
	History *Period     `cbor:"3,keyasint,omitempty"`
	Ranking *Ranking    `cbor:"4,keyasint,omitempty"` // replaces all of it

	Language *string    `cbor:"5,keyasint,omitempty"`
	Glossary *[]Synonym `cbor:"6,keyasint,omitempty"` // replaces all of it
}

// Apply returns the settings as they are after a change at a time, or why they cannot be.
func (c *TuningChange) Apply(t Tuning, at time.Time) (Tuning, error) {
	if c.History != nil {
		t.History = *c.History
		t.beginHistory(at)
	}
	if c.Memory != nil {
		t.Memory = *c.Memory
	}
	if c.Indexes != nil {
		t.Indexes = *c.Indexes
	}
	if c.Ranking != nil {
		t.Ranking = c.Ranking
		if c.Ranking.IsZero() {
			t.Ranking = nil
		}
	}
	if c.Language != nil {
		t.Language = *c.Language
	}
	if c.Glossary != nil {
		t.Glossary = *c.Glossary
	}
	t.EnsureDefaults()
	return t, t.Validate()
}

// beginHistory says since when there is one, where that is news.
func (t *Tuning) beginHistory(at time.Time) {
	switch {
	case t.History == 0:
		t.HistoryFrom = nil
	case t.HistoryFrom == nil:
		t.HistoryFrom = &at
	}
}

// BeginHistory is for a collection that is made at a time.
func (c *Collection) BeginHistory(at time.Time) { c.Tuning.beginHistory(at) }

// EmbedderConfig names what turns text into vectors.
type EmbedderConfig struct {
	Provider string `cbor:"1,keyasint" json:"provider"`                  // "builtin", "local", the name of a provider of the node, or "none" for raw vectors only
	Model    string `cbor:"2,keyasint,omitempty" json:"model,omitempty"` // of the provider
	Dim      int    `cbor:"3,keyasint,omitempty" json:"dim,omitempty"`   // required but for builtin
	// Weights is the hash of what words are worth, of a collection whose embedder weighs them;
	// empty: all alike.
	Weights string `cbor:"4,keyasint,omitempty" json:"weights,omitempty"`
}

// The embedding providers that every node has, and the one that --openai-url names.
const (
	ProviderBuiltin = "builtin"
	ProviderLocal   = "local" // models in files
	ProviderOpenAI  = "openai"
	ProviderNone    = "none"
)

// DefaultEmbedder is used where a collection names none.
var DefaultEmbedder = EmbedderConfig{Provider: ProviderBuiltin, Model: "lode-en-v1", Dim: 256}

// InProcess reports whether the node itself makes the vectors, so that embedding costs time alone.
func (e EmbedderConfig) InProcess() bool {
	return e.Provider == ProviderBuiltin || e.Provider == ProviderLocal
}

// builtinModels are the models of [ProviderBuiltin]. Collections that were made before lode-en-v1
// was, name hash-v1: the model has always been stored.
var builtinModels = []EmbedderConfig{DefaultEmbedder, {Provider: ProviderBuiltin, Model: "hash-v1", Dim: 512}}

// complete fills the model and dimensions of a built-in embedder: the default model, or the one
// that has the dimensions; and the dimensions of the model.
func (e *EmbedderConfig) complete() {
	for _, m := range builtinModels {
		if (e.Model == "" || e.Model == m.Model) && (e.Dim == 0 || e.Dim == m.Dim) {
			*e = m
			return
		}
	}
}

// EnsureDefaults fills what the caller left out.
func (c *Collection) EnsureDefaults() {
	if c.Embedder.Provider == "" && c.Embedder.Model == "" && c.Embedder.Dim == 0 {
		c.Embedder = DefaultEmbedder
	}
	if c.Embedder.Provider == ProviderBuiltin {
		c.Embedder.complete()
	}
	c.Chunker.EnsureDefaults()
	if c.Metric == "" {
		c.Metric = Cosine
	}
	if c.Dim == 0 {
		c.Dim = c.Embedder.Dim
	}
	c.ensureSpaces()
	c.Tuning.EnsureDefaults()
}

// Validate checks a collection after [Collection.EnsureDefaults].
func (c *Collection) Validate() error {
	if err := ValidateCollectionName(c.Name); err != nil {
		return err
	}
	if err := c.Metric.Validate(); err != nil {
		return err
	}
	if err := c.Tuning.Validate(); err != nil {
		return err
	}
	if err := c.Embedder.validate(); err != nil {
		return asError(err).In("embedder")
	}
	if c.Dim != c.Embedder.Dim {
		return Invalid("dim", c.Dim, "dim differs from the embedder's %d", c.Embedder.Dim)
	}
	if err := c.validateSpaces(); err != nil {
		return err
	}
	if err := c.Chunker.Validate(); err != nil {
		return asError(err).In("chunker")
	}
	if c.Chunker.Embeds() && !c.Embedder.InProcess() {
		return Invalid("chunker.strategy", c.Chunker.Strategy, "the %s strategy compares sentences by an embedder in the node: builtin or local, not %s", c.Chunker.Strategy, c.Embedder.Provider)
	}
	return nil
}

func (e EmbedderConfig) validate() error {
	if ValidateCollectionName(e.Provider) != nil {
		return Invalid("provider", e.Provider, "provider must be builtin, local, none, or a provider of the node: 1 to 64 characters of a-z, 0-9, _ and -")
	}
	if e.Provider == ProviderBuiltin && !slices.Contains(builtinModels, e) {
		return Invalid("model", e.Model, "the built-in models are lode-en-v1 with 256 dimensions and hash-v1 with 512")
	}
	if e.Dim < 1 || e.Dim > MaxDim {
		return Invalid("dim", e.Dim, "dim must be 1 to %d", MaxDim)
	}
	if e.Provider == ProviderNone {
		return nil
	}
	return validateLabel("model", e.Model, 256)
}

// CollectionStats counts what a collection holds.
type CollectionStats struct {
	Documents   int `json:"documents"`   // with a searchable version
	Vectors     int `json:"vectors"`     // raw ones
	Chunks      int `json:"chunks"`      // searchable rows of documents
	Pending     int `json:"pending"`     // documents being processed
	Quarantined int `json:"quarantined"` // documents whose newest version failed
}
