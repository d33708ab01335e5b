package bench

import (
	"bufio"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/api/v1"
	"github.com/lodedb/lode/client"
)

// CorpusOptions are those of [Corpus] beside the usual ones.
type CorpusOptions struct {
	// Queries is a file with a question on each line, as text or as JSON with the member "text".
	// Without one, headings of the documents are asked for.
	Queries string
	Clients []int         // how many ask at the same time, one after the other
	Each    time.Duration // how long with each number
	K       int
	Mode    lode.Mode // empty: the node's choice
	// Create are settings of the collection beside its name.
	Create v1.CreateCollection
}

// corpusHeadings is how many headings are asked for where there are no questions.
const corpusHeadings = 1000

// Corpus measures Lode on documents of the user: a node in a process of its own takes in the
// folder o.Data, then questions are asked of it over HTTP by a growing number of clients. Recall
// is that of the search for vectors against an exact one.
func Corpus(ctx context.Context, o Options, c CorpusOptions) (*Report, error) {
	files, bytes, err := documentFiles(o.Data)
	if err != nil {
		return nil, err
	}
	if len(files) == 0 {
		return nil, lode.Invalid("data", o.Data, "the folder holds no .md, .html, .txt or .pdf files")
	}
	b := &corpusRun{Options: o, CorpusOptions: c, report: NewReport("corpus-"+filepath.Base(o.Data), "Your documents: "+filepath.Base(o.Data), o)}
	return b.report, temporary(func(dir string) error {
		if b.node, err = start(ctx, o.Binary, dir); err != nil {
			return err
		}
		defer b.node.kill()
		if err := b.ingest(ctx, files, bytes); err != nil {
			return err
		}
		questions, err := b.questions(ctx)
		if err != nil {
			return err
		}
		for _, clients := range c.Clients {
			if err := b.load(ctx, questions, clients); err != nil {
				return fmt.Errorf("%d clients: %w", clients, err)
			}
		}
		return b.state(ctx)
	})
}

type corpusRun struct {
	Options
	CorpusOptions
	report *Report
	node   *process
}

const corpusCollection = "corpus"

func (b *corpusRun) ingest(ctx context.Context, files []client.File, bytes int64) error {
	into := b.Create
	into.Name = corpusCollection
	took, ready, refused, err := ingestFolder(ctx, b.node.client, into, files)
	if err != nil {
		return err
	}
	if ready == 0 {
		return fmt.Errorf("none of %d files became searchable: %v", len(files), refused)
	}
	made, err := b.node.client.GetCollection(ctx, corpusCollection)
	if err != nil {
		return err
	}
	b.report.Data = fmt.Sprintf("%s, %d files, %.1f MB, of which %d became searchable in %d chunks", filepath.Base(b.Data), len(files), float64(bytes)/1e6, ready, made.Stats.Chunks)
	b.report.Add("documents taken in", float64(ready)/took.Seconds(), "/s")
	b.report.Add("chunks taken in", float64(made.Stats.Chunks)/took.Seconds(), "/s")
	b.report.Add("bytes taken in", float64(bytes)/1e6/took.Seconds(), "MB/s")
	b.report.Raw["documents refused, by reason"] = refused
	return nil
}

// questions are those of the file, else headings of the documents.
func (b *corpusRun) questions(ctx context.Context) ([]string, error) {
	if b.Queries != "" {
		return readQuestions(b.Queries)
	}
	var headings []string
	for doc, err := range b.node.client.Documents(ctx, corpusCollection, client.DocumentPage{}) {
		if err != nil {
			return nil, err
		}
		if doc.State != lode.StateReady {
			continue
		}
		gold, err := b.node.client.GetGold(ctx, corpusCollection, doc.ID)
		if err != nil {
			return nil, err
		}
		for _, chunk := range gold.Chunks {
			if n := len(chunk.Path); n > 0 && strings.TrimSpace(chunk.Path[n-1]) != "" {
				headings = append(headings, chunk.Path[n-1])
			} else if first, _, _ := strings.Cut(strings.TrimSpace(chunk.Text), "\n"); first != "" {
				headings = append(headings, first[:min(len(first), 200)])
			}
		}
	}
	if len(headings) == 0 {
		return nil, errors.New("the documents have nothing to ask for")
	}
	slices.Sort(headings)
	headings = slices.Compact(headings)
	random := rand.New(rand.NewPCG(b.Seed, 0))
	random.Shuffle(len(headings), func(i, j int) { headings[i], headings[j] = headings[j], headings[i] })
	b.report.Raw["questions"] = "headings of the documents"
	return headings[:min(len(headings), corpusHeadings)], nil
}

