package segment

import (
	"github.com/lodedb/lode"
	"github.com/lodedb/lode/internal/text"
)

// Options shape an index. All but Source must be the same in all parts that are searched together.
type Options struct {
	// Fields is how many fields a row has, up to [MaxFields]; the default is one. The first one
	// should be the one with most of the text: bounds are tightest for it.
	Fields int
	// Positions says that phrases can be asked for; without, a phrase is never found. They are a
	// third of a file.
	Positions bool
	// Analyzer names what made the terms, as [text.Analyzer.Name] does; of several languages the
	// names together. [Open] refuses a file whose terms were made by others.
	Analyzer string
	// Source names what the rows of a file are those of, such as the hash of their texts. [Open]
	// refuses a file about something else. Parts that are searched together have one each.
	Source string
}

// Validate checks the ranges.
func (o Options) Validate() error {
	if o.Fields < 0 || o.Fields > MaxFields {
		return lode.Invalid("fields", o.Fields, "a lexical index has 1 to %d fields", MaxFields)
	}
	if len(o.Analyzer) > MaxAnalyzerBytes {
		return lode.Invalid("analyzer", o.Analyzer, "the name of an analyzer has at most %d bytes", MaxAnalyzerBytes)
	}
	if len(o.Source) > MaxSourceBytes {
		return lode.Invalid("source", o.Source, "the name of a source has at most %d bytes", MaxSourceBytes)
	}
	return nil
}

func (o Options) fields() int { return max(o.Fields, 1) }

// Row is what an index takes in: the tokens of each field, in order of the text. Fields at the
// end may be missing.
type Row [][]text.Token

func (r Row) check(fields int) error {
	if len(r) > fields {
		return lode.Invalid("row", len(r), "the row has %d fields, the index %d", len(r), fields)
	}
	return nil
}
