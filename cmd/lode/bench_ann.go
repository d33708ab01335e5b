package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/bench/ann"
)

// skippedEnding marks a file of the folder of engines that says why one is missing.
const skippedEnding = ".skipped"

type benchAnn struct {
	Dataset string `help:"A folder or file of vectors (fvecs, bvecs, fbin, u8bin, f16bin, npy), mixture:n=…,dim=…,clusters=…,seed=…, or sift128, words100, mixture768." required:"" placeholder:"PATH|NAME"`
	Data    string `help:"Folder in which the named data sets lie." default:"../shared/data" env:"LODE_TESTDATA" placeholder:"DIR"`
	Queries string `help:"File of queries; else the folder's, else rows held out." placeholder:"FILE"`
	Truth   string `help:"File of exact neighbours (ivecs, bin); else the folder's, else computed." placeholder:"FILE"`
	Metric  string `help:"cosine, dot or l2; else the named data set's, else l2." placeholder:"NAME"`
	Rows    int    `help:"Take that many rows from the front; 0 is all." default:"0" placeholder:"N"`

	kernelFlag
	Engines      []string `help:"Measure these alone: names, or name/configuration." placeholder:"NAME"`
	Quantization []string `help:"Configurations of Lode: flat, none, int8, int4, bit1; the default is all." placeholder:"NAME"`
	Peers        string   `help:"Folder of other engines: programs that speak the line protocol of bench/peers." type:"existingdir" placeholder:"DIR"`
	Quick        bool     `help:"A short form with few rows and rounds, for trying things out."`

	K              int           `help:"Neighbours asked for." default:"10" placeholder:"N"`
	Ef             []int         `help:"Sweep of ef, cut where the largest recall is passed." placeholder:"N"`
	M              int           `help:"Neighbours in the graph." default:"16" placeholder:"N"`
	EfConstruction int           `help:"ef while building." default:"200" placeholder:"N"`
	Recalls        []float64     `help:"Recalls at which engines are compared." default:"0.9,0.95,0.99" placeholder:"N"`
	Rounds         int           `help:"Rounds, of which the median counts; 0 is 5." default:"0" placeholder:"N"`
	MinRound       time.Duration `help:"Least CPU time of one measurement." default:"0" placeholder:"TIME"`
	Threads        []int         `help:"Threads of concurrent searches; the default is all CPUs." placeholder:"N"`
	Builds         []int         `help:"Threads of builds: the first for Lode and hnswlib, the others for Lode's default alone, to see how it scales." default:"1" placeholder:"N"`

	Seed   uint64 `help:"Of queries held out and of graphs." default:"1" placeholder:"N"`
	Report string `help:"Write the report to this file, as JSON, and the page beside it." placeholder:"FILE"`
	HTML   string `name:"html" help:"Write the page here; the default is beside the report." placeholder:"FILE"`
	Cache  string `help:"Folder for computed neighbours and for files that engines read." placeholder:"DIR"`
}

// Run measures nearest neighbour search.
func (c *benchAnn) Run(ctx context.Context, std streams) error {
	o, err := c.annOptions(std)
	if err != nil {
		return err
	}
	r, err := ann.Run(ctx, o)
	if err != nil {
		if code := lode.CodeOf(err); code == lode.CodeInvalid {
			return usageError{err}
		}
		return err
	}
	return c.finishAnn(std, r)
}

func (c *benchAnn) annOptions(std streams) (ann.Options, error) {
	for name, value := range map[string]int{"k": c.K, "m": c.M, "ef-construction": c.EfConstruction} {
		if value < 1 { // elsewhere 0 is the default
			return ann.Options{}, usageError{lode.Invalid(name, value, "%s must be at least 1", name)}
		}
	}
	log := ann.NewLog(std.err)
	if std.json {
		log = nil // the report names what was skipped
	}
	shared, err := (&benchFlags{Seed: c.Seed}).options(std, c.Dataset)
	if err != nil {
		return ann.Options{}, err
	}
	if c.Cache, err = benchCache(c.Cache); err != nil {
		return ann.Options{}, err
	}
	name := "" // of the data
	if c.Report != "" {
		name = strings.TrimSuffix(filepath.Base(c.Report), filepath.Ext(c.Report))
	}
	engines, skipped, err := c.engines(shared.Binary)
	return ann.Options{
		Name: name, Command: c.command(), Commit: shared.Commit, Seed: shared.Seed,
		Data: ann.DataOptions{
			Dataset: c.Dataset, Folder: c.Data, Queries: c.Queries, Truth: c.Truth, Metric: lode.Metric(c.Metric),
			Rows: c.Rows, Seed: c.Seed, Cache: c.Cache,
		},
		Engines: engines, Skipped: skipped, Only: c.Engines, Builds: c.Builds, BuildAlone: []string{"lode", "hnswlib"},
		K: c.K, EF: c.Ef, M: c.M, EFConstruction: c.EfConstruction, Rounds: c.Rounds, MinRound: c.MinRound,
		Recalls: c.Recalls, Threads: c.Threads, Quick: c.Quick, Log: log,
	}, err
}

