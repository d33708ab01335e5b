package pdf

import (
	"context"
	"math"

	"github.com/ledongthuc/pdf"

	"github.com/lodedb/lode/pipeline/parse"
)

// The bounds of what one page may draw. A page of dense text has some 10,000 glyphs.
const (
	maxContentBytes = 64 << 20
	maxGlyphs       = 1 << 20
	maxFormDepth    = 8
	maxForms        = 10_000 // drawn by one page
	maxStateDepth   = 512
)

// glyph is one drawn character (or the few that a ligature stands for) in a frame where its
// writing direction is to the right and lines go down with falling y.
type glyph struct {
	text   string
	x0, x1 float64
	y      float64 // of the base line
	size   float64
	turn   uint8 // quarter turns of the writing direction: lines of different turns never mix
	bold   bool
	unseen unseen // why readers do not see it
}

// matrix is the transformation [a b c d e f] of PDF.
type matrix [6]float64

var identity = matrix{1, 0, 0, 1, 0, 0}

// mul returns the transformation that does m first and then n.
func (m matrix) mul(n matrix) matrix {
	return matrix{
		m[0]*n[0] + m[1]*n[2], m[0]*n[1] + m[1]*n[3],
		m[2]*n[0] + m[3]*n[2], m[2]*n[1] + m[3]*n[3],
		m[4]*n[0] + m[5]*n[2] + n[4], m[4]*n[1] + m[5]*n[3] + n[5],
	}
}

// state is the part of the graphics state that text depends on.
type state struct {
	ctm       matrix
	font      *font
	size      float64
	charSpace float64
	wordSpace float64
	scale     float64
	leading   float64
	rise      float64
	mode      int  // how text is drawn
	white     bool // the colour of fillings is that of paper
	clear     bool // fillings are transparent
	space     int  // components of the colour space of fillings, as components counts them
}

// painter interprets the content of a page and collects glyphs.
type painter struct {
	ctx    context.Context
	fonts  map[string]*font // by the identity of their dictionary, shared by all pages
	glyphs []glyph
	forms  int
	tagged bool // artifacts are left out

	state
	stack    []state
	text     matrix // text matrix
	line     matrix // text line matrix
	marks    []mark // open marked content
	artifact int    // how many of them are artifacts
	shown    shown
}

// paint interprets a page.
func (p *painter) paint(pg page) error {
	p.glyphs = nil
	p.forms = 0
	p.stack, p.marks, p.artifact = nil, nil, 0
	p.state = state{ctm: rotation(pg.rotate), scale: 1, space: 1}
	p.shown = shown{paper: paperOf(pg), path: nothing}
	content, err := contentBytes(pg.contents, maxContentBytes)
	if err != nil {
		return err
	}
	if err := p.run(content, newScope(pg.resources), 0); err != nil {
		return err
	}
	p.glyphs = p.seen()
	return nil
}

// scope is what names in a content stream refer to.
type scope struct {
	resources pdf.Value
	fonts     map[string]*font
}

func newScope(resources pdf.Value) scope {
	return scope{resources: resources, fonts: make(map[string]*font)}
}

// rotation turns a page the way a viewer shows it.
func rotation(degrees int) matrix {
	switch degrees {
	case 90:
		return matrix{0, -1, 1, 0, 0, 0}
	case 180:
		return matrix{-1, 0, 0, -1, 0, 0}
	case 270:
		return matrix{0, 1, -1, 0, 0, 0}
	}
	return identity
}

func (p *painter) run(content []byte, names scope, depth int) error {
	l := &lexer{b: content}
	var operands []value
	for n := 0; ; n++ {
		if n%4096 == 0 && p.ctx.Err() != nil {
			return p.ctx.Err()
		}
		operator, args, ok := l.next(operands)
		if !ok {
			return nil
		}
		operands = args
		switch operator {
		case "ID":
			l.skipImage()
			p.image()
		case "Do":
			if err := p.draw(args, names, depth); err != nil {
				return err
			}
		case "Tf":
			if err := p.setFont(args, names); err != nil {
				return err
			}
		default:
			if !p.operate(operator, args) {
				p.paintOperator(operator, args, names)
			}
		}
		if len(p.glyphs) > maxGlyphs {
			return parse.TooLarge("glyphs_per_page", maxGlyphs)
		}
	}
}

// numbers returns n numbers of the operands, or false where they are not there.
func numbers(args []value, n int) ([6]float64, bool) {
	var out [6]float64
	if len(args) < n {
		return out, false
	}
	for i, arg := range args[len(args)-n:] {
		if arg.kind != kindNumber {
			return out, false
		}
		out[i] = arg.num
	}
	return out, true
}

// operate does one operator of text, graphics state or marks; done is false for others. Operands
// that are missing make it do nothing.
func (p *painter) operate(operator string, args []value) (done bool) {
	switch operator {
	case "q":
		if len(p.stack) < maxStateDepth {
			p.stack = append(p.stack, p.state)
		}
	case "Q":
		if n := len(p.stack); n > 0 {
			p.state, p.stack = p.stack[n-1], p.stack[:n-1]
		}
	case "cm":
		if m, ok := numbers(args, 6); ok {
			p.ctm = matrix(m).mul(p.ctm)
		}
	case "BT":
		p.text, p.line = identity, identity
	case "Tm":
		if m, ok := numbers(args, 6); ok {
			p.text, p.line = matrix(m), matrix(m)
		}
	case "Td", "TD":
		if m, ok := numbers(args, 2); ok {
			if operator == "TD" {
				p.leading = -m[1]
			}
			p.move(m[0], m[1])
		}
	case "T*":
		p.move(0, -p.leading)
	case "Tc", "Tw", "Tz", "TL", "Ts":
		if m, ok := numbers(args, 1); ok {
			p.setSpacing(operator, m[0])
		}
	case "Tj", "TJ", "'", "\"":
		p.showOperator(operator, args)
	case "BMC", "BDC":
		p.openMark(args)
	case "EMC":
		p.closeMark()
	default:
		return false
	}
	return true
}

