package bench

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"path/filepath"
	"sync"
	"time"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/api/v1"
	"github.com/lodedb/lode/client"
)

// crashKills is how often the node is killed during one ingest.
const crashKills = 10

// Crash kills a node at random moments while a folder is being ingested, starts it again
// and goes on, until everything is in. After each start every acknowledged document must be
// there with its bytes, and none twice.
func Crash(ctx context.Context, o Options) (*Report, error) {
	files, _, err := documentFiles(o.Data)
	if err != nil {
		return nil, err
	}
	r := NewReport("crash", "kill -9 during ingest of "+filepath.Base(o.Data), o)
	kills := cmp.Or(o.Limit, crashKills)
	run := &crashRun{binary: o.Binary, files: files, acked: map[lode.DocID]bool{}, hashes: map[lode.DocID]lode.Hash{}, random: rand.New(rand.NewPCG(o.Seed, 0))}
	if err := run.hash(); err != nil {
		return nil, err
	}
	err = temporary(func(dir string) error {
		for range kills {
			if err := run.round(ctx, dir, true); err != nil {
				return err
			}
		}
		return run.round(ctx, dir, false)
	})
	if err != nil {
		return nil, err
	}
	r.Data = fmt.Sprintf("%s, %d files", filepath.Base(o.Data), len(files))
	r.Add("kills", float64(kills), "")
	r.Add("documents acknowledged", float64(len(run.acked)), "")
	r.Demand("acknowledged documents missing or changed", float64(run.missing), "", "<=", 0)
	r.Demand("documents doubled", float64(run.doubled), "", "<=", 0)
	r.Demand("breaches found by check", float64(run.breaches), "", "<=", 0)
	r.Raw["documents acknowledged before each kill"] = run.atKill
	return r, nil
}

type crashRun struct {
	binary string
	files  []client.File
	hashes map[lode.DocID]lode.Hash
	random *rand.Rand

	mu                         sync.Mutex
	acked                      map[lode.DocID]bool
	atKill                     []int
	missing, doubled, breaches int
}

func (run *crashRun) hash() error {
	for _, f := range run.files {
		r, err := f.Open()
		if err != nil {
			return err
		}
		content, err := io.ReadAll(r)
		if err != nil {
			return err
		}
		if err := r.Close(); err != nil {
			return err
		}
		run.hashes[f.ID] = lode.HashOf(content)
	}
	return nil
}

// round starts the node, verifies it, uploads everything again and, if told so, kills the
// node at a random moment of that.
func (run *crashRun) round(ctx context.Context, dir string, kill bool) error {
	p, err := start(ctx, run.binary, dir)
	if err != nil {
		return err
	}
	defer p.kill()
	_, err = p.client.CreateCollection(ctx, v1.CreateCollection{Name: ingestCollection})
	if err != nil && !lode.IsCode(err, lode.CodeConflict) {
		return err
	}
	if err := run.verify(ctx, p.client); err != nil {
		return err
	}
	if kill {
		timer := time.AfterFunc(time.Duration(20+run.random.IntN(800))*time.Millisecond, p.kill)
		defer timer.Stop()
	}
	ended := run.upload(ctx, p.client)
	if kill {
		run.atKill = append(run.atKill, len(run.acked))
		return nil
	}
	if ended != nil {
		return ended
	}
	if err := run.verify(ctx, p.client); err != nil {
		return err
	}
	report, err := p.client.Check(ctx)
	if err == nil {
		run.breaches += len(report.Breaches)
	}
	return err
}

// upload sends everything in small requests; it ends with an error when the node is gone.
func (run *crashRun) upload(ctx context.Context, c *client.Client) error {
	once, err := client.New(client.Options{BaseURL: c.BaseURL(), Retries: -1})
	if err != nil {
		return err
	}
	const batch = 8
	for i := 0; i < len(run.files); i += batch {
		files := run.files[i:min(i+batch, len(run.files))]
		results, err := once.UploadDocuments(ctx, ingestCollection, files, client.UploadOptions{})
		if err != nil {
			return err
		}
		run.mu.Lock()
		for _, item := range results.Items {
			if item.State == lode.StateReady {
				run.acked[item.ID] = true
			}
		}
		run.mu.Unlock()
	}
	return nil
}

func (run *crashRun) verify(ctx context.Context, c *client.Client) error {
	seen := map[lode.DocID]v1.Document{}
	for doc, err := range c.Documents(ctx, ingestCollection, client.DocumentPage{}) {
		if err != nil {
			return err
		}
		if _, twice := seen[doc.ID]; twice {
			run.doubled++
		}
		seen[doc.ID] = doc
	}
	run.compare(seen)
	return nil
}

// compare counts acknowledged documents that are not there with their bytes.
func (run *crashRun) compare(seen map[lode.DocID]v1.Document) {
	for id := range run.acked {
		doc, present := seen[id]
		if !present || doc.State != lode.StateReady || doc.Bronze == nil || *doc.Bronze != run.hashes[id] {
			run.missing++
		}
	}
}
