package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"text/tabwriter"
	"unicode"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/api/v1"
	"github.com/lodedb/lode/chunker"
	"github.com/lodedb/lode/embed"
	"github.com/lodedb/lode/embed/builtin"
	"github.com/lodedb/lode/server"
)

// chunking are the flags of a chunker. What is left out has the strategy's default.
type chunking struct {
	Strategy string `help:"How text is cut: recursive, fixed, sentences, parent, semantic or whole." default:"recursive" placeholder:"NAME"`
	Min      int    `name:"min-tokens" help:"Smaller neighbours are joined." placeholder:"N"`
	Max      int    `name:"max-tokens" help:"No passage is larger." placeholder:"N"`
	Overlap  int    `help:"Tokens that a passage repeats of the one before it; of the fixed strategy alone." placeholder:"N"`
}

func (c *chunking) config() lode.ChunkerConfig {
	return lode.ChunkerConfig{Strategy: c.Strategy, MinTokens: c.Min, MaxTokens: c.Max, Overlap: c.Overlap}
}

func (c *chunking) request() *v1.Chunker {
	request := v1.Chunker(c.config())
	return &request
}

type chunkCommand struct {
	chunking
	File      string `arg:"" help:"The document; - reads standard input."`
	MediaType string `help:"What the document is, where bytes and name do not say." placeholder:"TYPE"`
	Compare   bool   `help:"Print what every strategy makes of the document, instead of its passages."`
	JSON      bool   `name:"json" help:"The same as --output json."`
}

// Help says what the flags cannot.
func (c *chunkCommand) Help() string {
	return `The file is parsed and cut as a node would, and nothing is stored. Each passage is printed with its number,
tokens, place in the canonical text, page and headings. A passage that begins inside of a table is shown below
the header of the table, marked with |. Lines with ! say what in it is hidden from readers or gives orders
to a model. The semantic strategy compares sentences by the built-in embedder.

Examples:
  lode chunk guide.md
  lode chunk guide.md --strategy parent --max-tokens 200
  lode chunk report.pdf --compare`
}

// Run prints the chunks of a file or how strategies compare.
func (c *chunkCommand) Run(ctx context.Context, std streams) error {
	std.json = std.json || c.JSON
	if c.Compare {
		return c.compare(ctx, std)
	}
	config := c.config()
	config.EnsureDefaults()
	if err := config.Validate(); err != nil {
		return usageError{err}
	}
	text, err := c.parse(ctx, std)
	if err != nil {
		return err
	}
	chunks, err := cutFile(ctx, text, config)
	if err != nil {
		return err
	}
	server.FlagChunks(text, chunks)
	report := newChunkReport(c.File, text, config, chunks)
	if std.json {
		return writeJSON(std.out, report)
	}
	return report.print(std.out)
}

// parse reads the document as a node would.
func (c *chunkCommand) parse(ctx context.Context, std streams) (*lode.SilverText, error) {
	var content []byte
	var err error
	name := c.File
	if name == "-" {
		name = ""
		content, err = io.ReadAll(io.LimitReader(std.in, server.DefaultMaxDocumentBytes+1))
	} else {
		content, err = readDocument(name)
	}
	if err != nil {
		return nil, err
	}
	text, err := server.ParseDocument(ctx, content, c.MediaType, name)
	if err != nil {
		return nil, fmt.Errorf("parse %s: %w", c.File, err)
	}
	return text, nil
}

func readDocument(name string) ([]byte, error) {
	info, err := os.Stat(name)
	switch {
	case err != nil:
		return nil, usageError{lode.Invalid("file", name, "%v", err)}
	case info.IsDir():
		return nil, usageError{lode.Invalid("file", name, "it is a folder; a document is a file")}
	}
	return os.ReadFile(name)
}

// cutFile cuts as a node does whose collection has the default embedder.
func cutFile(ctx context.Context, text *lode.SilverText, config lode.ChunkerConfig) ([]lode.Chunk, error) {
	var compare chunker.Embed
	if config.Embeds() {
		e, err := builtin.New(builtin.Options{Model: lode.DefaultEmbedder.Model})
		if err != nil {
			return nil, err
		}
		compare = func(ctx context.Context, texts []string) ([]lode.Vector, error) {
			return e.Embed(ctx, embed.Document, texts)
		}
	}
	return chunker.Chunk(ctx, text, config, compare)
}

// chunkReport is what the command says of a document in JSON.
type chunkReport struct {
	File    string             `json:"file"`
	Title   string             `json:"title,omitempty"`
	Chunker lode.ChunkerConfig `json:"chunker"`
	chunkSizes
	Chunks []fileChunk `json:"chunks"`
}

// fileChunk is a chunk that has no document yet.
type fileChunk struct {
	Number int             `json:"number"`
	Tokens int             `json:"tokens"`
	Span   lode.Span       `json:"span"`
	Page   int             `json:"page,omitempty"`
	Path   []string        `json:"path,omitempty"`
	Header *v1.ChunkHeader `json:"header,omitempty"`
	Flags  []lode.TextFlag `json:"flags,omitempty"`
	Text   string          `json:"text"`
}

// chunkSizes are the sizes of chunks in tokens.
type chunkSizes struct {
	Count  int `json:"count"`
	Total  int `json:"tokens"`
	Min    int `json:"tokens_min"`
	Median int `json:"tokens_median"`
	Max    int `json:"tokens_max"`
}

