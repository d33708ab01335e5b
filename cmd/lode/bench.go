package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/api/v1"
	"github.com/lodedb/lode/bench"
)

type benchCommand struct {
	Quality benchQuality `cmd:"" help:"nDCG and recall of a data set in BEIR layout, lexical, hybrid and dense."`
	Answers benchAnswers `cmd:"" help:"Answers in the context of questions, and citations that hold."`
	Corpus  benchCorpus  `cmd:"" help:"Your own documents: ingest, latency with 1 to N clients, recall, memory."`
	Given   benchGiven   `cmd:"" help:"Vectors of another system through a graph: recall."`
	Rerank  benchRerank  `cmd:"" help:"What each re-ranker changes of hybrid queries of SciFact, Cranfield and xquad-en, and what it takes."`
	Adapt   benchAdapt   `cmd:"" help:"What adapting the built-in model to the documents of a data set in BEIR layout changes."`
	Drafts  benchDrafts  `cmd:"" help:"Whether questions drafted of a data set in BEIR layout rank systems as people do."`
	Ingest  benchIngest  `cmd:"" help:"Documents and bytes per second of a folder, and the share of each stage."`
	Spans   benchSpans   `cmd:"" help:"Follow random chunks of folders to their bytes."`
	Crash   benchCrash   `cmd:"" help:"kill -9 at random moments while a folder is ingested."`
	Backup  benchBackup  `cmd:"" help:"Backup and restore: speed, damage that is refused, searches meanwhile."`
	Flips   benchFlips   `cmd:"" help:"Single bits flipped in segments: found, refused, mended."`
	Start   benchStart   `cmd:"" help:"Time until ready, memory when idle, size of this program."`
	Writes  benchWrites  `cmd:"" help:"Acknowledged writes against the bare log store."`
	Disk    benchDisk    `cmd:"" help:"Disk space, bytes written, and a start with many collections."`
	HTTP    benchHTTP    `cmd:"" name:"http" help:"Searches for vectors over HTTP against a bare handler and the search in the process."`
	Pause   benchPause   `cmd:"" help:"For how long collections of garbage stop a node with a million vectors."`
	Ann     benchAnn     `cmd:"" help:"Recall against queries per second, latency, build and memory of vector indexes, Lode's and others'."`
	Filters benchFilters `cmd:"" help:"Searches under filters: every plan, the planner's choice, and its regret."`
	Tables  benchTables  `cmd:"" help:"Print the tables of a folder of reports as Markdown."`

	Chunking benchChunking `cmd:"" help:"How much of answers, and how much else, the chunks hold that are retrieved, for every chunking strategy."`
	Lexical  benchLexical  `cmd:"" help:"Words in a sealed segment: build, size, and queries beside another engine."`
	Retrieve benchRetrieve `cmd:"" help:"Questions to 100,000 passages: latency, share of each stage, against the searches alone."`
	Segments benchSegments `cmd:"" help:"Sealed segments: searches against memory, starts, inserts, searches beside sealing."`

	AnnEngine benchAnnEngine `cmd:"" hidden:"" help:"Serve Lode's vector indexes to a run of bench ann."`
}

// benchFlags are shared by all runs. Each starts its own nodes on empty folders.
type benchFlags struct {
	Seed   uint64 `help:"Of every random choice." default:"1" placeholder:"N"`
	Limit  int    `help:"Bound on rounds, chunks, vectors or kills; 0 is the run's own." default:"0" placeholder:"N"`
	Report string `help:"Write the report to this file too." placeholder:"FILE"`
}

func (f *benchFlags) options(std streams, data string) (bench.Options, error) {
	self, err := os.Executable()
	return bench.Options{
		Command: commandLine(data), Commit: commit, Seed: f.Seed, Limit: f.Limit, Data: data, Binary: self,
		Log: std.err, Logger: slog.New(slog.DiscardHandler),
	}, err
}

// commandLine is how a stranger repeats the run. The folder of the data stands for itself
// by its last name only, because where it lies differs from machine to machine.
func commandLine(data string) string {
	words := append([]string{"lode"}, os.Args[1:]...)
	for i, word := range words {
		if absolute, err := filepath.Abs(word); err == nil && data != "" && absolute == data {
			words[i] = "$DATA/" + filepath.Base(data)
		}
	}
	return strings.Join(words, " ")
}

