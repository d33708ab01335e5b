package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/api/v1"
	"github.com/lodedb/lode/retrieval/support"
)

type checkAnswerCommand struct {
	target
	past
	Context string `required:"" help:"File with the context that the answer was made of, as lode context --output json prints it." placeholder:"FILE" type:"existingfile"`
	Answer  string `arg:"" help:"File with the answer; - is standard input." default:"-"`
}

// Run prints the sentences with their verdicts, and fails when one is unsupported or a citation
// leads nowhere.
func (c *checkAnswerCommand) Run(ctx context.Context, std streams) error {
	request, err := c.request(std.in)
	if err != nil {
		return err
	}
	node, err := c.open()
	if err != nil {
		return err
	}
	if node, err = c.of(node); err != nil {
		return err
	}
	checked, err := node.CheckAnswer(ctx, c.Collection, request)
	if err != nil {
		return err
	}
	if std.json {
		err = writeJSON(std.out, checked)
	} else {
		writeChecked(std.out, checked)
	}
	if faults := faultsOf(checked); err == nil && faults > 0 {
		return partialError{fmt.Errorf("faults in the answer: %d", faults)}
	}
	return err
}

func (c *checkAnswerCommand) request(in io.Reader) (req v1.CheckAnswer, err error) {
	b, err := os.ReadFile(c.Context)
	if err != nil {
		return req, err
	}
	var from v1.Context
	if err := json.Unmarshal(b, &from); err != nil || from.Citations == nil {
		return req, usageError{lode.Invalid("context", c.Context, "the file is no context").WithHint("make it with lode context QUESTION --output json")}
	}
	req.Citations = v1.AnswerCitations(from.Citations)
	if c.Answer != "-" {
		f, err := os.Open(c.Answer)
		if err != nil {
			return req, err
		}
		defer f.Close()
		in = f
	}
	answer, err := io.ReadAll(io.LimitReader(in, support.MaxAnswerBytes+1))
	req.Answer = string(answer)
	return req, err
}

func faultsOf(checked *v1.CheckedAnswer) (n int) {
	for _, s := range checked.Sentences {
		if s.Verdict == string(support.Unsupported) || len(s.Unknown) > 0 {
			n++
		}
	}
	for _, c := range checked.Citations {
		if c.Cited && !leads(&c) {
			n++
		}
	}
	return n
}

// leads reports whether a citation leads to where its text came from: the bytes of a document, or a
// raw vector.
func leads(c *v1.CheckedCitation) bool { return c.Verified || c.Found && c.Kind == "vector" }

func writeChecked(w io.Writer, checked *v1.CheckedAnswer) {
	for _, s := range checked.Sentences {
		fmt.Fprintf(w, "%-11s %.2f  %s\n", s.Verdict, s.Score, strings.Join(strings.Fields(s.Text), " "))
		if len(s.Missing) > 0 && s.Verdict != string(support.Supported) {
			fmt.Fprintf(w, "                  not in [%d]: %s\n", s.Number, strings.Join(s.Missing, ", "))
		}
		if len(s.Unknown) > 0 {
			fmt.Fprintf(w, "                  cites what is not there: %v\n", s.Unknown)
		}
	}
	fmt.Fprintf(w, "%d of %d claims supported\n", checked.Supported, checked.Claims)
	for _, c := range checked.Citations {
		switch {
		case !c.Cited || c.Verified:
		case !c.Found || leads(&c):
			fmt.Fprintf(w, "[%d] %s: %s\n", c.Number, c.ChunkID, c.Reason)
		default:
			fmt.Fprintf(w, "[%d] %s: does not lead to the bytes that were received: %s\n", c.Number, c.ChunkID, c.Reason)
		}
	}
}
