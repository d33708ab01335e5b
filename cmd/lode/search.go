package main

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/api/v1"
)

// question is what search and context have in common.
type question struct {
	target
	past
	Text        string    `arg:"" help:"The question."`
	K           int       `short:"k" help:"Most passages." default:"10" placeholder:"N" env:"-"`
	Filter      string    `help:"Condition on metadata as JSON, e.g. '{\"field\":\"lang\",\"eq\":\"en\"}'." placeholder:"JSON" env:"-"`
	Mode        lode.Mode `help:"dense finds by meaning, lexical by words, hybrid by both. The node chooses when none is given." placeholder:"MODE"`
	DenseWeight *float64  `help:"Weight of the dense search in hybrid mode, 0 to 1." placeholder:"W"`
	stageFlags
	Explain bool `help:"Print what each stage did." env:"-"`
}

// request is the question as it is sent.
func (q *question) request() (*v1.Retrieve, error) {
	req := &v1.Retrieve{Text: q.Text, K: &q.K, Mode: q.Mode, DenseWeight: q.DenseWeight, Explain: q.Explain}
	q.stageFlags.into(req)
	var err error
	req.Filter, err = parseFilter(q.Filter)
	return req, err
}

func (q *question) ask(ctx context.Context, req *v1.Retrieve) (*v1.Retrieved, error) {
	node, err := q.open()
	if err != nil {
		return nil, err
	}
	if node, err = q.of(node); err != nil {
		return nil, err
	}
	if len(q.Also) > 0 {
		req.Collections = append([]string{q.Collection}, q.Also...)
		return node.RetrieveSeveral(ctx, *req)
	}
	return node.Retrieve(ctx, q.Collection, *req)
}

// filterError names the filter where the error is about its JSON as a whole.
func filterError(filter string, err error) error {
	if lode.CodeOf(err) != lode.CodeInternal {
		return err
	}
	return lode.FieldError(lode.CodeMalformed, "filter", filter, "the filter is not JSON: %s", err).
		WithHint(`a filter looks like {"field": "year", "gte": 2020}`)
}

type searchCommand struct{ question }

// Run prints the best passages with where they are from.
func (c *searchCommand) Run(ctx context.Context, std streams) error {
	req, err := c.request()
	if err != nil {
		return err
	}
	answer, err := c.ask(ctx, req)
	if err != nil {
		return err
	}
	if std.json {
		return writeJSON(std.out, answer)
	}
	writeNotes(std.out, answer)
	if len(answer.Hits) == 0 {
		fmt.Fprintln(std.out, "nothing found")
	}
	for i := range answer.Hits {
		writeHit(std.out, i+1, &answer.Hits[i])
	}
	writeStages(std.out, answer.Explanation)
	return nil
}

// previewRunes is how much of a passage search shows.
const previewRunes = 240

func writeHit(w io.Writer, n int, hit *v1.Hit) {
	where := place(hit.DocumentID, hit.Title, hit.Path, hit.Page)
	if hit.Collection != "" {
		where = hit.Collection + ": " + where
	}
	fmt.Fprintf(w, "%d. %s  (score %.3f, %s)\n", n, where, hit.Score, hit.ChunkID)
	writeWhy(w, hit)
	text := []rune(strings.Join(strings.Fields(hit.Text), " "))
	if len(text) > previewRunes {
		text = append(text[:previewRunes], '…')
	}
	fmt.Fprintf(w, "   %s\n\n", string(text))
}

// place names a passage for people: document, headings, page.
func place(id lode.DocID, title string, path []string, page int) string {
	s := string(id)
	if len(path) == 0 && title != "" {
		path = []string{title}
	}
	if len(path) > 0 {
		s += " · " + strings.Join(path, " > ")
	}
	if page > 0 {
		s += fmt.Sprintf(" · p. %d", page)
	}
	return s
}

type contextCommand struct {
	question
	Budget int `help:"Most tokens of the context." default:"2000" placeholder:"N"`
	contextFlags
}

// Run prints the context alone on standard output, so that it can be piped into a prompt.
func (c *contextCommand) Run(ctx context.Context, std streams) error {
	req, err := c.request()
	if err != nil {
		return err
	}
	req.BudgetTokens = &c.Budget
	c.contextFlags.into(req)
	answer, err := c.ask(ctx, req)
	if err != nil {
		return err
	}
	if std.json {
		return writeJSON(std.out, answer.Context)
	}
	writeNotes(std.err, answer)
	writeStages(std.err, answer.Explanation)
	if len(answer.Hits) == 0 {
		fmt.Fprintln(std.err, "nothing found")
		return nil
	}
	fmt.Fprintln(std.out, answer.Context.Text)
	fmt.Fprintf(std.err, "\n%d of %d tokens; passages: %d, left out: %d\n",
		answer.Context.Tokens, answer.Context.BudgetTokens, len(answer.Context.Citations), answer.Context.Omitted)
	for _, citation := range answer.Context.Citations {
		fmt.Fprintf(std.err, "[%d] %s (%s)\n", citation.Number,
			place(citation.DocumentID, citation.Title, citation.Path, citation.Page), citation.ChunkID)
	}
	return nil
}
