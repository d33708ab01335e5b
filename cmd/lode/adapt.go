package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"text/tabwriter"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/client"
	"github.com/lodedb/lode/embed/adapt"
	"github.com/lodedb/lode/embed/builtin"
	"github.com/lodedb/lode/embed/local"
	"github.com/lodedb/lode/internal/vfs"
)

type modelsAdapt struct {
	modelsFolder
	target
	Name    string  `arg:"" help:"Name of the new model."`
	Seconds float64 `help:"Time to train in." default:"60" placeholder:"N" env:"-"`
	Batches int     `help:"Batches to train, instead of a time: with the same seed and texts they give the same model." placeholder:"N" env:"-"`
	Seed    uint64  `help:"Of every random choice." default:"1" placeholder:"N" env:"-"`
	Force   bool    `help:"Write the model even if it is no better." env:"-"`
	Threads int     `help:"Threads of training; the default is one for each core." placeholder:"N" env:"-"`
}

// adapted is what a run says, and what the manifest of the model keeps.
type adapted struct {
	Collection string `json:"collection"`
	Base       string `json:"base"` // fingerprint
	*adapt.Result
}

// Run trains the built-in model further on the texts of a collection, measures it on documents that
// it did not see, and writes it where it is better.
func (c *modelsAdapt) Run(ctx context.Context, std streams) error {
	if err := c.validate(); err != nil {
		return usageError{err}
	}
	base, err := builtin.New(builtin.Options{Model: builtin.LodeEnV1})
	if err != nil {
		return err
	}
	words, err := builtin.Table()
	if err != nil {
		return err
	}
	say := func(format string, args ...any) {
		if !std.json {
			fmt.Fprintf(std.err, format+"\n", args...)
		}
	}
	documents, err := c.read(ctx, say)
	if err != nil {
		return err
	}
	result, err := adapt.Run(ctx, words, documents, adapt.Options{
		Seed: c.Seed, Time: time.Duration(c.Seconds * float64(time.Second)), Batches: c.Batches, Threads: c.Threads, Say: say,
	})
	if err != nil {
		return err
	}
	made := adapted{Collection: c.Collection, Base: base.Fingerprint(), Result: result}
	if !std.json {
		writeComparison(std.out, result)
	}
	if !result.Better() && !c.Force {
		return c.refuse(std, made)
	}
	return c.write(ctx, std, made)
}

func (c *modelsAdapt) validate() error {
	if err := local.ValidateName(c.Name); err != nil {
		return err
	}
	if c.Seconds <= 0 || c.Seconds > 86400 {
		return lode.Invalid("seconds", c.Seconds, "the time to train in is more than 0 and at most a day")
	}
	if c.Batches < 0 {
		return lode.Invalid("batches", c.Batches, "the number of batches is not negative")
	}
	if c.Threads == 0 {
		c.Threads = runtime.GOMAXPROCS(0)
	}
	if _, err := c.store().Get(c.Name); !lode.IsCode(err, lode.CodeNotFound) { // before the minute, not after it
		if err != nil {
			return err
		}
		return lode.FieldError(lode.CodeConflict, "model", c.Name, "there is a model of this name").WithHint("a model is never replaced: give the new one another name")
	}
	return nil
}

// Bounds of reading.
const (
	readAtOnce = 4       // documents asked for at the same time
	mostRead   = 200_000 // passages: more than a minute trains on, and than memory should hold
)

