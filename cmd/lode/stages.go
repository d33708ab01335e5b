package main

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/api/v1"
)

// stageFlags are what a question can ask to be done with what was found.
type stageFlags struct {
	Also          []string           `help:"Further collections to ask at the same time." placeholder:"NAME" env:"-"`
	Syntax        lode.WordSyntax    `help:"How words are read: plain, or query for \"some words\", +word, -word and wor*." placeholder:"SYNTAX" env:"-"`
	Fusion        lode.Fusion        `help:"How the scores of the two searches become one: minmax, rrf or dbsf." placeholder:"HOW" env:"-"`
	Depth         *int               `help:"Candidates of each search." placeholder:"N" env:"-"`
	Ef            *int               `help:"Breadth of the dense search in graphs." placeholder:"N" env:"-"`
	Exact         bool               `help:"The dense search compares every row." env:"-"`
	Recency       *lode.Period       `help:"Half-life of scores, such as 30d." placeholder:"AGE" env:"-"`
	RecencyWeight float64            `help:"Share of the score that decays, 0 to 1." placeholder:"W" env:"-"`
	RecencyField  string             `help:"Time in the metadata that age is counted from." placeholder:"FIELD" env:"-"`
	Rerank        string             `help:"Re-ranker of the best candidates, or none." placeholder:"NAME" env:"-"`
	RerankDepth   int                `help:"Candidates that it sees." placeholder:"N" env:"-"`
	MinScore      map[string]float64 `help:"Least scores, such as dense=0.3;lexical=2." placeholder:"COMPONENT=SCORE" env:"-"`
	Collapse      *float64           `help:"Similarity from which passages are shown once, 0 to 1." placeholder:"S" env:"-"`
	PerDocument   *int               `help:"Most passages of one document." placeholder:"N" env:"-"`
	PerSource     *int               `help:"Most passages of one source." placeholder:"N" env:"-"`
	Diversity     *float64           `help:"0 looks at relevance alone, 1 at difference alone." placeholder:"D" env:"-"`
	Timeout       time.Duration      `help:"Answer about then with what there is." placeholder:"TIME" env:"-"`
}

// into adds the flags to a request.
func (f *stageFlags) into(req *v1.Retrieve) {
	req.Syntax, req.Fusion, req.Depth, req.Ef, req.Exact = f.Syntax, f.Fusion, f.Depth, f.Ef, f.Exact
	req.MinScore, req.Collapse, req.PerDocument, req.PerSource, req.Diversity = f.MinScore, f.Collapse, f.PerDocument, f.PerSource, f.Diversity
	if f.Recency != nil {
		req.Recency = &v1.Recency{HalfLife: *f.Recency, Weight: f.RecencyWeight, Field: f.RecencyField}
	}
	if f.Rerank != "" {
		req.Rerank = &v1.Rerank{Name: f.Rerank, Depth: f.RerankDepth}
	}
	if f.Timeout != 0 {
		limit := lode.Period(f.Timeout)
		req.Timeout = &limit
	}
}

// contextFlags say how a context is made.
type contextFlags struct {
	Form         lode.ContextForm `help:"How it is written: text, markdown or messages." placeholder:"FORM" env:"-"`
	Tokenizer    string           `help:"What counts the budget: an encoding or a model." placeholder:"NAME" env:"-"`
	Before       int              `help:"Passages to show before each." placeholder:"N" env:"-"`
	After        int              `help:"Passages to show after each." placeholder:"N" env:"-"`
	Parent       bool             `help:"Show the whole section where two of its passages are found." env:"-"`
	ParentTokens int              `help:"Most tokens of such a section." placeholder:"N" env:"-"`
}

func (f *contextFlags) into(req *v1.Retrieve) {
	req.Form, req.Tokenizer = f.Form, f.Tokenizer
	if f.Before > 0 || f.After > 0 || f.Parent {
		req.Expand = &v1.Expand{Before: f.Before, After: f.After, Parent: f.Parent, ParentTokens: f.ParentTokens}
	}
}

// writeNotes prints what there is to know beside the hits.
func writeNotes(w io.Writer, answer *v1.Retrieved) {
	if answer.Partial {
		fmt.Fprintf(w, "partial: %s\n", answer.PartialReason)
	}
	for _, s := range answer.Suggestions {
		fmt.Fprintf(w, "few passages hold %q; %d hold %q\n", s.Word, s.Rows, s.Instead)
	}
}

// writeStages prints what each stage did.
func writeStages(w io.Writer, x *v1.QueryExplanation) {
	if x == nil {
		return
	}
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "stage\tin\tout\ttime\thow")
	for _, s := range x.Stages {
		fmt.Fprintf(table, "%s\t%d\t%d\t%s\t%s\n", s.Stage, s.In, s.Out, time.Duration(s.Nanos).Round(time.Microsecond), s.Detail)
	}
	table.Flush()
}

// writeWhy prints why a hit stands where it does.
func writeWhy(w io.Writer, hit *v1.Hit) {
	x := hit.Explanation
	if x == nil {
		return
	}
	var parts, words, ranks []string
	for _, c := range x.Contributions {
		parts = append(parts, fmt.Sprintf("%s %.4g", c.Name, c.Value))
	}
	for _, r := range []struct {
		name string
		rank int
	}{{"dense", x.DenseRank}, {"lexical", x.LexicalRank}} {
		if r.rank > 0 {
			ranks = append(ranks, fmt.Sprintf("%s rank %d", r.name, r.rank))
		}
	}
	for _, t := range x.Terms {
		words = append(words, fmt.Sprintf("%s %.3g", t.Term, t.Score))
	}
	fmt.Fprintf(w, "   %.4g = %s (%s)\n", hit.Score, strings.Join(parts, " + "), strings.Join(ranks, ", "))
	if len(words) > 0 {
		fmt.Fprintf(w, "   words: %s\n", strings.Join(words, ", "))
	}
}
