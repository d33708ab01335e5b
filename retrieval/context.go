package retrieval

import (
	"slices"
	"time"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/internal/tokens"
)

// maxMisses is how many passages in a row may fail to fit before the rest is left out
// unseen: with thousands of hits, counting the tokens of every one costs more than it
// finds.
const maxMisses = 100

// spec says how a context is made.
type spec struct {
	form      lode.ContextForm
	budget    int
	count     func(string) int
	tokenizer string // names what count counts
	now       time.Time
}

// contextSpec is what a query asks of its context. An unknown tokenizer is [lode.CodeInvalid], so
// it is asked for before anything is searched.
func (r *Retriever) contextSpec(q *lode.Query) (spec, error) {
	s := spec{form: q.Form, budget: q.BudgetTokens, count: r.o.Count, tokenizer: r.o.Tokenizer, now: r.o.Clock()}
	if q.Tokenizer == "" {
		return s, nil
	}
	var err error
	s.count, s.tokenizer, err = r.o.TokenizerFor(q.Tokenizer)
	return s, err
}

// assemble makes the context of blocks, in their order, within the budget.
func (r *Retriever) assemble(blocks []block, s spec) lode.Context {
	a := newAssembler(s)
	a.foresee(blocks)
	for i := range blocks {
		a.offer(&blocks[i])
	}
	text, messages, tokens := a.finish()
	c := lode.Context{
		Text:         text,
		Tokens:       tokens,
		BudgetTokens: s.budget,
		Tokenizer:    s.tokenizer,
		Omitted:      a.omitted,
		Messages:     messages,
	}
	for i, p := range a.passages {
		c.Citations = append(c.Citations, p.cite(i+1, s.now))
		c.Citations[i].Collection = a.collection(p)
	}
	return c
}

// assembler fills a budget with passages. It counts each passage by itself and adds up,
// which is exact for tokenizers that break between lines; finish counts the whole and
// takes passages away from the end until it holds, so that the budget does not hang on that.
type assembler struct {
	spec
	layout  layout
	frame   int // tokens of a context without passages
	parting int // of what parts passages
	left    int
	misses  int

	passages []*passage
	foreseen map[*lode.Row]*passage // by the chunk of the hit; see foresee
	omitted  int
	texts    map[string]bool // of chunks that are shown whole
	shown    map[source][]*passage
}

// source is a version of a document, which numbers its chunks.
type source struct {
	collection string
	doc        lode.DocNo
	version    lode.Version
}

func newAssembler(s spec) *assembler {
	a := &assembler{spec: s, layout: layoutOf(s.form), texts: map[string]bool{}, shown: map[source][]*passage{}}
	frame, _ := a.layout.whole(nil, nil)
	a.frame, a.parting = s.count(frame), s.count(separator)
	a.left = s.budget - a.frame
	return a
}

// offer adds the block as the next passage, or to one that it goes on, if it says something new
// and fits.
func (a *assembler) offer(b *block) {
	from := source{b.hit.Collection, b.hit.Row.Chunk.ID.Doc, b.hit.Row.Chunk.ID.Version}
	rows, at := a.fresh(b, from)
	if len(rows) == 0 {
		return
	}
	switch {
	case a.left <= 0 || a.misses >= maxMisses:
		a.omitted++
	case a.extend(from, rows, at), a.place(from, rows, at):
		a.misses = 0
	default:
		a.omitted++
		a.misses++
	}
}

// collection is where a passage is from, "" in a query that asks one.
func (a *assembler) collection(of *passage) string {
	for from, passages := range a.shown {
		if from.collection != "" && slices.Contains(passages, of) {
			return from.collection
		}
	}
	return ""
}

// fresh returns the chunks of the block that are not shown yet, as many as stand around the hit
// without a gap, and where among them the hit is; none when the hit repeats what is shown.
func (a *assembler) fresh(b *block, from source) (rows []lode.Row, at int) {
	at = slices.IndexFunc(b.chunks, func(r lode.Row) bool { return r.Chunk.ID == b.hit.Row.Chunk.ID })
	if at < 0 || a.repeats(from, &b.chunks[at]) {
		return nil, 0
	}
	first, end := at, at+1
	for first > 0 && !a.repeats(from, &b.chunks[first-1]) {
		first--
	}
	for end < len(b.chunks) && !a.repeats(from, &b.chunks[end]) {
		end++
	}
	return b.chunks[first:end], at - first
}

// repeats reports whether a chunk has no ink or nothing new: its text is shown, or it is in a
// passage of the same document or overlaps one. A chunk that goes on in the next one is no
// repeat: it is shown from where the other ends.
func (a *assembler) repeats(from source, row *lode.Row) bool {
	if isBlank(row.Chunk.Text) || a.texts[row.Chunk.Text] {
		return true
	}
	for _, p := range a.shown[from] {
		goesOn := p.touches(&row.Chunk) && !p.covers(&row.Chunk)
		if row.Chunk.Span.Overlaps(p.span()) && !goesOn {
			return true
		}
	}
	return false
}

