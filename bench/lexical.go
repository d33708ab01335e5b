package bench

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/lodedb/lode/index/bm25/segment"
	"github.com/lodedb/lode/internal/report"
	words "github.com/lodedb/lode/internal/text"
	"github.com/lodedb/lode/internal/vfs"
)

// LexicalOptions are those of [Lexical] beside the usual ones.
type LexicalOptions struct {
	Peers  string // folder of the programs of other engines; "": none
	Docs   string // folder of documentation in HTML that is part of the corpus; "": none
	Cache  string // folder in which corpus and indexes are kept between runs
	Rows   int    // documents
	Each   int    // queries of each length from 1 to 6
	Rounds int
}

// lexicalOptions are those of the index: text and title, with positions.
var lexicalOptions = segment.Options{Fields: 2, Positions: true, Analyzer: words.Version}

// lexicalSearch is how it is searched. A word of the title counts twice.
var lexicalSearch = segment.SearchOptions{K: 10, Boosts: []float64{1, 2}}

// lexicalAlike is how bleve scores: title and text are one field for it, k1 and b are the usual ones.
var lexicalAlike = segment.SearchOptions{K: 10, K1: 1.2, B: 0.75}

// lexicalMemory is what the index is built with; see [segment.BuilderOptions].
const lexicalMemory = 256 << 20

// Lexical measures a lexical segment of documents that a bigram model writes: build, size, and
// queries of 1 to 6 words beside another engine, whose rounds alternate with ours. The answers
// are compared with those that leave nothing out.
func Lexical(ctx context.Context, o Options, l LexicalOptions) (*Report, error) {
	b := &lexicalBench{Options: o, LexicalOptions: l, report: NewReport("lexical", "Words in a sealed segment", o)}
	for _, step := range []func(context.Context) error{b.prepare, b.build, b.check, b.measure} {
		if err := step(ctx); err != nil {
			return nil, errors.Join(err, b.close())
		}
	}
	return b.report, b.close()
}

type lexicalBench struct {
	Options
	LexicalOptions
	report   *Report
	corpus   string
	analyzer words.Analyzer
	queries  [][]string // by number of words
	parsed   [][]segment.Query

	mapping *vfs.Mapping
	index   *segment.Sealed
	peer    *lexicalPeer
}

func (b *lexicalBench) path(name string) string {
	kind := "lexical"
	if b.Docs != "" {
		kind = "lexical-docs"
	}
	return filepath.Join(b.Cache, fmt.Sprintf("%s-%d-%d-%s", kind, b.Rows, b.Seed, name))
}

// prepare writes the corpus and draws the queries.
func (b *lexicalBench) prepare(ctx context.Context) error {
	if err := os.MkdirAll(b.Cache, vfs.DirPerm); err != nil {
		return err
	}
	b.corpus = b.path("corpus.tsv")
	real, err := b.writeCorpus(ctx)
	if err != nil {
		return err
	}
	b.report.Data = fmt.Sprintf("%d documents: %d sections of documentation packages of Debian, the others of a bigram model of scifact, cranfield, xquad-en, go-website and rust-book, "+
		"every second with a word of its own; %d queries each of 1 to 6 words that stand in one document", b.Rows, real, b.Each)
	b.queries, err = lexicalQueries(b.corpus, b.Rows, b.Each, b.Seed, func(word string) bool {
		return len(b.analyzer.Terms(nil, word)) == 1
	})
	for _, some := range b.queries {
		var parsed []segment.Query
		for _, query := range some {
			parsed = append(parsed, segment.Parser{Analyzer: &b.analyzer}.Plain(query))
		}
		b.parsed = append(b.parsed, parsed)
	}
	return err
}

// writeCorpus writes the corpus, if an earlier run has not, and returns how many of its documents are
// real ones.
func (b *lexicalBench) writeCorpus(ctx context.Context) (real int, err error) {
	if said, err := os.ReadFile(b.corpus + ".real"); err == nil {
		_, err = fmt.Sscan(string(said), &real)
		return real, err
	}
	fmt.Fprintln(b.Log, "write the corpus")
	model, err := learnBigrams(b.Data)
	if err != nil {
		return 0, err
	}
	real, err = model.writeCorpus(b.corpus, b.Rows, b.Seed, func(out *bufio.Writer) (int, error) {
		if b.Docs == "" {
			return 0, nil
		}
		return writeDocs(ctx, out, b.Docs, b.Rows)
	})
	if err != nil {
		return 0, err
	}
	return real, os.WriteFile(b.corpus+".real", fmt.Append(nil, real), vfs.FilePerm)
}

