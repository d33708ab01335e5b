package pdf

import (
	"math"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/pipeline/parse"
)

// Proportions of type, found by reading the output for handbooks, papers, manuals and forms.
const (
	headingSize  = 1.15 // of the body's size makes a line a heading
	sameLevel    = 0.92 // of a heading's size is still its level
	headingInk   = 160  // characters a heading has at most
	boldInk      = 90   // characters a heading has at most that is only bold
	sizeSlack    = 0.12 // sizes that differ by less are the same
	leadingSlack = 1.3  // of the usual distance of lines, beyond which a paragraph ends
	gapSlack     = 1.15 // the same, where the paragraph has shown its own distance
	indentSlack  = 1.2  // type sizes of indentation that begin a paragraph
	shortLine    = 0.72 // of the width of the block, below which a finished sentence ends it
)

// layout writes lines as sections.
type layout struct {
	b     *parse.Builder
	size  int // of the file
	lines []line
	body  float64   // the commonest type size
	lead  float64   // the commonest distance of lines, in type sizes
	sizes []float64 // of headings, the largest first
	words map[string]bool
	// margin is how far to the right the text of each page reaches.
	margin map[int]float64

	kind  lode.SectionKind // of the open section
	level int
	left  float64 // of the open section's lines
	right float64
	gap   float64         // between them, once there are two
	text  strings.Builder // of the open section
}

func newLayout(b *parse.Builder, size int, all []line) *layout {
	y := &layout{b: b, size: size, lines: all, words: make(map[string]bool), margin: make(map[int]float64)}
	sizes := make(map[float64]int)
	for i := range all {
		sizes[math.Round(all[i].size*2)/2] += all[i].ink
		y.learnWords(all[i].text())
		if all[i].turn == 0 {
			y.margin[all[i].page] = max(y.margin[all[i].page], all[i].x1)
		}
	}
	y.body, y.lead = commonest(sizes), usualLead(all)
	var large []float64
	for i := range all {
		if y.large(i) {
			large = append(large, all[i].size)
		}
	}
	slices.Sort(large)
	for i := len(large) - 1; i >= 0; i-- {
		if n := len(y.sizes); n == 0 || large[i] < sameLevel*y.sizes[n-1] {
			y.sizes = append(y.sizes, large[i])
		}
	}
	return y
}

// learnWords remembers the words inside a line, hyphens included: they decide later whether
// a hyphen at a line end belongs to the word.
func (y *layout) learnWords(text string) {
	fields := strings.Fields(text)
	for i, word := range fields {
		if i+1 < len(fields) || !strings.HasSuffix(word, "-") {
			y.words[bare(word)] = true
		}
	}
}

func bare(word string) string {
	return strings.ToLower(strings.TrimFunc(word, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsNumber(r) }))
}

// write writes all sections.
func (y *layout) write() {
	page := 0
	for i := 0; i < len(y.lines) && y.b.Err() == nil; {
		if y.lines[i].page != page {
			y.flush()
			page = y.lines[i].page
			y.b.SetPage(page)
		}
		if n := y.tableAt(i); n > 0 {
			y.flush()
			y.writeTable(y.lines[i : i+n])
			i += n
			continue
		}
		y.add(i)
		i++
	}
	y.flush()
}

// add puts a line into the open section or begins a new one with it.
func (y *layout) add(i int) {
	l := &y.lines[i]
	kind, level := y.classify(i)
	text := l.text()
	if y.kind != "" && y.continues(i, kind, level) {
		if down := y.lines[i-1].y - l.y; down > 0 && (kind != lode.SectionList || y.gap == 0) {
			y.gap = max(y.gap, down)
		}
		y.join(text, kind == lode.SectionList && marker(l) != "")
	} else {
		y.flush()
		y.kind, y.level = kind, level
		y.left, y.right, y.gap = l.x0, l.x1, 0
		y.text.WriteString(text)
	}
	y.left, y.right = min(y.left, l.x0), max(y.right, l.x1)
}

