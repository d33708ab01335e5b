package bench

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/api/v1"
	"github.com/lodedb/lode/client"
	"github.com/lodedb/lode/internal/report"
	"github.com/lodedb/lode/server"
)

// ingestClients is how many uploads run at the same time, as in lode ingest.
const ingestClients = 4

// ingestRounds is how often the folder is ingested into a fresh node; medians are reported.
const ingestRounds = 5

// Ingest measures a folder going into a fresh node over HTTP until every document is
// searchable, and what share of the processing time each stage took.
func Ingest(ctx context.Context, o Options) (*Report, error) {
	files, bytes, err := documentFiles(o.Data)
	if err != nil {
		return nil, err
	}
	r := NewReport("ingest", "Ingest of "+filepath.Base(o.Data), o)
	var documents, megabytes []float64
	stages := map[lode.Stage]time.Duration{}
	chunks := 0
	var refused map[string]int
	for range cmp.Or(o.Limit, ingestRounds) {
		err := withNode(ctx, o, func(_ *server.Server, c *client.Client) error {
			took, ready, why, err := ingestFolder(ctx, c, v1.CreateCollection{Name: ingestCollection}, files)
			if err != nil {
				return err
			}
			refused = why
			r.Data = fmt.Sprintf("%s, %d files, %.1f MB, of which %d became searchable", filepath.Base(o.Data), len(files), float64(bytes)/1e6, ready)
			documents = append(documents, float64(ready)/took.Seconds())
			megabytes = append(megabytes, float64(bytes)/1e6/took.Seconds())
			chunks, err = addStages(ctx, c, stages)
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	r.Add("documents per second, median", report.Median(documents), "/s")
	r.Add("bytes per second, median", report.Median(megabytes), "MB/s")
	r.Add("chunks", float64(chunks), "")
	var all time.Duration
	for _, d := range stages {
		all += d
	}
	for _, stage := range []lode.Stage{lode.StageReceive, lode.StageParse, lode.StageChunk, lode.StageEmbed, lode.StageCommit} {
		r.Add("share of "+string(stage), 100*float64(stages[stage])/float64(all), "%")
	}
	r.Raw["documents refused, by reason"] = refused
	r.Raw["documents/s by round"], r.Raw["MB/s by round"] = documents, megabytes
	return r, nil
}

// ingestFolder makes a collection, uploads the files with several clients and returns how
// long it took until all of them were searchable or refused.
func ingestFolder(ctx context.Context, c *client.Client, into v1.CreateCollection, files []client.File) (took time.Duration, ready int, refused map[string]int, err error) {
	if _, err := c.CreateCollection(ctx, into); err != nil {
		return 0, 0, nil, err
	}
	var mu sync.Mutex
	refused = map[string]int{}
	group, ctx := errgroup.WithContext(ctx)
	start := time.Now()
	for n := range ingestClients {
		group.Go(func() error {
			var mine []client.File
			for i := n; i < len(files); i += ingestClients {
				mine = append(mine, files[i])
			}
			done, err := ingest(ctx, c, into.Name, mine, func(_ lode.DocID, e *v1.ItemError) {
				mu.Lock()
				defer mu.Unlock()
				refused[string(e.Code)+": "+e.Detail]++
			})
			mu.Lock()
			defer mu.Unlock()
			ready += done
			return err
		})
	}
	err = group.Wait()
	return time.Since(start), ready, refused, err
}

const ingestCollection = "folder"

// addStages sums the recorded runs of every document.
func addStages(ctx context.Context, c *client.Client, sums map[lode.Stage]time.Duration) (chunks int, err error) {
	for item, err := range c.Documents(ctx, ingestCollection, client.DocumentPage{}) {
		if err != nil {
			return 0, err
		}
		doc, err := c.GetDocument(ctx, ingestCollection, item.ID)
		if err != nil {
			return 0, err
		}
		chunks += doc.Chunks
		for _, run := range doc.Runs {
			sums[run.Stage] += time.Duration(run.DurationNS)
		}
	}
	if len(sums) == 0 {
		return 0, errors.New("no document recorded a run")
	}
	return chunks, nil
}