// build builds both indexes, if an earlier run has not.
func (b *lexicalBench) build(ctx context.Context) error {
	name := b.path("lode-" + fmt.Sprint(segment.FormatVersion))
	if _, err := os.Stat(name); err != nil {
		if err := b.buildOurs(name); err != nil {
			return err
		}
	}
	var err error
	if b.mapping, err = vfs.Map(vfs.OS, name); err != nil {
		return err
	}
	begun := time.Now()
	if b.index, err = segment.Open(b.mapping.Bytes(), lexicalOptions); err != nil {
		return err
	}
	b.report.Add("open", float64(time.Since(begun).Microseconds())/1e3, "ms")
	corpus, err := os.Stat(b.corpus)
	if err != nil {
		return err
	}
	b.report.Add("corpus", float64(corpus.Size())/1e6, "MB")
	b.report.Add("lode, index", float64(len(b.mapping.Bytes()))/1e6, "MB")
	b.report.Add("lode, terms", float64(b.index.Terms()), "")
	if b.Peers == "" {
		return nil
	}
	if b.peer, err = startLexicalPeer(ctx, b.Peers, "bleve"); err != nil {
		return err
	}
	return b.buildPeer()
}

// buildOurs builds the index and keeps what that took beside it, for runs that find it there.
func (b *lexicalBench) buildOurs(name string) error {
	fmt.Fprintln(b.Log, "build the index")
	f, err := os.Create(name + ".part")
	if err != nil {
		return err
	}
	defer f.Close()
	begun := time.Now()
	builder, err := segment.NewBuilder(lexicalOptions, segment.BuilderOptions{
		Memory: lexicalMemory, Scratch: segment.InFolder(vfs.OS, b.Cache, filepath.Base(name)+".scratch"),
	})
	if err != nil {
		return err
	}
	var tokens [2][]words.Token
	var heap uint64
	err = eachLine(b.corpus, func(row int, line string) error {
		title, body, _ := strings.Cut(line, "\t")
		tokens[0] = b.analyzer.Tokens(tokens[0][:0], body)
		tokens[1] = b.analyzer.Tokens(tokens[1][:0], title)
		if row%50_000 == 0 {
			heap = max(heap, heapNow())
		}
		return builder.Add(tokens[:])
	})
	if err != nil {
		return errors.Join(err, builder.Close())
	}
	out := bufio.NewWriterSize(f, 1<<20)
	if err := errors.Join(builder.Finish(out), out.Flush()); err != nil {
		return err
	}
	took := report.Figure{Value: time.Since(begun).Seconds()}
	heap = max(heap, heapNow())
	if err := os.WriteFile(name+".took", fmt.Appendf(nil, "%f %d", took.Value, heap), vfs.FilePerm); err != nil {
		return err
	}
	return os.Rename(name+".part", name)
}

func heapNow() uint64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapInuse
}

// buildPeer builds the peer's index, if an earlier run has not, and adds what both builds took.
func (b *lexicalBench) buildPeer() error {
	folder := b.path("bleve-" + b.peer.hello.Version)
	if _, err := os.Stat(folder + ".took"); err != nil {
		fmt.Fprintln(b.Log, "build the index of bleve")
		reply, err := b.peer.ask(lexicalRequest{Verb: "build", Corpus: b.corpus, Folder: folder})
		if err != nil {
			return err
		}
		if err := os.WriteFile(folder+".took", fmt.Append(nil, reply.Seconds), vfs.FilePerm); err != nil {
			return err
		}
	}
	reply, err := b.peer.ask(lexicalRequest{Verb: "open", Folder: folder})
	if err != nil {
		return err
	}
	if reply.Rows != b.Rows {
		return fmt.Errorf("bleve holds %d rows, not %d", reply.Rows, b.Rows)
	}
	b.report.Add("bleve, index", float64(reply.Bytes)/1e6, "MB")
	b.report.Raw["bleve"] = b.peer.hello.Version + ": " + b.peer.hello.About
	return nil
}

// builds adds what building took, when it was done.
func (b *lexicalBench) builds() error {
	var seconds, heap float64
	took, err := os.ReadFile(b.path("lode-"+fmt.Sprint(segment.FormatVersion)) + ".took")
	if err != nil {
		return err
	}
	if _, err := fmt.Sscan(string(took), &seconds, &heap); err != nil {
		return err
	}
	b.report.Add("lode, build with analysis, one thread", seconds, "s")
	b.report.Add("lode, heap while building, at most", heap/1e6, "MB")
	if b.peer == nil {
		return nil
	}
	if took, err = os.ReadFile(b.path("bleve-"+b.peer.hello.Version) + ".took"); err != nil {
		return err
	}
	if _, err := fmt.Sscan(string(took), &seconds); err != nil {
		return err
	}
	b.report.Add("bleve, build with analysis", seconds, "s")
	return nil
}

