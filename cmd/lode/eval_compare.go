package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"text/tabwriter"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/retrieval/evaluation"
)

type evalCompare struct {
	A           string              `arg:"" help:"Report of a run, as what is to be held."`
	B           string              `arg:"" help:"Report of the run that is in question."`
	Metric      []evaluation.Metric `help:"What is compared, separated by commas: ndcg@10, recall@5, recall@20, recall@100, mrr, map, token_precision, token_recall, token_iou, context_waste." default:"ndcg@10" placeholder:"NAME" env:"-"`
	MinDelta    float64             `help:"The least difference of means that matters." default:"0.01" placeholder:"D" env:"-"`
	Seed        uint64              `help:"Of the bootstrap." default:"1" placeholder:"N" env:"-"`
	OtherCorpus bool                `help:"Compare also when the documents differ." env:"-"`
}

// dropError says that a comparison found a drop; the table has said the rest.
type dropError struct{ error }

func (e dropError) Unwrap() error { return e.error }

// Run compares two reports, and ends with its own exit code when the second is worse.
func (c *evalCompare) Run(_ context.Context, std streams) error {
	a, err := readReport(c.A)
	if err != nil {
		return err
	}
	b, err := readReport(c.B)
	if err != nil {
		return err
	}
	if c.MinDelta == 0 {
		c.MinDelta = -1 // the zero of the options is their default
	}
	compared, err := evaluation.Compare(a, b, evaluation.CompareOptions{Metrics: c.Metric, MinDelta: c.MinDelta, Seed: c.Seed, OtherCorpus: c.OtherCorpus})
	if err != nil {
		return err
	}
	if std.json {
		err = writeJSON(std.out, compared)
	} else {
		err = writeCompared(std.out, compared)
	}
	if err == nil && compared.Dropped() {
		return dropError{lode.Errorf(lode.CodePrecondition, "the second report is worse")}
	}
	return err
}

func readReport(path string) (*evaluation.Report, error) {
	f, err := os.Open(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil, lode.NotFound("report", path)
	} else if err != nil {
		return nil, err
	}
	defer f.Close()
	report, err := evaluation.ReadReport(f)
	if err != nil {
		return nil, fmt.Errorf("read report %s: %w", path, err)
	}
	return report, nil
}

func writeCompared(w io.Writer, c *evaluation.Compared) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "METRIC\tFIRST\tSECOND\tDIFFERENCE\t95 %\tBETTER\tWORSE\tOUTCOME")
	for _, m := range c.Comparisons {
		fmt.Fprintf(t, "%s\t%.4f\t%.4f\t%+.4f\t%+.4f to %+.4f\t%d\t%d of %d\t%s\n", m.Metric, m.A, m.B, m.Delta, m.Interval.Low, m.Interval.High, m.Better, m.Worse, m.Questions, m.Outcome)
	}
	if err := t.Flush(); err != nil {
		return err
	}
	for _, d := range c.Differences {
		if _, err := fmt.Fprintf(w, "differs: %s: %s → %s\n", d.What, orNone(d.A), orNone(d.B)); err != nil {
			return err
		}
	}
	_, err := fmt.Fprintf(w, "a difference is one when its interval excludes 0 and it is more than %g\n", c.MinDelta)
	return err
}

func orNone(s string) string {
	if s == "" {
		return "none"
	}
	return s
}

// writeScores prints the means of a run.
func writeScores(w io.Writer, r *evaluation.Report) error {
	fmt.Fprintf(w, "%s: %d questions, %d spans, collection %s: %d documents, %d chunks\n", r.Set.Name, r.Set.Questions, r.Set.Spans, r.Collection, r.Corpus.Documents, r.Corpus.Chunks)
	if r.Set.Missing > 0 {
		fmt.Fprintf(w, "%d spans are of documents that are not shown, or have another text by now: they count as not found\n", r.Set.Missing)
	}
	if r.Partial > 0 {
		fmt.Fprintf(w, "%d answers were not complete\n", r.Partial)
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, m := range evaluation.Metrics() {
		if v, measured := r.Mean.Of(m); measured {
			fmt.Fprintf(t, "%s\t%.4f\t%s\n", m, v, spread(r, m))
		}
	}
	fmt.Fprintf(t, "latency\tp50 %.1f ms\tp99 %.1f ms\n", float64(r.Latency.P50)/1e6, float64(r.Latency.P99)/1e6)
	return t.Flush()
}

// spread says how sure a mean is.
func spread(r *evaluation.Report, m evaluation.Metric) string {
	values := make([]float64, 0, len(r.Rows))
	for i := range r.Rows {
		if v, measured := r.Rows[i].Of(m); measured {
			values = append(values, v)
		}
	}
	if len(values) < 2 {
		return ""
	}
	i := evaluation.Bootstrap(values, 1)
	return fmt.Sprintf("± %.4f", math.Max(i.High-i.Low, 0)/2)
}