// read takes the passages of the documents that searches show, up to the bound.
func (c *modelsAdapt) read(ctx context.Context, say func(string, ...any)) ([]adapt.Document, error) {
	node, err := c.open()
	if err != nil {
		return nil, err
	}
	var documents []*adapt.Document
	passages := 0
	group, within := errgroup.WithContext(ctx)
	group.SetLimit(readAtOnce)
	last := time.Now()
	for d, err := range node.Documents(within, c.Collection, client.DocumentPage{}) {
		if err != nil {
			return nil, firstError(group.Wait(), err)
		}
		if d.CurrentVersion == 0 {
			continue
		}
		document := &adapt.Document{ID: string(d.ID), Title: d.Title}
		documents = append(documents, document)
		group.Go(func() error { return c.passages(within, node, d.ID, document) })
		if passages += d.Chunks; passages >= mostRead {
			say("the first %d documents have %d passages, which is enough", len(documents), passages)
			break
		}
		if time.Since(last) > lineInterval {
			last = time.Now()
			say("%d documents read", len(documents))
		}
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	all := make([]adapt.Document, len(documents))
	for i, d := range documents {
		all[i] = *d
	}
	return all, nil
}

// firstError prefers what went wrong to the cancellation that followed.
func firstError(a, b error) error {
	if a != nil {
		return a
	}
	return b
}

func (c *modelsAdapt) passages(ctx context.Context, node *client.Client, id lode.DocID, to *adapt.Document) error {
	gold, err := node.GetGold(ctx, c.Collection, id)
	if lode.IsCode(err, lode.CodeNotFound) {
		return nil // deleted meanwhile
	}
	if err != nil {
		return err
	}
	for _, chunk := range gold.Chunks {
		to.Passages = append(to.Passages, adapt.Passage{Path: chunk.Path, Text: chunk.Text})
	}
	return nil
}

func writeComparison(w io.Writer, r *adapt.Result) {
	fmt.Fprintf(w, "%d questions of held-out documents among %d passages, %d batches of %d, seed %d:\n", r.Questions, r.Passages, r.Batches, r.Batch, r.Seed)
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "\tBEFORE\tAFTER\tGAIN (95 %)")
	for _, row := range []struct {
		name string
		of   adapt.Comparison
	}{{"", r.Plain}, {" with the collection's weights", r.Weighted}} {
		fmt.Fprintf(t, "MRR@10%s\t%.4f\t%.4f\t%+.4f to %+.4f\n", row.name, row.of.Before.MRR, row.of.After.MRR, row.of.GainMRR.Low, row.of.GainMRR.High)
		fmt.Fprintf(t, "recall@10%s\t%.4f\t%.4f\t%+.4f to %+.4f\n", row.name, row.of.Before.Recall, row.of.After.Recall, row.of.GainRecall.Low, row.of.GainRecall.High)
	}
	_ = t.Flush() // to a writer whose errors show later
}

// refuse ends without a model.
func (c *modelsAdapt) refuse(std streams, made adapted) error {
	if std.json {
		if err := writeJSON(std.out, made); err != nil {
			return err
		}
	}
	return lode.Errorf(lode.CodeConflict, "the adapted model is not better on documents that it did not see: the gain of MRR@10 may be %+.4f; nothing was written", made.Plain.GainMRR.Low).
		WithHint("keep " + builtin.LodeEnV1 + ", perhaps with weights (lode collections create --idf-from), train longer with --seconds, or write it anyway with --force")
}

// write adds the model to the folder of models.
func (c *modelsAdapt) write(ctx context.Context, std streams, made adapted) error {
	store := c.store()
	if err := os.MkdirAll(store.Dir, vfs.DirPerm); err != nil {
		return fmt.Errorf("write model %s: %w", c.Name, err)
	}
	dir, err := os.MkdirTemp(store.Dir, ".adapt-")
	if err != nil {
		return fmt.Errorf("write model %s: %w", c.Name, err)
	}
	defer os.RemoveAll(dir) // the store has copied it
	if err := os.WriteFile(filepath.Join(dir, local.TableFile), made.Table, vfs.FilePerm); err != nil {
		return fmt.Errorf("write model %s: %w", c.Name, err)
	}
	how, err := json.Marshal(made)
	if err != nil {
		return err
	}
	info, err := store.Add(ctx, dir, local.Info{
		Name: c.Name, Source: fmt.Sprintf("%s, adapted to collection %s", made.Base, c.Collection), AddedAt: time.Now().UTC(), Made: how,
	})
	if err != nil {
		return err
	}
	if std.json {
		return writeJSON(std.out, info)
	}
	_, err = fmt.Fprintf(std.out, "wrote model %s: local/%s/%d/%s\nuse it:\n  lode collections create NEW --embedder local --model %s --dim %d\n  lode collections copy %s NEW\n",
		c.Name, c.Name, info.Dim, info.Digest(), c.Name, info.Dim, c.Collection)
	return err
}
