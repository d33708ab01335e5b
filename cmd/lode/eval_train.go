package main

import (
	"context"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"text/tabwriter"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/api/v1"
	"github.com/lodedb/lode/client"
)

type evalTrain struct {
	target
	Set      string `arg:"" optional:"" help:"Name of a set that the collection keeps."`
	Feedback bool   `help:"Train on what people judged instead." env:"-"`
	Depth    *int   `help:"Candidates of each question, and of queries with the weights. The default is 50, or what the collection's own features see." placeholder:"N" env:"-"`
	Seed     int    `help:"Of folds and bootstrap." default:"1" placeholder:"N" env:"-"`
	Drafted  bool   `help:"Take a set also when most of its questions were drafted of the texts." env:"-"`
	Apply    bool   `help:"Give the collection the weights, if they are better." env:"-"`
}

// Run has the node train, and keeps what is there unless held-out questions gain.
func (c *evalTrain) Run(ctx context.Context, std streams) error {
	if (c.Set == "") != c.Feedback {
		return usageError{lode.Invalid("set", c.Set, "name a set that the collection keeps, or say --feedback: one of the two")}
	}
	node, err := c.open()
	if err != nil {
		return err
	}
	trained, err := c.train(ctx, node)
	if err != nil {
		return err
	}
	if std.json {
		return writeJSON(std.out, trained)
	}
	return writeTrained(std.out, trained, c.Collection)
}

func (c *evalTrain) train(ctx context.Context, node *client.Client) (*v1.TrainedRanking, error) {
	request := v1.TrainRanking{Depth: c.Depth, Seed: c.Seed, Drafted: c.Drafted, Apply: c.Apply}
	if c.Feedback {
		return node.TrainFeedback(ctx, c.Collection, request)
	}
	if lode.ValidateCollectionName(c.Set) != nil {
		if _, err := os.Stat(c.Set); err == nil {
			return nil, usageError{lode.Invalid("set", c.Set, "the node trains on sets that the collection keeps, not on files").
				WithHint("hand it over before: lode eval put NAME " + c.Set)}
		}
	}
	return node.TrainEvaluation(ctx, c.Collection, c.Set, request)
}

func writeTrained(w io.Writer, r *v1.TrainedRanking, collection string) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "FEATURE\tWEIGHT")
	for _, name := range slices.Sorted(maps.Keys(r.Features)) {
		fmt.Fprintf(t, "%s\t%+.3f\n", name, r.Features[name])
	}
	if err := t.Flush(); err != nil {
		return err
	}
	fmt.Fprintf(w, "trained on %d of %d questions, %d pairs among the best %d; on held-out questions ndcg@10 %.4f instead of %.4f: %+.4f (%+.4f to %+.4f)\n",
		r.Trained, r.Questions, r.Pairs, r.Depth, r.HeldOut, r.Before, r.Gain, r.Interval.Low, r.Interval.High)
	var err error
	switch {
	case r.Ranking == nil:
		_, err = fmt.Fprintln(w, "keep what queries take now: no gain was shown")
	case r.Applied:
		_, err = fmt.Fprintf(w, "collection %s: re-ranked by features\n", collection)
	default:
		_, err = fmt.Fprintln(w, "better: re-ranked by features; repeat with --apply to give the weights to the collection")
	}
	return err
}
