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
	texts    map[string]bool // of chunks that are shown whole, below their headers
	shown    map[source][]*passage
	placed   map[chunkOf]bool // chunks that are in a passage, if only in part
}

// chunkOf is a chunk of one of several collections.
type chunkOf struct {
	collection string
	id         lode.ChunkID
}

// source is a version of a document, which numbers its chunks.
type source struct {
	collection string
	doc        lode.DocNo
	version    lode.Version
}

func newAssembler(s spec) *assembler {
	a := &assembler{spec: s, layout: layoutOf(s.form), texts: map[string]bool{}, shown: map[source][]*passage{}, placed: map[chunkOf]bool{}}
	frame, _ := a.layout.whole(nil, nil)
	a.frame, a.parting = s.count(frame), s.count(separator)
	a.left = s.budget - a.frame
	return a
}

// offer adds the block as the next passage, or to one that it goes on, if it says something new
// and fits.
func (a *assembler) offer(b *block) {
	from := source{b.hit.Collection, b.hit.Row.Chunk.ID.Doc, b.hit.Row.Chunk.ID.Version}
	rows, at := a.fresh(b, from, nil)
	if len(rows) == 0 {
		return
	}
	switch {
	case a.left <= 0 || a.misses >= maxMisses:
		a.omitted++
	case a.extend(from, b), a.place(from, rows, at):
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

// extend adds the block to a passage under the same headings that it goes on, or that goes on in
// it: all of its chunks, else the hit alone.
func (a *assembler) extend(from source, b *block) bool {
	for _, p := range a.shown[from] {
		if !p.nears(b.chunks) {
			continue
		}
		rows, at := a.fresh(b, from, p)
		if len(rows) > 0 && (a.grow(from, p, rows) || len(rows) > 1 && a.grow(from, p, rows[at:at+1])) {
			return true
		}
	}
	return false
}

func (a *assembler) grow(from source, p *passage, rows []lode.Row) bool {
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
	a.remember(from, rows, true)
	return true
}

// place adds the chunks as a passage of their own: all that fit, given up from the ends that are
// farthest from the hit; where there is no passage yet, the part of the hit that fits.
func (a *assembler) place(from source, rows []lode.Row, at int) bool {
	number := len(a.passages) + 1
	hit := &rows[at]
	for first, end := 0, len(rows); ; {
		p := a.foreseen[hit]
		if p == nil || len(p.rows) != end-first {
			p = newPassage(hit, rows[first:end])
		}
		if a.mayFit(rows[first:end]) && a.costs(number, p) {
			a.add(from, p, true)
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
	return a.placePart(from, *hit)
}

// placePart adds the part of a chunk that fits, without its header where that leaves no room for a
// word.
func (a *assembler) placePart(from source, hit lode.Row) bool {
	number := len(a.passages) + 1
	p := newPassage(&hit, []lode.Row{hit})
	shown := a.longestPrefix(p)
	if shown == 0 && hit.Chunk.Header != nil {
		hit.Chunk.Header = nil
		p = newPassage(&hit, []lode.Row{hit})
		if a.costs(number, p) {
			a.add(from, p, true)
			return true
		}
		shown = a.longestPrefix(p)
	}
	if shown == 0 {
		return false
	}
	p = p.cutAt(shown)
	p.cut = true
	p.cost = a.cost(number, p)
	a.add(from, p, false)
	return true
}

// mayFit saves counting what cannot fit, where chunks were counted by the same tokenizer.
func (a *assembler) mayFit(rows []lode.Row) bool {
	if a.tokenizer != tokens.Name {
		return true
	}
	sum := 0
	for i := range rows {
		if i > 0 && rows[i].Chunk.Span.Overlaps(rows[i-1].Chunk.Span) {
			continue // shown in part
		}
		sum += rows[i].Chunk.Tokens
	}
	return sum <= a.left+len(rows)
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

// add puts a passage behind the others; whole says that nothing was cut from its chunks.
func (a *assembler) add(from source, p *passage, whole bool) {
	a.left -= p.cost
	a.passages = append(a.passages, p)
	a.shown[from] = append(a.shown[from], p)
	a.remember(from, p.rows, whole)
}

func (a *assembler) remember(from source, rows []lode.Row, whole bool) {
	for i := range rows {
		a.placed[chunkOf{from.collection, rows[i].Chunk.ID}] = true
		if whole {
			a.texts[rows[i].Chunk.Shown()] = true
		}
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
	sum := a.frame + a.countWritten(passages[last], "", a.passages[last])
	for _, p := range a.passages[:last] {
		sum += p.cost
	}
	return sum
}