// measure runs, prints the report, writes it where it was asked for, and fails when a figure
// missed its target.
func (f *benchFlags) measure(
	ctx context.Context, std streams, data string, run func(context.Context, bench.Options) (*bench.Report, error),
) error {
	o, err := f.options(std, data)
	if err != nil {
		return err
	}
	r, err := run(ctx, o)
	if err != nil {
		return err
	}
	if f.Report != "" {
		if err := r.WriteFile(f.Report); err != nil {
			return err
		}
	}
	if std.json {
		err = writeJSON(std.out, r)
	} else {
		err = bench.Tables(std.out, []*bench.Report{r})
	}
	if missed := r.Missed(); err == nil && len(missed) > 0 {
		return partialError{fmt.Errorf("%d figures missed their target", len(missed))}
	}
	return err
}

type benchQuality struct {
	benchFlags
	Data   string  `arg:"" help:"Folder with corpus.jsonl, queries.jsonl and qrels/test.tsv." type:"existingdir"`
	Target float64 `help:"nDCG@10 that the lexical mode should reach." default:"0" placeholder:"N"`
}

// Run measures retrieval quality.
func (c *benchQuality) Run(ctx context.Context, std streams) error {
	return c.measure(ctx, std, c.Data, func(ctx context.Context, o bench.Options) (*bench.Report, error) {
		return bench.Quality(ctx, o, c.Target)
	})
}

type benchDrafts struct {
	benchFlags
	Data string `arg:"" help:"Folder with corpus.jsonl, queries.jsonl and qrels/test.tsv." type:"existingdir"`
}

// Run compares drafted questions with those of people.
func (c *benchDrafts) Run(ctx context.Context, std streams) error {
	return c.measure(ctx, std, c.Data, bench.Drafts)
}

type benchAnswers struct {
	benchFlags
	Data string `arg:"" help:"Folder of the test data." type:"existingdir"`
}

// Run looks for answers in contexts.
func (c *benchAnswers) Run(ctx context.Context, std streams) error {
	return c.measure(ctx, std, c.Data, bench.Answers)
}

type benchCorpus struct {
	benchFlags
	Data     string        `arg:"" help:"Folder of documents." type:"existingdir"`
	Queries  string        `help:"File with a question on each line, as text or as JSON with the member text. The default asks for headings of the documents." type:"existingfile" placeholder:"FILE"`
	Clients  []int         `help:"How many clients ask at the same time, one number after the other." default:"1,2,4,8" placeholder:"N"`
	Each     time.Duration `help:"How long to ask with each." default:"10s" placeholder:"TIME"`
	K        int           `help:"Hits of each question." default:"10" placeholder:"N"`
	Mode     lode.Mode     `help:"dense, lexical or hybrid; the node chooses when none is given." placeholder:"MODE"`
	Model    string        `help:"Built-in embedding model." placeholder:"NAME"`
	Strategy string        `help:"How documents are cut." placeholder:"NAME"`
	Max      int           `name:"max-tokens" help:"No passage is larger." placeholder:"N"`
}

// Run measures documents of the user.
func (c *benchCorpus) Run(ctx context.Context, std streams) error {
	o := bench.CorpusOptions{Queries: c.Queries, Clients: c.Clients, Each: c.Each, K: c.K, Mode: c.Mode}
	if c.Model != "" {
		o.Create.Embedder = &v1.Embedder{Provider: lode.ProviderBuiltin, Model: c.Model}
	}
	if c.Strategy != "" || c.Max != 0 {
		o.Create.Chunker = &v1.Chunker{Strategy: c.Strategy, MaxTokens: c.Max}
	}
	if slices.ContainsFunc(c.Clients, func(n int) bool { return n < 1 || n > 256 }) {
		return usageError{lode.Invalid("clients", c.Clients, "1 to 256 clients can ask at the same time")}
	}
	o.EnsureDefaults()
	return c.measure(ctx, std, c.Data, func(ctx context.Context, with bench.Options) (*bench.Report, error) {
		return bench.Corpus(ctx, with, o)
	})
}

type benchGiven struct {
	benchFlags
	Data string `arg:"" help:"Folder with records.jsonl and embeddings.bin." type:"existingdir"`
}

// Run measures searches for given vectors.
func (c *benchGiven) Run(ctx context.Context, std streams) error {
	return c.measure(ctx, std, c.Data, bench.Given)
}

type benchRerank struct {
	benchFlags
	Data string `arg:"" help:"Folder of the data sets scifact, cranfield and xquad-en." type:"existingdir"`
}

// Run measures re-rankers.
func (c *benchRerank) Run(ctx context.Context, std streams) error {
	return c.measure(ctx, std, c.Data, bench.Rerank)
}