// check compares answers with those of searches for everything, which can leave nothing out.
func (b *lexicalBench) check(ctx context.Context) error {
	fmt.Fprintln(b.Log, "compare answers with everything")
	views := []segment.View{{Part: b.index}}
	all := lexicalSearch
	all.K = b.Rows
	same, asked := 0, 0
	for _, some := range b.parsed {
		for _, q := range some[:min(len(some), 10)] {
			got, err := segment.Search(ctx, q, views, lexicalSearch)
			if err != nil {
				return err
			}
			want, err := segment.Search(ctx, q, views, all)
			if err != nil {
				return err
			}
			asked++
			if sameHits(got, want[:min(len(want), lexicalSearch.K)]) {
				same++
			}
		}
	}
	b.report.Demand("answers equal to those that leave nothing out", float64(same)/float64(max(asked, 1)), "", ">=", 1)
	return b.builds()
}

// sameHits reports whether two answers are equal, scores to the bit.
func sameHits(a, b []segment.Hit) bool { return slices.Equal(a, b) }

// measure asks both engines in turn.
func (b *lexicalBench) measure(ctx context.Context) error {
	ours, theirs := make([][]float64, 6), make([][]float64, 6)
	overlap, hits := 0, 0
	for round := range b.Rounds + 1 { // the first one warms up
		fmt.Fprintf(b.Log, "round %d of %d\n", round, b.Rounds)
		for n := range b.queries {
			_, took, err := b.ask(ctx, n, lexicalSearch)
			if err != nil {
				return err
			}
			if round > 0 {
				ours[n] = append(ours[n], took...)
			}
			if b.peer == nil {
				continue
			}
			reply, err := b.peer.ask(lexicalRequest{Verb: "search", Queries: b.queries[n], K: lexicalSearch.K})
			if err != nil {
				return err
			}
			if round == 0 {
				alike, _, err := b.ask(ctx, n, lexicalAlike)
				if err != nil {
					return err
				}
				o, h := common(alike, reply.Answers)
				overlap, hits = overlap+o, hits+h
				continue
			}
			for _, ns := range reply.Nanos {
				theirs[n] = append(theirs[n], float64(ns)/1e6)
			}
		}
	}
	b.figures(ours, theirs)
	if b.peer != nil {
		b.report.Add("rows in both answers, if Lode scores as bleve does (which stems otherwise)", float64(overlap)/float64(max(hits, 1)), "")
	}
	return nil
}

// ask searches for the queries of n+1 words.
func (b *lexicalBench) ask(ctx context.Context, n int, o segment.SearchOptions) (answers [][]int, ms []float64, err error) {
	views := []segment.View{{Part: b.index}}
	for i := range b.queries[n] {
		begun := time.Now()
		q := segment.Parser{Analyzer: &b.analyzer}.Plain(b.queries[n][i])
		got, err := segment.Search(ctx, q, views, o)
		if err != nil {
			return nil, nil, err
		}
		ms = append(ms, float64(time.Since(begun).Nanoseconds())/1e6)
		var rows []int
		for _, h := range got {
			rows = append(rows, int(h.Row))
		}
		answers = append(answers, rows)
	}
	return answers, ms, nil
}

// common counts the rows that are in both answers, and those in ours.
func common(ours, theirs [][]int) (both, all int) {
	for i := range ours {
		for _, row := range ours[i] {
			all++
			if slices.Contains(theirs[i], row) {
				both++
			}
		}
	}
	return both, all
}

func (b *lexicalBench) figures(ours, theirs [][]float64) {
	var allOurs, allTheirs []float64
	for n := range ours {
		length := fmt.Sprintf("%d words", n+1)
		b.addTimes("lode, "+length, ours[n])
		allOurs = append(allOurs, ours[n]...)
		if b.peer != nil {
			b.addTimes("bleve, "+length, theirs[n])
			allTheirs = append(allTheirs, theirs[n]...)
		}
	}
	b.addTimes("lode, all", allOurs)
	if b.peer == nil {
		return
	}
	b.addTimes("bleve, all", allTheirs)
	for _, p := range []float64{0.5, 0.99} {
		b.report.Demand(fmt.Sprintf("p%.0f of bleve over lode", 100*p), quantile(allTheirs, p)/quantile(allOurs, p), "", ">", 1)
	}
}

func (b *lexicalBench) addTimes(name string, ms []float64) {
	b.report.Add(name+", p50", quantile(ms, 0.5), "ms")
	b.report.Add(name+", p99", quantile(ms, 0.99), "ms")
}

// quantile is the smallest value that a share of all are not above.
func quantile(values []float64, share float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	if len(sorted) == 0 {
		return 0
	}
	return sorted[min(int(share*float64(len(sorted))), len(sorted)-1)]
}

func (b *lexicalBench) close() error {
	if b.peer != nil {
		return b.peer.close()
	}
	return nil
}
