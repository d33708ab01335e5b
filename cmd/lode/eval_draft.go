package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"text/tabwriter"

	"golang.org/x/sync/errgroup"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/api/v1"
	"github.com/lodedb/lode/client"
	"github.com/lodedb/lode/internal/vfs"
	"github.com/lodedb/lode/retrieval/evaluation"
)

type evalDraft struct {
	target
	Questions int                   `short:"n" help:"Questions that are wanted." default:"${eval_draft}" placeholder:"N" env:"-"`
	Templates []evaluation.Template `help:"Templates to use, separated by commas." default:"keywords,heading,cloze,common" placeholder:"NAME" env:"-"`
	Seed      uint64                `help:"Of every random choice." default:"1" placeholder:"N" env:"-"`
	To        string                `short:"o" help:"File that the set is written to; the default is standard output." placeholder:"FILE" env:"-"`
	Fidelity  string                `help:"File that is told what the set is made of, as JSON." placeholder:"FILE" env:"-"`
}

// Run drafts a set of the texts of the collection. The set goes to standard output or a file, what it
// is made of to standard error.
func (c *evalDraft) Run(ctx context.Context, std streams) error {
	node, err := c.open()
	if err != nil {
		return err
	}
	chunks, err := readChunks(ctx, node, c.Collection, newTally(std, "documents"))
	if err != nil {
		return err
	}
	set, fidelity, err := evaluation.Draft(ctx, chunks, evaluation.DraftOptions{Questions: c.Questions, Templates: c.Templates, Seed: c.Seed})
	if err != nil {
		return err
	}
	lines, err := set.Encode()
	if err != nil {
		return err
	}
	if err := writeLines(std.out, c.To, lines); err != nil {
		return err
	}
	if c.Fidelity != "" {
		raw, err := json.MarshalIndent(fidelity, "", " ")
		if err != nil {
			return fmt.Errorf("encode fidelity: %w", err)
		}
		if err := os.WriteFile(c.Fidelity, append(raw, '\n'), vfs.FilePerm); err != nil {
			return err
		}
	}
	if std.json {
		return writeJSON(std.err, fidelity)
	}
	return writeFidelity(std.err, fidelity)
}

// readChunks reads the passages that searches show, up to the bound of a draft. They come in the order
// of documents, whatever came over the network first: the same collection gives the same draft.
func readChunks(ctx context.Context, node *client.Client, collection string, progress *tally) ([]evaluation.DraftChunk, error) {
	defer progress.finish()
	var documents []v1.Document
	passages := 0
	for d, err := range node.Documents(ctx, collection, client.DocumentPage{}) {
		if err != nil {
			return nil, err
		}
		if passages += d.Chunks; passages > evaluation.MaxDraftChunks {
			break
		}
		if d.CurrentVersion != 0 && d.CurrentVersion == d.Version && d.Bronze != nil {
			documents = append(documents, d)
		}
	}
	read := make([][]evaluation.DraftChunk, len(documents))
	group, within := errgroup.WithContext(ctx)
	group.SetLimit(readAtOnce)
	for i := range documents {
		progress.at(i, len(documents))
		group.Go(func() (err error) {
			read[i], err = draftChunks(within, node, collection, &documents[i])
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	var all []evaluation.DraftChunk
	for _, chunks := range read {
		all = append(all, chunks...)
	}
	return all[:min(len(all), evaluation.MaxDraftChunks)], nil
}

func draftChunks(ctx context.Context, node *client.Client, collection string, d *v1.Document) ([]evaluation.DraftChunk, error) {
	gold, err := node.GetGold(ctx, collection, d.ID)
	if lode.IsCode(err, lode.CodeNotFound) {
		return nil, nil // deleted meanwhile
	}
	if err != nil {
		return nil, err
	}
	chunks := make([]evaluation.DraftChunk, 0, len(gold.Chunks))
	for _, chunk := range gold.Chunks {
		if chunk.ID.Version != d.Version {
			return nil, nil // replaced meanwhile: its hash is another
		}
		chunks = append(chunks, evaluation.DraftChunk{
			Document: d.ID, URI: d.URI, Bronze: *d.Bronze, Title: d.Title, Path: chunk.Path, Text: chunk.Text, Span: lode.Span(chunk.Span),
		})
	}
	return chunks, nil
}

func writeFidelity(w io.Writer, f *evaluation.Fidelity) error {
	fmt.Fprintf(w, "%d questions of %d documents, drafted of %d passages, seed %d\n", f.Questions, f.Documents, f.Chunks, f.Seed)
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "TEMPLATE\tQUESTIONS\tWORDS\tIN THE TEXT")
	for _, name := range evaluation.Templates() {
		if share := f.Templates[name]; share.Questions > 0 {
			fmt.Fprintf(t, "%s\t%d\t%.1f\t%.0f %%\n", name, share.Questions, share.Words, 100*share.Overlap)
		}
	}
	if err := t.Flush(); err != nil {
		return err
	}
	for _, why := range []evaluation.Rejection{evaluation.RejectShort, evaluation.RejectDuplicate, evaluation.RejectAmbiguous, evaluation.RejectPersonal} {
		if n := f.Rejected[why]; n > 0 {
			fmt.Fprintf(w, "passages left out, %s: %d\n", why, n)
		}
	}
	_, err := fmt.Fprintf(w, "questions that another passage may answer too: %d (%.1f %%)\n", len(f.Flagged), 100*f.FlaggedShare())
	return err
}
