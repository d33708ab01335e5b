package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"iter"
	"time"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/api/v1"
	"github.com/lodedb/lode/client"
)

type collectionsCopy struct {
	connection
	From   string `arg:"" help:"The collection that is read."`
	Into   string `arg:"" help:"The collection that is written; it must exist, and may have another embedder or chunker."`
	Filter string `help:"Only what matches a condition on metadata or ids, as JSON." placeholder:"JSON" env:"-"`
}

// copied counts what a copy did.
type copied struct {
	Documents int           `json:"documents"` // copied now
	Unchanged int           `json:"unchanged"` // there before
	Vectors   int           `json:"vectors"`
	Skipped   []skipped     `json:"skipped"` // of the one collection
	Failed    []copyFailure `json:"failed"`  // in the other
}

type skipped struct {
	ID    lode.DocID    `json:"id"`
	State lode.DocState `json:"state"`
}

type copyFailure struct {
	ID    lode.DocID    `json:"id"`
	Error *v1.ItemError `json:"error"`
}

// Run copies the bytes of documents, which are processed anew, and raw vectors as they are, with
// metadata, readers and expiry. What is there already is left alone, so that a copy that was
// interrupted is gone on with by running it again.
func (c *collectionsCopy) Run(ctx context.Context, std streams) error {
	filter, err := parseFilter(c.Filter)
	if err != nil {
		return err
	}
	node, err := c.open()
	if err != nil {
		return err
	}
	if _, err := node.GetCollection(ctx, c.Into); err != nil {
		return err
	}
	job := &copyJob{collectionsCopy: c, node: node, filter: filter, std: std, shown: time.Now()}
	for _, step := range []func(context.Context) error{job.documents, job.vectors} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	return job.report()
}

type copyJob struct {
	*collectionsCopy
	node   *client.Client
	filter *lode.Filter
	std    streams
	done   copied
	shown  time.Time
	err    error // of reading, while files are given
}

// documents copies those whose newest version is searchable.
func (j *copyJob) documents(ctx context.Context) error {
	err := j.node.UploadAll(ctx, j.Into, j.files(ctx), client.UploadOptions{}, func(f client.File, r v1.DocumentResult) {
		switch {
		case r.Error != nil:
			j.done.Failed = append(j.done.Failed, copyFailure{f.ID, r.Error})
		case r.Outcome == lode.OutcomeUnchanged:
			j.done.Unchanged++
		default:
			j.done.Documents++
		}
		j.tell()
	})
	if j.err != nil {
		return j.err
	}
	return err
}

func (j *copyJob) files(ctx context.Context) iter.Seq[client.File] {
	page := client.DocumentPage{}
	if j.filter != nil {
		page.Filter = *j.filter
	}
	return func(yield func(client.File) bool) {
		for d, err := range j.node.Documents(ctx, j.From, page) {
			if err != nil {
				j.err = err
				return
			}
			if d.State != lode.StateReady {
				j.done.Skipped = append(j.done.Skipped, skipped{d.ID, d.State})
				continue
			}
			f := client.File{ID: d.ID, URI: d.URI, MediaType: d.MediaType, Metadata: d.Metadata, Readers: d.Readers, ExpiresAt: d.ExpiresAt, Language: d.Language, Size: d.Size}
			f.Open = func() (io.ReadCloser, error) {
				bronze, err := j.node.GetBronze(ctx, j.From, d.ID)
				if err != nil {
					return nil, err
				}
				return io.NopCloser(bytes.NewReader(bronze.Content)), nil
			}
			if !yield(f) {
				return
			}
		}
	}
}

// copyVectors is how many raw vectors are written at a time.
const copyVectors = 200

func (j *copyJob) vectors(ctx context.Context) error {
	var batch []v1.Point
	flush := func() error {
		if len(batch) == 0 {
			return nil
		}
		results, err := j.node.PutVectors(ctx, j.Into, batch...)
		if err != nil {
			return err
		}
		for i, r := range results.Items {
			if r.Error != nil {
				j.done.Failed = append(j.done.Failed, copyFailure{batch[i].ID, r.Error})
			} else {
				j.done.Vectors++
			}
		}
		batch = batch[:0]
		j.tell()
		return nil
	}
	for item, err := range j.node.Scroll(ctx, j.From, v1.Scroll{Filter: j.filter, Kind: "vector"}) {
		if err != nil {
			return err
		}
		point, err := j.node.GetVector(ctx, j.From, item.ID)
		if lode.IsCode(err, lode.CodeNotFound) {
			continue // deleted meanwhile
		}
		if err != nil {
			return err
		}
		point.Version = 0
		if batch = append(batch, *point); len(batch) == copyVectors {
			if err := flush(); err != nil {
				return err
			}
		}
	}
	return flush()
}

// tell says now and then how far it is.
func (j *copyJob) tell() {
	if j.std.json || time.Since(j.shown) < lineInterval {
		return
	}
	j.shown = time.Now()
	fmt.Fprintf(j.std.err, "%d documents, %d vectors\n", j.done.Documents+j.done.Unchanged, j.done.Vectors)
}

func (j *copyJob) report() error {
	d := &j.done
	if j.std.json {
		if err := writeJSON(j.std.out, d); err != nil {
			return err
		}
	} else {
		fmt.Fprintf(j.std.out, "copied %d documents and %d vectors into %s; %d documents were there\n", d.Documents, d.Vectors, j.Into, d.Unchanged)
		for _, s := range d.Skipped {
			fmt.Fprintf(j.std.err, "skipped  %s: its newest version is %s\n", s.ID, s.State)
		}
		for _, f := range d.Failed {
			fmt.Fprintf(j.std.err, "failed   %s: %s: %s\n", f.ID, f.Error.Code, f.Error.Detail)
		}
	}
	if n := len(d.Skipped) + len(d.Failed); n > 0 {
		return partialError{lode.Errorf(codePartial, "%d were not copied", n)}
	}
	return nil
}