// classify says what a line begins, if it begins something.
func (y *layout) classify(i int) (lode.SectionKind, int) {
	l := &y.lines[i]
	switch {
	case marker(l) != "" && !(y.large(i) && numbered(l)):
		return lode.SectionList, 0
	case y.large(i):
		level := 1
		for level < len(y.sizes) && l.size < sameLevel*y.sizes[level-1] {
			level++
		}
		return lode.SectionHeading, min(level, 6)
	case y.boldHeading(i):
		return lode.SectionHeading, min(len(y.sizes)+1, 6)
	}
	return lode.SectionParagraph, 0
}

// large reports whether a line is set like a heading by its size.
func (y *layout) large(i int) bool {
	l := &y.lines[i]
	text := l.text()
	sentence := l.ink > headingInk/2 && strings.HasSuffix(text, ".")
	return l.size >= headingSize*y.body && l.ink <= headingInk && l.turn == 0 && letters(text) >= 2 && !sentence
}

// boldHeading reports whether a bold line stands like a heading: alone, short, without the
// end of a sentence.
func (y *layout) boldHeading(i int) bool {
	l := &y.lines[i]
	if !l.bold || l.ink > boldInk || len(l.cells) > 1 || l.size < y.body*0.95 || l.turn != 0 || letters(l.text()) < 3 {
		return false
	}
	if strings.ContainsAny(l.text()[len(l.text())-1:], ".,;:") {
		return false
	}
	alone := func(j int) bool {
		if j < 0 || j >= len(y.lines) || y.lines[j].page != l.page {
			return true
		}
		other := &y.lines[j]
		return !other.bold || math.Abs(other.y-l.y) > 1.8*l.size
	}
	return alone(i-1) && alone(i+1)
}

func letters(s string) int {
	n := 0
	for _, r := range s {
		if unicode.IsLetter(r) {
			n++
		}
	}
	return n
}

var (
	bulletText   = regexp.MustCompile(`^[•●○▪■□◦‣⁃∙·➢➤►❖✓✔–*\-]$`)
	bulletPrefix = regexp.MustCompile(`^(?:[•●○▪■□◦‣⁃∙➢➤►❖✓✔]\s*|[–*\-]\s+)\S`)
	numberText   = regexp.MustCompile(`^(?:\(?(?:\d{1,3}|[a-zA-Z]|[ivxIVX]{1,5})[.)])$`)
	numberPrefix = regexp.MustCompile(`^(?:\d{1,2}[.)]|\((?:\d{1,2}|[a-z]|[ivx]{1,5})\)|[a-z]\))\s+\S`)
)

// marker returns what makes a line the beginning of a list item.
func marker(l *line) string {
	first := l.cells[0].text
	if len(l.cells) > 1 && (bulletText.MatchString(first) || first == "o" || numberText.MatchString(first)) {
		return first
	}
	if text := l.text(); bulletPrefix.MatchString(text) || numberPrefix.MatchString(text) {
		return text[:1]
	}
	return ""
}

// numbered reports whether the marker is a number, as chapters have too.
func numbered(l *line) bool {
	first := l.cells[0].text
	return first != "" && (unicode.IsNumber(rune(first[0])) || first[0] == '(' || numberText.MatchString(first))
}

// continues reports whether a line goes on in the open section.
func (y *layout) continues(i int, kind lode.SectionKind, level int) bool {
	l, last := &y.lines[i], &y.lines[i-1]
	if last.page != l.page || last.turn != l.turn {
		return false
	}
	down := last.y - l.y
	near := y.near(l, down)
	same := math.Abs(last.size-l.size) <= sizeSlack*last.size
	switch {
	case y.kind == lode.SectionHeading:
		return kind == lode.SectionHeading && level == y.level && same && near
	case kind == lode.SectionHeading:
		return false
	case y.kind == lode.SectionList && kind == lode.SectionList:
		return down > 0 && down <= 4*l.size
	case kind == lode.SectionList:
		return false
	case y.kind == lode.SectionList:
		hanging := l.x0 > y.left+0.3*l.size
		wrapped := last.x1-y.left > shortLine*(y.margin[l.page]-y.left) && !endsSentence(last.text())
		return near && same && (hanging || wrapped)
	}
	if down <= 0 { // the top of the next column
		return same && !endsSentence(last.text()) && beginsLower(l.text()) && l.x0 > last.x0
	}
	indented := l.x0 > y.left+indentSlack*l.size && last.x0 <= y.left+indentSlack*l.size
	short := last.x1-y.left < shortLine*(y.right-y.left) && endsSentence(last.text())
	return near && same && !indented && !short
}