func readQuestions(path string) ([]string, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var all []string
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 2*lode.MaxQueryBytes)
	for n := 1; lines.Scan(); n++ {
		line := strings.TrimSpace(lines.Text())
		if strings.HasPrefix(line, "{") {
			var q struct{ Text string }
			if err := json.Unmarshal([]byte(line), &q); err != nil || q.Text == "" {
				return nil, lode.Invalid("queries", path, "line %d is no question: JSON with the member text is wanted", n)
			}
			line = q.Text
		}
		if line != "" {
			all = append(all, line)
		}
	}
	if err := lines.Err(); err != nil {
		return nil, err
	}
	if len(all) == 0 {
		return nil, lode.Invalid("queries", path, "the file has no questions")
	}
	return all, nil
}

// load asks with a number of clients at the same time, each a question as soon as it has the
// answer to the one before.
func (b *corpusRun) load(ctx context.Context, questions []string, clients int) error {
	fmt.Fprintf(b.Log, "asking with %d at the same time, for %s\n", clients, b.Each)
	var mu sync.Mutex
	var all []time.Duration
	begun := time.Now()
	group, ctx := errgroup.WithContext(ctx)
	for n := range clients {
		group.Go(func() error {
			var mine []time.Duration
			for i := n; time.Since(begun) < b.Each; i += clients {
				asked := time.Now()
				if _, err := b.node.client.Retrieve(ctx, corpusCollection, v1.Retrieve{Text: questions[i%len(questions)], K: &b.K, Mode: b.Mode}); err != nil {
					return err
				}
				mine = append(mine, time.Since(asked))
			}
			mu.Lock()
			defer mu.Unlock()
			all = append(all, mine...)
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return err
	}
	took := time.Since(begun)
	slices.Sort(all)
	label := fmt.Sprintf("%d clients: ", clients)
	if clients == 1 {
		label = "1 client: "
	}
	b.report.Add(label+"questions answered", float64(len(all))/took.Seconds(), "/s")
	for _, percent := range []int{50, 95, 99} {
		at := all[min(len(all)-1, len(all)*percent/100)]
		b.report.Add(fmt.Sprintf("%sp%d", label, percent), float64(at.Microseconds())/1000, "ms")
	}
	return nil
}

// state is recall, memory and disk at the end.
func (b *corpusRun) state(ctx context.Context) error {
	recall, err := b.node.client.MeasureRecall(ctx, corpusCollection, v1.MeasureRecall{K: &b.K})
	if err != nil {
		return err
	}
	b.report.Add(fmt.Sprintf("recall@%d of the search for vectors, mean", b.K), recall.Recall, "")
	b.report.Add(fmt.Sprintf("recall@%d, worst of %d queries", b.K, recall.Queries), recall.Least, "")
	resident, err := b.node.residentMB()
	if err != nil {
		return err
	}
	b.report.Add("resident memory of the node", resident, "MB")
	usage, err := b.node.client.NodeUsage(ctx)
	if err != nil {
		return err
	}
	b.report.Add("indexes in memory", float64(usage.Memory.Indexes)/1e6, "MB")
	b.report.Add("disk", float64(usage.Disk.Used)/1e6, "MB")
	return nil
}

// EnsureDefaults fills what was left out.
func (c *CorpusOptions) EnsureDefaults() {
	c.K = cmp.Or(c.K, lode.DefaultK)
	c.Each = cmp.Or(c.Each, 10*time.Second)
	if len(c.Clients) == 0 {
		c.Clients = []int{1, 2, 4, 8}
	}
}