// benchCache is the folder for what runs may use again.
func benchCache(chosen string) (string, error) {
	if chosen != "" {
		return chosen, nil
	}
	base, err := os.UserCacheDir()
	if err != nil {
		return "", usageError{lode.Invalid("cache", "", "there is no folder for caches here: %v", err)}
	}
	return filepath.Join(base, "lode-bench"), nil
}

// command is how a stranger repeats the run: without the folders of this machine.
func (c *benchAnn) command() string {
	words := strings.Fields(commandLine(""))
	for i, word := range words {
		if filepath.IsAbs(word) {
			words[i] = "$DIR/" + filepath.Base(word)
		}
	}
	return strings.Join(words, " ")
}

// engines are this program, which serves Lode's indexes, and the programs of the folder.
func (c *benchAnn) engines(self string) (engines []ann.Command, skipped []ann.Skip, err error) {
	engines = []ann.Command{{Name: "lode", Argv: append([]string{self, "bench", "ann-engine", "--kernel", c.Kernel}, c.Quantization...)}}
	if c.Peers == "" {
		return engines, nil, nil
	}
	entries, err := os.ReadDir(c.Peers)
	if err != nil {
		return nil, nil, err
	}
	for _, entry := range entries {
		path, err := filepath.Abs(filepath.Join(c.Peers, entry.Name()))
		if err != nil {
			return nil, nil, err
		}
		name, isSkipped := strings.CutSuffix(entry.Name(), skippedEnding)
		switch info, err := entry.Info(); {
		case err != nil:
			return nil, nil, err
		case isSkipped:
			reason, err := os.ReadFile(path)
			if err != nil {
				return nil, nil, err
			}
			skipped = append(skipped, ann.Skip{Name: name, Reason: cmp.Or(strings.TrimSpace(string(reason)), "no reason given")})
		case info.Mode().IsRegular() && info.Mode()&0o111 != 0:
			engines = append(engines, ann.Command{Name: name, Argv: []string{path}})
		}
	}
	return engines, skipped, nil
}

// finishAnn writes report and page and prints the table. Missed targets and engines that
// failed make the exit status that of a partial success.
func (c *benchAnn) finishAnn(std streams, r *ann.Report) error {
	if c.Report != "" {
		if err := r.WriteFile(c.Report); err != nil {
			return err
		}
		c.HTML = cmp.Or(c.HTML, strings.TrimSuffix(c.Report, filepath.Ext(c.Report))+".html")
	}
	if c.HTML != "" {
		if err := r.WritePage(c.HTML); err != nil {
			return err
		}
		if !std.json {
			fmt.Fprintln(std.err, "page:", c.HTML)
		}
	}
	err := ann.Tables(std.out, []*ann.Report{r})
	if std.json {
		err = writeJSON(std.out, r)
	}
	if missed := r.Missed(); err == nil && len(missed) > 0 {
		return partialError{fmt.Errorf("%d figures missed their target", len(missed))}
	}
	return err
}

// benchAnnEngine serves Lode's indexes to the harness over the line protocol.
type benchAnnEngine struct {
	kernelFlag
	Configs []string `arg:"" optional:"" help:"Configurations to offer; the default is all."`
}

// Run answers commands until quit.
func (c *benchAnnEngine) Run(ctx context.Context, std streams) error {
	hello, engine := ann.LodeEngine(version)
	if len(c.Configs) > 0 {
		for _, name := range c.Configs {
			if !slices.ContainsFunc(hello.Configs, func(known ann.Config) bool { return known.Name == name }) {
				return usageError{lode.Invalid("quantization", name, "there is no such configuration")}
			}
		}
		hello.Configs = slices.DeleteFunc(hello.Configs, func(known ann.Config) bool { return !slices.Contains(c.Configs, known.Name) })
	}
	return ann.Serve(ctx, std.in, std.out, hello, engine)
}

// The marks between which a document holds the tables of nearest neighbours.
const (
	annTablesBegin = "<!-- nearest neighbours: generated by make bench-tables -->\n"
	annTablesEnd   = "<!-- end of nearest neighbours -->\n"
)

// annTables rewrites those tables from the reports of a folder, if the document has the
// marks.
func annTables(document, dir string) (string, error) {
	before, rest, begun := strings.Cut(document, annTablesBegin)
	_, after, ended := strings.Cut(rest, annTablesEnd)
	if !begun || !ended {
		return document, nil
	}
	reports, err := ann.ReadReports(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", err
	}
	filters, err := ann.ReadFilterReport(dir)
	if err != nil {
		return "", err
	}
	var tables strings.Builder
	if err := ann.Tables(&tables, reports); err != nil {
		return "", err
	}
	if filters != nil {
		if err := filters.Tables(&tables); err != nil {
			return "", err
		}
	}
	return before + annTablesBegin + "\n" + tables.String() + annTablesEnd + after, nil
}
