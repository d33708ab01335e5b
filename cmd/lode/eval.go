package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
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
	Run      evalRun      `cmd:"" help:"Ask every question of an evaluation set and score the answers."`
	Compare  evalCompare  `cmd:"" help:"Say whether a second report is worse than a first; a gate for scripts."`
	Tune     evalTune     `cmd:"" help:"Look for better ranking settings of a collection."`
	Train    evalTrain    `cmd:"" help:"Train the re-ranker features of a collection on a set that it keeps, or on what people judged."`
	Draft    evalDraft    `cmd:"" help:"Make an evaluation set of the texts of a collection."`
	Put      evalPut      `cmd:"" help:"Have a collection keep an evaluation set."`
	Get      evalGet      `cmd:"" help:"Print an evaluation set that a collection keeps."`
	List     evalList     `cmd:"" help:"List the evaluation sets that a collection keeps."`
	Delete   evalDelete   `cmd:"" help:"Delete an evaluation set."`
	Feedback evalFeedback `cmd:"" help:"Print what people judged as a set, or judge a passage."`
}

// evalVars are the defaults of flags.
func evalVars() map[string]string {
	return map[string]string{
		"eval_parallel": strconv.Itoa(evaluation.DefaultParallel), "eval_depth": strconv.Itoa(evaluation.FullDepth),
		"eval_draft": strconv.Itoa(evaluation.DefaultDraft),
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
		err := dec.Decode(&request)
		if err == nil && dec.More() {
			err = errors.New("something follows the object")
		}
		if err != nil {
			return request, usageError{lode.FieldError(lode.CodeMalformed, "query", a.Query, "the members of the request are not JSON of a retrieve request: %s", err)}
		}
	}
	if request.Text != "" || len(request.Vector) > 0 {
		return request, usageError{lode.Invalid("query", a.Query, "text and vector come from the set")}
	}
	if request.K == nil { // as null
		request.K = &k
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
	if request.Depth == nil { // as deep as a question of the usual k, however many hits are looked at
		depth := max(*request.K, evaluation.FullDepth)
		request.Depth = &depth
	}
	if a.Parallel < 1 || a.Parallel > 64 {
		return request, usageError{lode.Invalid("parallel", a.Parallel, "parallel must be 1 to 64")}
	}
	return request, nil
}

type evalRun struct {
	target
	asked
	Set    string `arg:"" help:"An evaluation set: a file of JSON Lines, a folder in BEIR layout, or the name of one that the collection keeps."`
	K      int    `short:"k" help:"Hits of each question. Recall@100 looks at 100. Searches go as deep as for ten hits, unless --query says a depth." default:"${eval_depth}" placeholder:"N" env:"-"`
	Tokens bool   `help:"Score the context token by token, which reads the texts of documents." default:"true" negatable:"" env:"-"`
	AtNode bool   `help:"Have the node ask the questions of a set that it keeps: less travels, and nobody sees how far it is." env:"-"`
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
	report, err := c.measure(ctx, node, request, std)
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

// measure asks the questions from here, or has the node do it.
func (c *evalRun) measure(ctx context.Context, node *client.Client, request v1.Retrieve, std streams) (*evaluation.Report, error) {
	if c.AtNode {
		return c.runAtNode(ctx, node, request)
	}
	set, err := readSet(ctx, node, c.Collection, c.Set)
	if err != nil {
		return nil, err
	}
	e, err := evaluate(ctx, node, c.Collection, std)
	if err != nil {
		return nil, err
	}
	return e.run(ctx, c.Set, set, request, runOptions{parallel: c.Parallel, tokens: c.Tokens, progress: newTally(std, "questions")})
}

func writeReport(path string, report *evaluation.Report) error {
	raw, err := json.MarshalIndent(report, "", " ")
	if err != nil {
		return fmt.Errorf("encode report: %w", err)
	}
	return os.WriteFile(path, append(raw, '\n'), vfs.FilePerm)
}

// setName is what a report calls a set: no path of one machine.
func setName(name string) string { return filepath.Base(name) }
