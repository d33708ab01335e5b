package pdf

import (
	"math"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Distances in units of the type size.
const (
	wordGap   = 0.17 // at least this between the glyphs of two words
	cellGap   = 1.5  // at least this between two cells of a row
	lineSlack = 0.35 // base lines that differ by less are the same
	scriptGap = 0.6  // indices and exponents, being smaller, stay in their line
	backSlack = 0.6  // glyphs may overlap by this
	twinSlack = 0.12 // the same glyph this near is the same, drawn twice to look bold
)

// line is what stands on one base line without a break.
type line struct {
	cells  []cell
	x0, x1 float64
	y      float64
	size   float64
	turn   uint8
	bold   bool
	rtl    bool // read from right to left
	lead   bool // a blank was drawn before its first word,
	trail  bool // and one after its last
	page   int
	ink    int // characters that are not blank
}

// cell is a stretch of a line without wide gaps.
type cell struct {
	text   string
	x0, x1 float64
}

// text joins the cells with blanks.
func (l *line) text() string {
	if len(l.cells) == 1 {
		return l.cells[0].text
	}
	texts := make([]string, len(l.cells))
	for i, c := range l.cells {
		texts[i] = c.text
	}
	return strings.Join(texts, " ")
}

// lines groups the glyphs of a page in the order they were drawn.
func lines(glyphs []glyph, page int) []line {
	var out []line
	glyphs = withoutTwins(glyphs)
	for start := 0; start < len(glyphs); {
		end := start + 1
		f := newFrame(glyphs[start])
		for end < len(glyphs) && f.takes(glyphs[end]) {
			f.add(glyphs[end])
			end++
		}
		if l, ok := makeLine(glyphs[start:end], page); ok {
			out = appendLine(out, l)
		}
		start = end
	}
	return out
}

// frame is the extent of the fragment that is being collected.
type frame struct {
	last   glyph // that is not blank
	base   glyph // the last one of the largest size: it stands on the base line
	spaces bool  // blanks follow the last glyph
}

func newFrame(g glyph) *frame { return &frame{last: g, base: g} }

func (f *frame) add(g glyph) {
	if blankText(g.text) {
		f.spaces = true
		return
	}
	if g.size > 0.85*f.base.size || blankText(f.base.text) {
		f.base = g
	}
	f.last, f.spaces = g, false
}

// takes reports whether g goes on in the fragment: on its base line, close to its last glyph
// on the right, or on the left where the script runs that way.
func (f *frame) takes(g glyph) bool {
	size := max(f.base.size, g.size)
	if g.turn != f.last.turn || !sameBase(f.base.y, f.base.size, g.y, g.size) {
		return false
	}
	limit := cellGap * size
	if f.spaces {
		limit *= 1.5
	}
	gap := g.x0 - f.last.x1
	if gap >= -backSlack*size {
		return gap <= limit
	}
	left := f.last.x0 - g.x1
	return left >= -backSlack*size && left <= limit && (rightToLeft(g.text) || rightToLeft(f.last.text) || blankText(g.text))
}

// sameBase reports whether two pieces of type stand on one base line, or one of them is small
// and stands beside the other as an index.
func sameBase(y1, size1, y2, size2 float64) bool {
	slack := lineSlack
	if min(size1, size2) < 0.85*max(size1, size2) {
		slack = scriptGap
	}
	return math.Abs(y1-y2) <= slack*max(size1, size2)
}

func blankText(s string) bool { return strings.TrimSpace(s) == "" }

func rightToLeft(s string) bool {
	r, _ := utf8.DecodeRuneInString(s)
	return unicode.In(r, unicode.Hebrew, unicode.Arabic, unicode.Syriac, unicode.Thaana, unicode.Nko)
}

// withoutTwins drops glyphs that were drawn again at the same place.
func withoutTwins(glyphs []glyph) []glyph {
	type place struct {
		text string
		turn uint8
		x, y int
	}
	seen := make(map[place]glyph, len(glyphs))
	at := func(g glyph, dx, dy int) place {
		return place{g.text, g.turn, int(math.Floor(g.x0/g.size*4)) + dx, int(math.Floor(g.y/g.size*4)) + dy}
	}
	out := glyphs[:0]
	for _, g := range glyphs {
		if blankText(g.text) {
			out = append(out, g)
			continue
		}
		if !twin(g, func(dx, dy int) (glyph, bool) { h, ok := seen[at(g, dx, dy)]; return h, ok }) {
			seen[at(g, 0, 0)] = g
			out = append(out, g)
		}
	}
	return out
}

func twin(g glyph, near func(dx, dy int) (glyph, bool)) bool {
	for dx := -1; dx <= 1; dx++ {
		for dy := -1; dy <= 1; dy++ {
			h, ok := near(dx, dy)
			if ok && math.Abs(h.x0-g.x0) < twinSlack*g.size && math.Abs(h.y-g.y) < twinSlack*g.size {
				return true
			}
		}
	}
	return false
}

// makeLine reads a fragment; ok is false when it holds nothing.
func makeLine(glyphs []glyph, page int) (line, bool) {
	l := line{x0: math.Inf(1), x1: math.Inf(-1), page: page, turn: glyphs[0].turn, rtl: rightToLeftShare(glyphs)}
	l.lead, l.trail = blankText(glyphs[0].text), blankText(glyphs[len(glyphs)-1].text)
	if l.rtl {
		glyphs = logicalOrder(glyphs)
	}
	var b strings.Builder
	var last *glyph
	bold := 0
	sizes := make(map[float64]int)
	for i := range glyphs {
		g := &glyphs[i]
		if blankText(g.text) {
			if last != nil && !strings.HasSuffix(b.String(), " ") {
				b.WriteByte(' ')
			}
			continue
		}
		if last != nil && apart(*last, *g) && !strings.HasSuffix(b.String(), " ") {
			b.WriteByte(' ')
		}
		b.WriteString(g.text)
		last = g
		n := utf8.RuneCountInString(g.text)
		l.ink += n
		sizes[math.Round(g.size*4)/4] += n
		if g.bold {
			bold += n
		}
		l.x0, l.x1 = min(l.x0, g.x0), max(l.x1, g.x1)
	}
	if l.ink == 0 {
		return line{}, false
	}
	l.size = commonest(sizes)
	for i := range glyphs { // indices do not say where the base line is
		if g := &glyphs[i]; !blankText(g.text) && math.Abs(g.size-l.size) < 0.2 {
			l.y = g.y
			break
		}
	}
	l.bold = bold*10 >= l.ink*9
	l.cells = []cell{{text: tidy(b.String()), x0: l.x0, x1: l.x1}}
	return l, true
}

// leaders are the dots between an entry of a table of contents and its page.
var leaders = regexp.MustCompile(`(?:\s*\.){5,}\s*`)

// tidy makes the white space of a line single blanks, shortens leaders, and takes a glyph of
// unknown meaning that stands alone at the beginning for the bullet that it is.
func tidy(s string) string {
	s = strings.Join(strings.Fields(s), " ")
	if rest, ok := strings.CutPrefix(s, unmapped+" "); ok {
		s = "• " + rest
	}
	return leaders.ReplaceAllString(s, " ... ")
}

func commonest(sizes map[float64]int) float64 {
	best, most := 0.0, -1
	for size, n := range sizes {
		if n > most || (n == most && size > best) {
			best, most = size, n
		}
	}
	return best
}

// apart reports whether a word ends between two neighbours.
func apart(a, b glyph) bool {
	gap := b.x0 - a.x1
	if b.x1 < a.x0 {
		gap = a.x0 - b.x1
	}
	return gap > wordGap*max(a.size, b.size)
}

func rightToLeftShare(glyphs []glyph) bool {
	rtl, letters := 0, 0
	for _, g := range glyphs {
		r, _ := utf8.DecodeRuneInString(g.text)
		if unicode.IsLetter(r) {
			letters++
			if rightToLeft(g.text) {
				rtl++
			}
		}
	}
	return rtl*2 > letters
}

// logicalOrder puts the glyphs of a right-to-left fragment in reading order, whichever way
// they were drawn: from right to left, with numbers and foreign words the other way round.
func logicalOrder(glyphs []glyph) []glyph {
	out := slices.Clone(glyphs)
	slices.SortStableFunc(out, func(a, b glyph) int {
		switch {
		case a.x0 > b.x0:
			return -1
		case a.x0 < b.x0:
			return 1
		}
		return 0
	})
	for i := 0; i < len(out); {
		if !leftToRight(out[i].text) {
			i++
			continue
		}
		end := i + 1
		for j := end; j < len(out) && !rightToLeft(out[j].text); j++ {
			if leftToRight(out[j].text) {
				end = j + 1
			}
		}
		slices.Reverse(out[i:end])
		i = end
	}
	return out
}

func leftToRight(s string) bool {
	r, _ := utf8.DecodeRuneInString(s)
	return (unicode.IsLetter(r) || unicode.IsNumber(r)) && !rightToLeft(s)
}

// appendLine adds a fragment: as a cell of the line before where it stands right of it on
// the same base line, else as a line of its own.
func appendLine(out []line, l line) []line {
	if n := len(out); n > 0 {
		last := &out[n-1]
		size := max(last.size, l.size)
		if last.goesLeft(&l) {
			last.joinLeft(&l)
			return out
		}
		if last.page == l.page && last.turn == l.turn && sameBase(last.y, last.size, l.y, l.size) && l.x0 >= last.x1-backSlack*size {
			if l.x0-last.x1 < cellGap*size {
				end := &last.cells[len(last.cells)-1]
				if l.x0-end.x1 > wordGap*size || last.trail || l.lead {
					end.text += " "
				}
				end.text += l.cells[0].text
				end.x1 = l.x1
			} else {
				last.cells = append(last.cells, l.cells[0])
			}
			last.bold = last.bold && l.bold
			if l.ink > last.ink {
				last.size, last.y = l.size, l.y
			}
			last.x1, last.ink, last.trail = l.x1, last.ink+l.ink, l.trail
			return out
		}
	}
	return append(out, l)
}

// goesLeft reports whether m goes on in a line that is read from right to left.
func (l *line) goesLeft(m *line) bool {
	size := max(l.size, m.size)
	return (l.rtl || m.rtl) && l.page == m.page && l.turn == m.turn && sameBase(l.y, l.size, m.y, m.size) &&
		m.x1 <= l.x0+backSlack*size && l.x0-m.x1 < cellGap*size
}

func (l *line) joinLeft(m *line) {
	text := &l.cells[len(l.cells)-1].text
	if l.x0-m.x1 > wordGap*m.size || l.trail || m.lead {
		*text += " "
	}
	*text += m.cells[0].text
	l.cells[len(l.cells)-1].x0 = m.x0
	l.x0, l.ink, l.rtl, l.bold, l.trail = m.x0, l.ink+m.ink, true, l.bold && m.bold, m.trail
}