// usualLead returns the commonest distance between lines of one size, in units of the size.
func usualLead(lines []line) float64 {
	leads := make(map[float64]int)
	for i := 1; i < len(lines); i++ {
		a, b := &lines[i-1], &lines[i]
		lead := (a.y - b.y) / b.size
		if a.page == b.page && a.turn == b.turn && math.Abs(a.size-b.size) < 0.3 && lead > 0.8 && lead < 2.6 {
			leads[math.Round(lead*20)/20] += b.ink
		}
	}
	if len(leads) == 0 {
		return 1.2
	}
	return commonest(leads)
}

// near reports whether a line follows at the distance of running text: that of the lines
// before it in the section, else the usual one of the document.
func (y *layout) near(l *line, down float64) bool {
	limit := leadingSlack * y.lead * l.size
	if y.gap > 0 {
		limit = max(gapSlack*y.gap, l.size)
	}
	return down > 0 && down <= limit
}

func endsSentence(s string) bool {
	s = strings.TrimRight(s, "\"')]”’")
	return s != "" && strings.ContainsAny(s[len(s)-1:], ".!?:;")
}

func beginsLower(s string) bool {
	r, _ := utf8.DecodeRuneInString(s)
	return unicode.IsLower(r)
}

// join appends a line to the open section's text.
func (y *layout) join(text string, item bool) {
	if item {
		y.text.WriteString("\n" + text)
		return
	}
	so := y.text.String()
	if strings.HasSuffix(so, "\u00AD") {
		y.text.Reset()
		y.text.WriteString(strings.TrimSuffix(so, "\u00AD") + text)
		return
	}
	if joined, ok := y.unhyphenate(so, text); ok {
		y.text.Reset()
		y.text.WriteString(joined)
		return
	}
	y.text.WriteString(" " + text)
}

// unhyphenate joins a word that was cut at a line end. The hyphen stays where the document
// has the hyphenated form elsewhere, or both halves as words, but not the closed form.
func (y *layout) unhyphenate(before, after string) (string, bool) {
	head := strings.TrimRight(before, "-\u2010")
	if len(before)-len(head) == 0 || len(before)-len(head) > 3 || !beginsLower(after) {
		return "", false
	}
	start := strings.LastIndexAny(head, " \n") + 1
	end := strings.IndexByte(after, ' ')
	if end < 0 {
		end = len(after)
	}
	left, right := head[start:], after[:end]
	if letters(left) == 0 {
		return "", false
	}
	halves := min(letters(left), letters(right)) >= 4 && y.words[bare(left)] && y.words[bare(right)]
	compound := y.words[bare(left+"-"+right)] || halves
	if compound && !y.words[bare(left+right)] {
		return before + after, true
	}
	return head + after, true
}

// flush writes the open section.
func (y *layout) flush() {
	if y.kind == "" {
		return
	}
	level := 0
	switch {
	case y.kind != lode.SectionHeading:
	case utf8.RuneCountInString(y.text.String()) > headingInk: // a paragraph in large type
		y.kind = lode.SectionParagraph
	default:
		level = y.level
	}
	y.b.Begin(y.kind, level)
	y.b.WritePage(strings.ReplaceAll(y.text.String(), "\u00AD", ""), y.size)
	y.b.End()
	y.text.Reset()
	y.kind = ""
}
