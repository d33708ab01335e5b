package bench

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"unicode"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/api/v1"
	"github.com/lodedb/lode/client"
	"github.com/lodedb/lode/internal/beir"
	"github.com/lodedb/lode/server"
)

// answerBudgets are the sizes of context that answers are looked for in, and the share of
// questions that should have theirs.
var answerBudgets = []struct {
	tokens int
	target float64
}{{400, 90}, {1500, 97}}

// answerQuestions is how many headings of the documentation are asked for.
const answerQuestions = 500

// Answers asks questions of a node with its defaults and looks whether the span that answers is
// cited in the context, and whether every citation holds: its text is the canonical text of its
// span, and that has its bytes in bronze.
func Answers(ctx context.Context, o Options) (*Report, error) {
	set, questions, err := beir.ReadQuestions(filepath.Join(o.Data, "retrieval", "xquad-en"))
	if err != nil {
		return nil, err
	}
	files, _, err := documentFiles(filepath.Join(o.Data, "corpora", "go-website"))
	if err != nil {
		return nil, err
	}
	r := NewReport("answers", "Answers in the context, and citations that hold", o)
	return r, withNode(ctx, o, func(_ *server.Server, c *client.Client) error {
		a := &answering{client: c, report: r, spans: spanCheck{client: c, layers: map[layerKey]*layers{}, broken: map[string]int{}}}
		if err := a.paragraphs(ctx, set, questions); err != nil {
			return fmt.Errorf("xquad-en: %w", err)
		}
		if err := a.documentation(ctx, o, files); err != nil {
			return fmt.Errorf("go-website: %w", err)
		}
		r.Data = fmt.Sprintf("xquad-en, %d paragraphs, %d questions; go-website, %d headings as questions", len(set.Docs), len(questions), a.headings)
		r.Add("citations checked", float64(a.citations), "")
		r.Demand("citations whose text is not that of their span", float64(a.unlike), "", "<=", 0)
		r.Demand("citations whose bytes are not in bronze", float64(a.unsourced), "", "<=", 0)
		return nil
	})
}

type answering struct {
	client *client.Client
	report *Report
	spans  spanCheck

	headings, citations, unlike, unsourced int
}

const (
	answerParagraphs    = "paragraphs"
	answerDocumentation = "documentation"
)

// paragraphs measures in how many contexts the answer stands.
func (a *answering) paragraphs(ctx context.Context, set *beir.Set, questions []beir.Question) error {
	if _, err := a.client.CreateCollection(ctx, v1.CreateCollection{Name: answerParagraphs}); err != nil {
		return err
	}
	if err := fillSet(ctx, a.client, set, answerParagraphs); err != nil {
		return err
	}
	if _, err := a.spans.chunks(ctx, answerParagraphs); err != nil {
		return err
	}
	if err := a.place(set, questions); err != nil {
		return err
	}
	for _, budget := range answerBudgets {
		held, tokens, missed := 0, 0, []string{}
		for _, question := range questions {
			answer, err := a.ask(ctx, answerParagraphs, question.Text.Text, budget.tokens)
			if err != nil {
				return fmt.Errorf("question %s: %w", question.ID, err)
			}
			tokens += answer.Context.Tokens
			if a.holds(question, answer) {
				held++
			} else {
				missed = append(missed, question.ID)
			}
		}
		n := float64(len(questions))
		name := fmt.Sprintf("xquad-en, %d tokens: ", budget.tokens)
		a.report.Demand(name+"answer cited in the context", 100*float64(held)/n, "%", ">=", budget.target)
		a.report.Add(name+"tokens of the context, mean", float64(tokens)/n, "")
		a.report.Raw[name+"questions without their answer"] = missed
	}
	return nil
}

// place moves the spans to where the paragraphs stand in the canonical texts, which begin with
// their titles.
func (a *answering) place(set *beir.Set, questions []beir.Question) error {
	texts := map[string]string{}
	for _, d := range set.Docs {
		texts[d.ID] = d.Text
	}
	for i := range questions {
		question := &questions[i]
		text := texts[question.Doc]
		from := strings.LastIndex(a.spans.layers[layerKey{answerParagraphs, lode.DocID(question.Doc)}].silver.Text, strings.TrimSpace(text))
		if from < 0 {
			return fmt.Errorf("paragraph %s is not in its canonical text", question.Doc)
		}
		from -= len(text) - len(strings.TrimLeftFunc(text, unicode.IsSpace))
		for j := range question.Spans {
			question.Spans[j].Start += from
			question.Spans[j].End += from
		}
	}
	return nil
}

