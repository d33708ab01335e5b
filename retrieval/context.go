package retrieval

import (
	"strings"

	"github.com/lodedb/lode"
)

// maxMisses is how many passages in a row may fail to fit before the rest is left out
// unseen: with thousands of hits, counting the tokens of every one costs more than it
// finds.
const maxMisses = 100

// assemble makes the context of passages, in their order, within the budget.
func (r *Retriever) assemble(blocks []block, budgetTokens int) lode.Context {
	a := assembler{count: r.o.Count, budget: budgetTokens, left: budgetTokens, texts: map[string]bool{}, spans: map[lode.ChunkID][]lode.Span{}}
	for _, b := range blocks {
		for i := range b.chunks {
			a.offer(&b.chunks[i], b.hit.Collection)
		}
	}
	text, tokens := a.finish()
	return lode.Context{
		Text:         text,
		Tokens:       tokens,
		BudgetTokens: budgetTokens,
		Tokenizer:    r.o.Tokenizer,
		Citations:    a.citations,
		Omitted:      a.omitted,
	}
}

// assembler fills a budget with passages. It counts each passage by itself and adds up,
// which is exact for tokenizers that break between lines; finish counts the whole and
// takes passages away until it holds, so that the budget does not hang on that.
type assembler struct {
	count  func(string) int
	budget int
	left   int
	misses int

	passages  []string
	citations []lode.Citation
	omitted   int
	texts     map[string]bool              // of the passages, whole chunks
	spans     map[lode.ChunkID][]lode.Span // shown of each document version; the ordinal is 0
}

// offer adds the row as the next passage if it says something new and fits.
func (a *assembler) offer(row *lode.Row, collection string) {
	text := strings.TrimRightFunc(row.Chunk.Text, isBreakOrSpace)
	if text == "" || a.repeats(row) {
		return
	}
	if a.left <= 0 || a.misses >= maxMisses {
		a.omitted++
		return
	}
	head := header(len(a.passages)+1, row)
	shown := 0
	switch {
	case row.Chunk.Tokens <= a.left && a.fits(head, text):
		shown = len(text)
	case len(a.passages) == 0:
		shown = a.longestPrefix(head, text)
	}
	if shown == 0 {
		a.omitted++
		a.misses++
		return
	}
	a.place(row, head, text[:shown])
	a.citations[len(a.citations)-1].Collection = collection
}

func (a *assembler) fits(head, text string) bool {
	return a.count(head+"\n"+quote(text)) <= a.left
}

func (a *assembler) place(row *lode.Row, head, text string) {
	passage := head + "\n" + quote(text)
	a.misses = 0
	a.left -= a.count(passage + separator)
	a.passages = append(a.passages, passage)
	citation := cite(len(a.passages), row, len(text))
	a.citations = append(a.citations, citation)
	a.texts[row.Chunk.Text] = true
	a.spans[versionOf(row)] = append(a.spans[versionOf(row)], citation.Span)
}

// repeats reports whether a passage shows the same text already, or a part of the same
// document that overlaps this one.
func (a *assembler) repeats(row *lode.Row) bool {
	if a.texts[row.Chunk.Text] {
		return true
	}
	for _, span := range a.spans[versionOf(row)] {
		if span.Overlaps(row.Chunk.Span) {
			return true
		}
	}
	return false
}

func versionOf(row *lode.Row) lode.ChunkID {
	return lode.ChunkID{Doc: row.Chunk.ID.Doc, Version: row.Chunk.ID.Version}
}

// finish joins the passages and holds the whole to the budget.
func (a *assembler) finish() (text string, tokens int) {
	for {
		text = strings.Join(a.passages, separator)
		tokens = a.count(text)
		last := len(a.passages) - 1
		if tokens <= a.budget || last < 0 {
			return text, tokens
		}
		a.passages, a.citations = a.passages[:last], a.citations[:last]
		a.omitted++
	}
}

// cite says where the first shown bytes of a chunk come from.
func cite(number int, row *lode.Row, shown int) lode.Citation {
	span := row.Chunk.Span
	if span.Len() == len(row.Chunk.Text) {
		span.End = span.Start + shown
	}
	return lode.Citation{
		Number:     number,
		Chunk:      row.Chunk.ID,
		Document:   row.Document.ID,
		URI:        row.Version.URI,
		Title:      row.Version.Title,
		Path:       row.Chunk.Path,
		Page:       row.Chunk.Page,
		Span:       span,
		Bronze:     row.Version.Blob,
		ReceivedAt: row.Version.ReceivedAt,
	}
}

// longestPrefix returns how many bytes of text fit under the header, cut behind a sentence
// or at least behind a word; 0 when not even a word fits.
func (a *assembler) longestPrefix(head, text string) int {
	limit := a.growPrefix(head, text)
	if limit == 0 {
		return 0
	}
	for _, cut := range cuts(text, limit) {
		if a.fits(head, text[:cut]) {
			return cut
		}
	}
	return 0
}

// growPrefix finds about the longest prefix that fits, at a rune boundary. It never counts
// much more text than that.
func (a *assembler) growPrefix(head, text string) int {
	const bytesPerToken = 4
	fit, size := 0, bytesPerToken*a.left
	for ; size < len(text) && a.fits(head, text[:runeStart(text, size)]); size *= 2 {
		fit = runeStart(text, size)
	}
	tooLong := min(size, len(text))
	for tooLong-fit > 1 {
		middle := runeStart(text, (fit+tooLong)/2)
		if middle <= fit {
			middle = nextRune(text, fit)
			if middle >= tooLong {
				break
			}
		}
		if a.fits(head, text[:middle]) {
			fit = middle
		} else {
			tooLong = middle
		}
	}
	return fit
}