func (p *painter) setSpacing(operator string, n float64) {
	switch operator {
	case "Tc":
		p.charSpace = n
	case "Tw":
		p.wordSpace = n
	case "Tz":
		p.scale = n / 100
	case "TL":
		p.leading = n
	case "Ts":
		p.rise = n
	}
}

func (p *painter) showOperator(operator string, args []value) {
	switch operator {
	case "\"":
		if m, ok := numbers(args[:min(len(args), 2)], 2); ok {
			p.wordSpace, p.charSpace = m[0], m[1]
		}
		p.move(0, -p.leading)
	case "'":
		p.move(0, -p.leading)
	}
	if len(args) == 0 {
		return
	}
	last := args[len(args)-1]
	if last.kind == kindString {
		p.show(last.text)
		return
	}
	for _, item := range last.items {
		switch item.kind {
		case kindString:
			p.show(item.text)
		case kindNumber:
			p.text = matrix{1, 0, 0, 1, -item.num / 1000 * p.size * p.scale, 0}.mul(p.text)
		}
	}
}

func (p *painter) move(x, y float64) {
	p.line = matrix{1, 0, 0, 1, x, y}.mul(p.line)
	p.text = p.line
}

func (p *painter) setFont(args []value, names scope) error {
	if len(args) < 2 || args[len(args)-2].kind != kindName {
		return nil
	}
	p.size = args[len(args)-1].num
	name := args[len(args)-2].text
	f, ok := names.fonts[name]
	if !ok {
		var err error
		if f, err = p.loadFont(names.resources.Key("Font").Key(name)); err != nil {
			return err
		}
		names.fonts[name] = f
	}
	p.font = f
	return nil
}

// loadFont reads a font unless a page before had the same.
func (p *painter) loadFont(dictionary pdf.Value) (*font, error) {
	if dictionary.Kind() != pdf.Dict {
		return nil, nil
	}
	key := dictionary.String()
	if f, ok := p.fonts[key]; ok {
		return f, nil
	}
	f, err := newFont(dictionary)
	p.fonts[key] = f
	return f, err
}

// draw interprets a form, which is content inside content.
func (p *painter) draw(args []value, names scope, depth int) error {
	if len(args) == 0 || args[0].kind != kindName || depth >= maxFormDepth {
		return nil
	}
	form := names.resources.Key("XObject").Key(args[0].text)
	if form.Kind() != pdf.Stream || form.Key("Subtype").Name() != "Form" {
		if form.Key("Subtype").Name() == "Image" {
			p.image()
		}
		return nil
	}
	if p.forms++; p.forms > maxForms {
		return parse.TooLarge("forms_per_page", maxForms)
	}
	content, err := streamBytes(form, maxContentBytes)
	if err != nil {
		return err
	}
	if own := form.Key("Resources"); own.Kind() == pdf.Dict {
		names = newScope(own)
	}
	saved, text, line, stack := p.state, p.text, p.line, len(p.stack)
	if m := form.Key("Matrix"); m.Len() == 6 {
		var n matrix
		for i := range n {
			n[i] = m.Index(i).Float64()
		}
		p.ctm = n.mul(p.ctm)
	}
	err = p.run(content, names, depth+1)
	p.state, p.text, p.line, p.stack = saved, text, line, p.stack[:min(stack, len(p.stack))]
	return err
}

// show places the glyphs of a string.
func (p *painter) show(s string) {
	if p.font == nil || p.artifact > 0 {
		return
	}
	for len(s) > 0 {
		var c code
		c, s = p.font.split(s)
		if c.n == 0 {
			return
		}
		text := p.font.text(c)
		if replaced, ok := p.actual(); ok {
			text = replaced
		}
		width := p.font.advance(c) / 1000 * p.size
		p.place(text, width*p.scale)
		step := width + p.charSpace
		if c.n == 1 && c.bits == ' ' {
			step += p.wordSpace
		}
		p.text = matrix{1, 0, 0, 1, step * p.scale, 0}.mul(p.text)
	}
}

// place appends a glyph at the text position, turned so that it is read from left to right.
func (p *painter) place(text string, width float64) {
	if text == "" {
		return
	}
	m := p.text.mul(p.ctm)
	x, y := m[2]*p.rise+m[4], m[3]*p.rise+m[5]
	stretch := math.Hypot(m[0], m[1])
	size := math.Abs(p.size) * math.Hypot(m[2], m[3])
	if math.IsNaN(x+y+size+stretch) || math.IsInf(x+y+size+stretch, 0) || size == 0 {
		return
	}
	right := m[0]
	up := m[1]
	if p.size < 0 { // mirrored twice over: the usual way to draw upside down
		right, up = -right, -up
	}
	g := glyph{text: text, size: size, bold: p.font.bold, unseen: p.hiddenAt(x, y)}
	switch {
	case math.Abs(right) >= math.Abs(up) && right >= 0:
		g.x0, g.y = x, y
	case math.Abs(right) >= math.Abs(up):
		g.x0, g.y, g.turn = -x, -y, 2
	case up > 0:
		g.x0, g.y, g.turn = y, -x, 1
	default:
		g.x0, g.y, g.turn = -y, x, 3
	}
	g.x1 = g.x0 + math.Abs(width)*stretch
	p.glyphs = append(p.glyphs, g)
}