// holds reports whether a citation covers a span that answers.
func (a *answering) holds(q beir.Question, answer *v1.Retrieved) bool {
	for _, c := range answer.Context.Citations {
		for _, span := range q.Spans {
			if string(c.DocumentID) == q.Doc && c.Span.Start <= span.Start && c.Span.End >= span.End {
				return true
			}
		}
	}
	return false
}

// documentation asks for headings of documents, whose formats are less plain than paragraphs.
func (a *answering) documentation(ctx context.Context, o Options, files []client.File) error {
	if _, _, _, err := ingestFolder(ctx, a.client, v1.CreateCollection{Name: answerDocumentation}, files); err != nil {
		return err
	}
	chunks, err := a.spans.chunks(ctx, answerDocumentation)
	if err != nil {
		return err
	}
	random := rand.New(rand.NewPCG(o.Seed, 0))
	random.Shuffle(len(chunks), func(i, j int) { chunks[i], chunks[j] = chunks[j], chunks[i] })
	for _, chunk := range chunks {
		if len(chunk.Path) == 0 || strings.TrimSpace(chunk.Path[len(chunk.Path)-1]) == "" {
			continue
		}
		if _, err := a.ask(ctx, answerDocumentation, chunk.Path[len(chunk.Path)-1], answerBudgets[1].tokens); err != nil {
			return fmt.Errorf("chunk %s: %w", chunk.ID, err)
		}
		if a.headings++; a.headings == answerQuestions {
			return nil
		}
	}
	return nil
}

// ask asks with the defaults and checks the citations of the answer.
func (a *answering) ask(ctx context.Context, collection, question string, budget int) (*v1.Retrieved, error) {
	answer, err := a.client.Retrieve(ctx, collection, v1.Retrieve{Text: question, BudgetTokens: &budget})
	if err != nil {
		return nil, err
	}
	if answer.Context.Tokens > budget {
		return nil, fmt.Errorf("a context of %d tokens exceeds its budget of %d", answer.Context.Tokens, budget)
	}
	shown := passagesOf(answer.Context.Text)
	if len(shown) != len(answer.Context.Citations) {
		return nil, errors.New("passages and citations are not as many")
	}
	for i, c := range answer.Context.Citations {
		l := a.spans.layers[layerKey{collection, c.DocumentID}]
		a.citations++
		switch {
		case !sameText(quotedBy(&c, l.silver.Text), shown[i]):
			a.unlike++
		case !a.spans.mapped(l, c.Span):
			a.unsourced++
		}
	}
	return answer, nil
}

// quotedBy is what a passage should show by its citation, headers first; "" where a span is outside
// of the text.
func quotedBy(c *v1.Citation, text string) string {
	spans := c.Parts
	if len(spans) == 0 {
		spans = []v1.Span{c.Span}
	}
	var b strings.Builder
	for _, s := range slices.Concat(c.Headers, spans) {
		if !lode.Span(s).Within(len(text)) {
			return ""
		}
		b.WriteString(text[s.Start:s.End])
		b.WriteByte('\n')
	}
	return b.String()
}

// passagesOf are the quoted passages of a context, without their marks.
func passagesOf(text string) []string {
	var passages []string
	for line := range strings.Lines(text) {
		quoted, ok := strings.CutPrefix(line, ">")
		switch {
		case ok && len(passages) > 0:
			passages[len(passages)-1] += strings.TrimPrefix(quoted, " ")
		case strings.HasPrefix(line, "["):
			passages = append(passages, "")
		}
	}
	return passages
}

// sameText compares ink: quoting makes line ends alike, and parts may be joined inside of a word.
func sameText(a, b string) bool {
	return strings.Join(strings.Fields(a), "") == strings.Join(strings.Fields(b), "")
}