func sizesOf(chunks []lode.Chunk) chunkSizes {
	if len(chunks) == 0 {
		return chunkSizes{}
	}
	sizes, total := make([]int, len(chunks)), 0
	for i := range chunks {
		sizes[i] = chunks[i].Tokens
		total += sizes[i]
	}
	slices.Sort(sizes)
	return chunkSizes{Count: len(sizes), Total: total, Min: sizes[0], Median: sizes[len(sizes)/2], Max: sizes[len(sizes)-1]}
}

func (s chunkSizes) String() string {
	return fmt.Sprintf("%d chunks, %d tokens: least %d, median %d, most %d", s.Count, s.Total, s.Min, s.Median, s.Max)
}

func newChunkReport(file string, text *lode.SilverText, config lode.ChunkerConfig, chunks []lode.Chunk) *chunkReport {
	r := &chunkReport{File: file, Title: text.Title, Chunker: config, chunkSizes: sizesOf(chunks), Chunks: make([]fileChunk, len(chunks))}
	for i := range chunks {
		c := &chunks[i]
		r.Chunks[i] = fileChunk{Number: i + 1, Tokens: c.Tokens, Span: c.Span, Page: c.Page, Path: c.Path, Flags: c.Flags, Text: c.Text}
		if h := c.Header; h != nil {
			r.Chunks[i].Header = &v1.ChunkHeader{Text: h.Text, Span: v1.Span(h.Span)}
		}
	}
	return r
}

func (r *chunkReport) print(w io.Writer) error {
	var b strings.Builder
	for _, c := range r.Chunks {
		fmt.Fprintf(&b, "--- %d: %d tokens, bytes %d to %d", c.Number, c.Tokens, c.Span.Start, c.Span.End)
		if c.Page > 0 {
			fmt.Fprintf(&b, ", page %d", c.Page)
		}
		if len(c.Path) > 0 {
			fmt.Fprintf(&b, ", %s", strings.Join(c.Path, " > "))
		}
		b.WriteString("\n")
		for _, f := range c.Flags {
			fmt.Fprintf(&b, "! bytes %d to %d: %s, %s\n", f.Span.Start, f.Span.End, f.Kind, f.Rule)
		}
		if c.Header != nil {
			b.WriteString("| " + strings.ReplaceAll(c.Header.Text, "\n", "\n| ") + "\n")
		}
		b.WriteString(c.Text + "\n\n")
	}
	shown := strings.Map(harmless, b.String())
	b.Reset()
	b.WriteString(shown)
	fmt.Fprintf(&b, "%s: %s (%s)\n", r.File, r.chunkSizes, chunker.Fingerprint(r.Chunker))
	_, err := io.WriteString(w, b.String())
	return err
}

// harmless takes its meaning from characters by which a document could steer the terminal.
func harmless(r rune) rune {
	if unicode.IsControl(r) && r != '\n' && r != '\t' {
		return unicode.ReplacementChar
	}
	return r
}

// strategySizes is what a strategy makes of a document.
type strategySizes struct {
	Chunker lode.ChunkerConfig
	chunkSizes
}

// MarshalJSON is for a flat object.
func (s strategySizes) MarshalJSON() ([]byte, error) {
	return json.Marshal(struct {
		lode.ChunkerConfig
		chunkSizes
	}{s.Chunker, s.chunkSizes})
}

// compare prints a row for each strategy, each with the budget that was asked for.
func (c *chunkCommand) compare(ctx context.Context, std streams) error {
	if c.Strategy != lode.ChunkRecursive {
		return usageError{lode.Invalid("strategy", c.Strategy, "--compare is about every strategy")}
	}
	configs := make([]lode.ChunkerConfig, len(lode.ChunkStrategies()))
	for i, strategy := range lode.ChunkStrategies() {
		configs[i] = c.configFor(strategy)
		if err := configs[i].Validate(); err != nil {
			return usageError{err}
		}
	}
	text, err := c.parse(ctx, std)
	if err != nil {
		return err
	}
	var rows []strategySizes
	for _, config := range configs {
		chunks, err := cutFile(ctx, text, config)
		if err != nil {
			return err
		}
		rows = append(rows, strategySizes{config, sizesOf(chunks)})
	}
	if std.json {
		return writeJSON(std.out, rows)
	}
	table := tabwriter.NewWriter(std.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "STRATEGY\tCHUNKS\tTOKENS\tLEAST\tMEDIAN\tMOST\tCHUNKER")
	for _, r := range rows {
		fmt.Fprintf(table, "%s\t%d\t%d\t%d\t%d\t%d\t%s\n", r.Chunker.Strategy, r.Count, r.Total, r.Min, r.Median, r.Max, chunker.Fingerprint(r.Chunker))
	}
	return table.Flush()
}

// configFor is what was asked for as far as it can be said of a strategy.
func (c *chunkCommand) configFor(strategy string) lode.ChunkerConfig {
	config := lode.ChunkerConfig{Strategy: strategy}
	switch strategy {
	case lode.ChunkWhole:
	case lode.ChunkFixed:
		config.MaxTokens, config.Overlap = c.Max, c.Overlap
	default:
		config.MinTokens, config.MaxTokens = c.Min, c.Max
	}
	config.EnsureDefaults()
	return config
}