type benchAdapt struct {
	benchFlags
	Data    string  `arg:"" help:"Folder with corpus.jsonl, queries.jsonl and qrels/test.tsv." type:"existingdir"`
	Seconds float64 `help:"Time to train in." default:"60" placeholder:"N"`
	Batches int     `help:"Batches to train, instead of a time." placeholder:"N"`
}

// Run measures adaptation.
func (c *benchAdapt) Run(ctx context.Context, std streams) error {
	return c.measure(ctx, std, c.Data, func(ctx context.Context, o bench.Options) (*bench.Report, error) {
		return bench.Adapt(ctx, o, bench.AdaptOptions{Seconds: c.Seconds, Batches: c.Batches})
	})
}

type benchIngest struct {
	benchFlags
	Data string `arg:"" help:"Folder of documents." type:"existingdir"`
}

// Run measures ingest.
func (c *benchIngest) Run(ctx context.Context, std streams) error {
	return c.measure(ctx, std, c.Data, bench.Ingest)
}

type benchSpans struct {
	benchFlags
	Data    string   `arg:"" help:"Folder that holds the folders of documents." type:"existingdir"`
	Folders []string `arg:"" help:"Names of the folders."`
}

// Run follows chunks to their bytes.
func (c *benchSpans) Run(ctx context.Context, std streams) error {
	return c.measure(ctx, std, c.Data, func(ctx context.Context, o bench.Options) (*bench.Report, error) {
		return bench.Spans(ctx, o, c.Folders...)
	})
}

type benchCrash struct {
	benchFlags
	Data string `arg:"" help:"Folder of documents." type:"existingdir"`
}

// Run kills nodes.
func (c *benchCrash) Run(ctx context.Context, std streams) error {
	return c.measure(ctx, std, c.Data, bench.Crash)
}

type benchBackup struct {
	benchFlags
	Data string `arg:"" help:"Folder with corpus.jsonl, queries.jsonl and qrels/test.tsv." type:"existingdir"`
}

// Run measures backup and restore.
func (c *benchBackup) Run(ctx context.Context, std streams) error {
	return c.measure(ctx, std, c.Data, bench.Backup)
}

type benchFlips struct{ benchFlags }

// Run flips bits.
func (c *benchFlips) Run(ctx context.Context, std streams) error {
	return c.measure(ctx, std, "", bench.Flips)
}

type benchPause struct{ benchFlags }

// Run measures pauses.
func (c *benchPause) Run(ctx context.Context, std streams) error {
	return c.measure(ctx, std, "", bench.Pause)
}

type benchStart struct{ benchFlags }

// Run measures starts.
func (c *benchStart) Run(ctx context.Context, std streams) error {
	return c.measure(ctx, std, "", bench.Start)
}

type benchWrites struct{ benchFlags }

// Run measures writes.
func (c *benchWrites) Run(ctx context.Context, std streams) error {
	return c.measure(ctx, std, "", bench.Writes)
}

type benchDisk struct {
	benchFlags
	Data string `arg:"" help:"Folder of documents." type:"existingdir"`
}

// Run measures disk space.
func (c *benchDisk) Run(ctx context.Context, std streams) error {
	return c.measure(ctx, std, c.Data, bench.Disk)
}

type benchTables struct {
	Reports string `arg:"" help:"Folder of reports." type:"existingdir"`
	Into    string `help:"Rewrite the tables of this document, between its two marks." placeholder:"FILE"`
}

// The marks between which a document holds generated tables.
const (
	tablesBegin = "<!-- tables: generated by make bench-tables -->\n"
	tablesEnd   = "<!-- end of tables -->\n"
)

// Run prints the tables or writes them into a document.
func (c *benchTables) Run(std streams) error {
	reports, err := bench.ReadReports(c.Reports)
	if err != nil {
		return err
	}
	if c.Into == "" {
		return bench.Tables(std.out, reports)
	}
	document, err := os.ReadFile(c.Into)
	if err != nil {
		return err
	}
	text, err := annTables(string(document), c.Reports)
	if err != nil {
		return err
	}
	before, rest, begun := strings.Cut(text, tablesBegin)
	_, after, ended := strings.Cut(rest, tablesEnd)
	if !begun || !ended {
		return usageError{lode.Invalid("into", c.Into, "the document has no marks for tables")}
	}
	var tables strings.Builder
	if err := bench.Tables(&tables, reports); err != nil {
		return err
	}
	return writeDocument(c.Into, before+tablesBegin+"\n", tables.String(), tablesEnd+after)
}

func writeDocument(path string, parts ...string) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	for _, part := range parts {
		if _, err := io.WriteString(f, part); err != nil {
			f.Close()
			return err
		}
	}
	return f.Close()
}
