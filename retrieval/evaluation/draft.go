package evaluation

import (
	"cmp"
	"context"
	"fmt"
	"math/rand/v2"
	"slices"

	"github.com/lodedb/lode"
)

// DraftChunk is a passage that questions may be drafted of.
type DraftChunk struct {
	Document lode.DocID
	URI      string
	Bronze   lode.Hash
	Title    string
	Path     []string
	Text     string
	Span     lode.Span // of Text in the canonical text
}

// Template is how a question is made of a sentence. They differ in how much of the question is in
// the text that answers it, and in how rare the words are: that is their difficulty.
type Template string

// The templates, from the easiest.
const (
	TemplateKeywords Template = "keywords" // the rarest words of the sentence, as people type into search boxes
	TemplateHeading  Template = "heading"  // title or heading above, and two words of the sentence
	TemplateCloze    Template = "cloze"    // the sentence without its two rarest words, which are the answer
	TemplateCommon   Template = "common"   // words of the sentence that many passages have; together only this one
)

// Templates are all of them.
func Templates() []Template {
	return []Template{TemplateKeywords, TemplateHeading, TemplateCloze, TemplateCommon}
}

// DraftOptions say what is drafted.
type DraftOptions struct {
	// Questions is how many are wanted. The default is [DefaultDraft].
	Questions int
	// Templates take turns. The default is all.
	Templates []Template
	// Seed of every choice: the same chunks and seed give the same set.
	Seed uint64
}

// DefaultDraft is how many questions are drafted.
const DefaultDraft = 200

// EnsureDefaults fills what the caller left out.
func (o *DraftOptions) EnsureDefaults() {
	if o.Questions == 0 {
		o.Questions = DefaultDraft
	}
	if len(o.Templates) == 0 {
		o.Templates = Templates()
	}
}

// Validate checks the options after [DraftOptions.EnsureDefaults].
func (o *DraftOptions) Validate() error {
	if o.Questions < 1 || o.Questions > MaxQuestions {
		return lode.Invalid("questions", o.Questions, "questions must be 1 to %d", MaxQuestions)
	}
	for _, t := range o.Templates {
		if !slices.Contains(Templates(), t) {
			return lode.Invalid("templates", t, "the templates are %v", Templates())
		}
	}
	return nil
}

// MaxDraftChunks bounds what is drafted of: more is not needed for a few thousand questions.
const MaxDraftChunks = 50_000

// Draft makes an evaluation set of the texts themselves, without a model: of a sentence of a passage a
// question, and the sentence is its span. Passages are drawn evenly over documents. A question is kept
// only if nothing speaks against it:
//
//   - no other passage has most of its words, so that the span alone answers it;
//   - the passage is no near duplicate of another, which would answer as well and count as wrong;
//   - it holds nothing that looks like an address, a telephone number or a card.
//
// What such a set cannot know is what people ask, who use other words than the texts. It is good for
// finding that something broke, and favours the search for words: [Tune] does not take it for more. The
// [Fidelity] says what it is made of.
func Draft(ctx context.Context, chunks []DraftChunk, o DraftOptions) (*Set, *Fidelity, error) {
	o.EnsureDefaults()
	if err := o.Validate(); err != nil {
		return nil, nil, err
	}
	if len(chunks) == 0 || len(chunks) > MaxDraftChunks {
		return nil, nil, lode.Invalid("chunks", len(chunks), "questions are drafted of 1 to %d passages", MaxDraftChunks)
	}
	d := &drafting{o: &o, chunks: chunks, texts: indexTexts(chunks), random: rand.New(rand.NewPCG(o.Seed, uint64(len(chunks))))}
	d.fidelity = Fidelity{Seed: o.Seed, Chunks: len(chunks), Rejected: map[Rejection]int{}, Templates: map[Template]TemplateShare{}}
	for n, at := range d.order() {
		if err := ctx.Err(); err != nil {
			return nil, nil, err
		}
		if len(d.set.Questions) == o.Questions {
			break
		}
		d.draft(at, o.Templates[n%len(o.Templates)])
	}
	if len(d.set.Questions) == 0 {
		return nil, nil, lode.Errorf(lode.CodeNoText, "no question could be drafted of %d passages: %v", len(chunks), d.fidelity.Rejected).
			WithHint("the texts are too short, too much alike, or too few")
	}
	slices.SortFunc(d.set.Questions, func(a, b Question) int { return cmp.Compare(a.ID, b.ID) })
	d.fidelity.finish(&d.set)
	return &d.set, &d.fidelity, d.set.Validate()
}

// drafting is a draft under way.
type drafting struct {
	o        *DraftOptions
	chunks   []DraftChunk
	texts    *textIndex
	random   *rand.Rand
	set      Set
	fidelity Fidelity
}

// order draws passages: one of each document in turn, documents and their passages in random order.
func (d *drafting) order() []int {
	byDocument := map[lode.DocID][]int{}
	for i := range d.chunks {
		byDocument[d.chunks[i].Document] = append(byDocument[d.chunks[i].Document], i)
	}
	ids := sortedKeys(byDocument)
	d.random.Shuffle(len(ids), func(i, j int) { ids[i], ids[j] = ids[j], ids[i] })
	for _, id := range ids {
		of := byDocument[id]
		d.random.Shuffle(len(of), func(i, j int) { of[i], of[j] = of[j], of[i] })
	}
	order := make([]int, 0, len(d.chunks))
	for round := 0; len(order) < len(d.chunks); round++ {
		for _, id := range ids {
			if of := byDocument[id]; round < len(of) {
				order = append(order, of[round])
			}
		}
	}
	return order
}

// triedSentences is how many sentences of a passage are tried before it is given up.
const triedSentences = 5

// draft makes a question of a passage, or notes why not.
func (d *drafting) draft(at int, t Template) {
	chunk := &d.chunks[at]
	if d.texts.likest(at) >= nearDuplicate {
		d.fidelity.Rejected[RejectDuplicate]++
		return
	}
	sentences := d.texts.salient(chunk.Text)
	why := RejectShort
	for _, s := range sentences[:min(triedSentences, len(sentences))] {
		query, answer, ok := d.texts.ask(t, chunk, s)
		if !ok {
			continue
		}
		if personal(s.text) || personal(query) { // words of an address may stand in the query one by one
			why = RejectPersonal
			continue
		}
		own, rival := d.texts.shares(at, query)
		if rival > own-ahead {
			why = RejectAmbiguous
			continue
		}
		d.keep(at, t, s, query, answer, rival)
		return
	}
	d.fidelity.Rejected[why]++
}

func (d *drafting) keep(at int, t Template, s sentence, query, answer string, rival float64) {
	chunk := &d.chunks[at]
	start := chunk.Span.Start + s.span.Start
	q := Question{
		Drafted: t,
		ID:      fmt.Sprintf("%s-%s-%d", t, lode.HashOf([]byte(chunk.Document)).String()[:12], start),
		Query:   query, Answer: answer,
		Spans: []Span{{Document: chunk.Document, URI: chunk.URI, Bronze: chunk.Bronze, Start: start, End: start + s.span.Len(), Grade: DefaultGrade}},
	}
	d.set.Questions = append(d.set.Questions, q)
	d.fidelity.note(&q, t, d.texts.overlap(query, chunk.Text), rival)
}