// extend adds the chunks to a passage under the same headings that they go on, or that goes on in
// them: all of them, else the hit alone.
func (a *assembler) extend(from source, rows []lode.Row, at int) bool {
	for _, p := range a.shown[from] {
		if a.grow(p, rows) || len(rows) > 1 && a.grow(p, rows[at:at+1]) {
			return true
		}
	}
	return false
}

func (a *assembler) grow(p *passage, rows []lode.Row) bool {
	longer, ok := p.with(rows)
	if !ok {
		return false
	}
	number := slices.Index(a.passages, p) + 1
	cost := a.cost(number, longer)
	if cost-p.cost > a.left {
		return false
	}
	a.left -= cost - p.cost
	longer.cost = cost
	*p = *longer
	a.remember(rows)
	return true
}

// place adds the chunks as a passage of their own: all that fit, given up from the ends that are
// farthest from the hit; where there is no passage yet, the part of the hit that fits.
func (a *assembler) place(from source, rows []lode.Row, at int) bool {
	number := len(a.passages) + 1
	hit := &rows[at]
	if slices.ContainsFunc(a.shown[from], func(p *passage) bool { return p.shows(hit.Chunk.Span) }) {
		return false // it goes on in a passage to which it could not be added
	}
	for first, end := 0, len(rows); ; {
		p := a.foreseen[hit]
		if p == nil || len(p.rows) != end-first {
			p = newPassage(hit, rows[first:end])
		}
		if a.mayFit(rows[first:end]) && a.costs(number, p) {
			a.add(from, p, rows[first:end])
			return true
		}
		if end-first == 1 {
			break
		}
		if end-1-at >= at-first {
			end--
		} else {
			first++
		}
	}
	if len(a.passages) > 0 {
		return false
	}
	p := newPassage(hit, rows[at:at+1])
	if shown := a.longestPrefix(p); shown > 0 {
		p = p.cutAt(shown)
		p.cost = a.cost(number, p)
		a.add(from, p, nil)
		return true
	}
	return false
}

// mayFit saves counting what cannot fit, where chunks were counted by the same tokenizer.
func (a *assembler) mayFit(rows []lode.Row) bool {
	if a.tokenizer != tokens.Name {
		return true
	}
	sum := 0
	for i := range rows {
		sum += rows[i].Chunk.Tokens
	}
	return sum <= a.left+len(rows) // chunks that overlap are shown once: the sum may be more
}

func (a *assembler) fits(number int, p *passage) bool {
	text, source := a.write(number, p), a.layout.source(number, p)
	return a.count(text)+a.countLine(source) <= a.left
}

// write is the passage as the form writes it, which is done once.
func (a *assembler) write(number int, p *passage) string {
	if p.number != number {
		p.number, p.written = number, a.layout.passage(number, p)
	}
	return p.written
}

// cost is what a passage takes of the budget, with what parts it from the next one.
func (a *assembler) cost(number int, p *passage) int {
	return a.countPassage(number, p) + a.countLine(a.layout.source(number, p))
}

func (a *assembler) countLine(s string) int {
	if s == "" {
		return 0
	}
	return a.count(s + "\n")
}

// costs notes what a passage takes, and reports whether it fits. What parts it from the next one need
// not: then it is counted once more without.
func (a *assembler) costs(number int, p *passage) bool {
	if p.costed != number {
		p.cost, p.costed = a.cost(number, p), number
	}
	return p.cost <= a.left || p.cost <= a.left+a.parting && a.fits(number, p)
}

func (a *assembler) add(from source, p *passage, whole []lode.Row) {
	a.left -= p.cost
	a.passages = append(a.passages, p)
	a.shown[from] = append(a.shown[from], p)
	a.remember(whole)
}

func (a *assembler) remember(rows []lode.Row) {
	for i := range rows {
		a.texts[rows[i].Chunk.Text] = true
	}
}

// finish joins the passages and holds the whole to the budget.
func (a *assembler) finish() (text string, messages []lode.Message, tokens int) {
	for len(a.passages) > 0 {
		passages, sources := make([]string, len(a.passages)), make([]string, len(a.passages))
		for i, p := range a.passages {
			passages[i], sources[i] = a.write(i+1, p), a.layout.source(i+1, p)
		}
		text, messages = a.layout.whole(passages, sources)
		if tokens = a.countWhole(text, passages); tokens <= a.budget {
			return text, messages, tokens
		}
		a.passages = a.passages[:len(a.passages)-1]
		a.omitted++
	}
	return "", nil, 0
}

// countWhole counts a context. The encoding of a node's own counter breaks behind the empty line that
// parts passages, so that in text counts of passages add up; a test holds that to the whole. All else is
// counted as it is.
func (a *assembler) countWhole(text string, passages []string) int {
	if _, plain := a.layout.(textLayout); !plain || a.tokenizer != tokens.Name {
		return a.count(text)
	}
	last := len(passages) - 1
	sum := a.frame + a.count(passages[last])
	for _, p := range a.passages[:last] {
		sum += p.cost
	}
	return sum
}
