package main

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/api/v1"
	"github.com/lodedb/lode/client"
	"github.com/lodedb/lode/internal/vfs"
	"github.com/lodedb/lode/retrieval/evaluation"
)

type evalCommand struct {
	Run     evalRun     `cmd:"" help:"Ask every question of an evaluation set and score the answers."`
	Compare evalCompare `cmd:"" help:"Say whether a second report is worse than a first; a gate for scripts."`
	Tune    evalTune    `cmd:"" help:"Look for better ranking settings of a collection."`
}

// evalVars are the defaults of flags.
func evalVars() map[string]string {
	return map[string]string{
		"eval_parallel": strconv.Itoa(evaluation.DefaultParallel), "eval_depth": strconv.Itoa(evaluation.FullDepth),
		"eval_folds": strconv.Itoa(evaluation.DefaultFolds),
	}
}

// asked is how the questions of a set are asked.
type asked struct {
	Mode        lode.Mode   `help:"dense, lexical or hybrid; the node chooses when none is given." placeholder:"MODE" env:"-"`
	DenseWeight *float64    `help:"Weight of the dense search in hybrid mode, 0 to 1." placeholder:"W" env:"-"`
	Fusion      lode.Fusion `help:"minmax, rrf or dbsf." placeholder:"NAME" env:"-"`
	Filter      string      `help:"Condition on metadata as JSON." placeholder:"JSON" env:"-"`
	Budget      *int        `help:"Most tokens of the context." placeholder:"N" env:"-"`
	Query       string      `help:"Any other members of a retrieve request, as JSON: '{\"rerank\": {\"name\": \"maxsim\"}}'." placeholder:"JSON" env:"-"`
	Parallel    int         `help:"Questions asked at the same time." default:"${eval_parallel}" placeholder:"N" env:"-"`
}

// request is what every question says beside its text.
func (a *asked) request(k int) (v1.Retrieve, error) {
	request := v1.Retrieve{K: &k}
	if a.Query != "" {
		dec := json.NewDecoder(strings.NewReader(a.Query))
		dec.DisallowUnknownFields()
		if err := dec.Decode(&request); err != nil {
			return request, usageError{lode.FieldError(lode.CodeMalformed, "query", a.Query, "the members of the request are not JSON of a retrieve request: %s", err)}
		}
	}
	if request.Text != "" || len(request.Vector) > 0 {
		return request, usageError{lode.Invalid("query", a.Query, "text and vector come from the set")}
	}
	filter, err := parseFilter(a.Filter)
	if err != nil {
		return request, err
	}
	if filter != nil {
		request.Filter = filter
	}
	request.Mode, request.Fusion = cmp.Or(a.Mode, request.Mode), cmp.Or(a.Fusion, request.Fusion)
	request.DenseWeight, request.BudgetTokens = cmp.Or(a.DenseWeight, request.DenseWeight), cmp.Or(a.Budget, request.BudgetTokens)
	if a.Parallel < 1 || a.Parallel > 64 {
		return request, usageError{lode.Invalid("parallel", a.Parallel, "parallel must be 1 to 64")}
	}
	return request, nil
}

type evalRun struct {
	target
	asked
	Set    string `arg:"" help:"An evaluation set: a file of JSON Lines, a folder in BEIR layout, or the name of one that the collection keeps."`
	K      int    `short:"k" help:"Hits of each question. Recall@100 looks at 100; with fewer, the fusion looks at fewer candidates too, as it does for users who ask for fewer." default:"${eval_depth}" placeholder:"N" env:"-"`
	Tokens bool   `help:"Score the context token by token, which reads the texts of documents." default:"true" negatable:"" env:"-"`
	Report string `help:"File that the report is written to, for compare." placeholder:"FILE" env:"-"`
}

// Run asks and scores.
func (c *evalRun) Run(ctx context.Context, std streams) error {
	request, err := c.request(c.K)
	if err != nil {
		return err
	}
	node, err := c.open()
	if err != nil {
		return err
	}
	set, err := readSet(ctx, node, c.Collection, c.Set)
	if err != nil {
		return err
	}
	e, err := evaluate(ctx, node, c.Collection, std)
	if err != nil {
		return err
	}
	report, err := e.run(ctx, c.Set, set, request, runOptions{parallel: c.Parallel, tokens: c.Tokens, progress: newTally(std, "questions")})
	if err != nil {
		return err
	}
	if c.Report != "" {
		if err := writeReport(c.Report, report); err != nil {
			return err
		}
	}
	if std.json {
		return writeJSON(std.out, report)
	}
	return writeScores(std.out, report)
}

func writeReport(path string, report *evaluation.Report) error {
	raw, err := json.MarshalIndent(report, "", " ")
	if err != nil {
		return fmt.Errorf("encode report: %w", err)
	}
	return os.WriteFile(path, append(raw, '\n'), vfs.FilePerm)
}

// readSet reads a set from a file, a BEIR folder, or the collection.
func readSet(ctx context.Context, node *client.Client, collection, name string) (*evaluation.Set, error) {
	info, err := os.Stat(name)
	switch {
	case err == nil && info.IsDir():
		return evaluation.ReadBEIR(name)
	case err == nil:
		f, err := os.Open(name)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		set, err := evaluation.Read(f)
		if err != nil {
			return nil, fmt.Errorf("read set %s: %w", name, err)
		}
		return set, nil
	}
	return nil, lode.NotFound("set", name).WithHint("name a file of JSON Lines or a folder with corpus.jsonl, queries.jsonl and qrels/test.tsv")
}

// setName is what a report calls a set: no path of one machine.
func setName(name string) string { return filepath.Base(name) }
