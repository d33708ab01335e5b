package pdf

import (
	"math"

	"github.com/ledongthuc/pdf"
)

// What makes text invisible.
const (
	leastSize   = 1.0  // points, below which type is a hair line,
	leastOfBody = 0.25 // if it is also below this part of the page's commonest size
	whiteFrom   = 0.97 // of full light in every colour
	leastAlpha  = 0.05
	scanShare   = 0.5 // of a page that an image covers when it is a scan, whose text layer is drawn without ink
	mostAreas   = 2_000
)

// unseen is why a glyph is not seen.
type unseen uint8

const (
	noInk   unseen = 1 << iota // drawn in a mode without ink, or transparent
	onPaper                    // white, with nothing drawn below it
	offPage                    // outside of the page
)

// box is a rectangle with sides along the axes.
type box struct{ x0, y0, x1, y1 float64 }

func (b box) holds(x, y float64) bool { return b.x0 <= x && x <= b.x1 && b.y0 <= y && y <= b.y1 }
func (b box) area() float64           { return max(0, b.x1-b.x0) * max(0, b.y1-b.y0) }

// nothing is the box of no point; it grows with each.
var nothing = box{math.Inf(1), math.Inf(1), math.Inf(-1), math.Inf(-1)}

func (b box) with(x, y float64) box {
	return box{min(b.x0, x), min(b.y0, y), max(b.x1, x), max(b.y1, y)}
}

// through returns the box around b after a transformation.
func (b box) through(m matrix) box {
	out := nothing
	for _, x := range [2]float64{b.x0, b.x1} {
		for _, y := range [2]float64{b.y0, b.y1} {
			out = out.with(m[0]*x+m[2]*y+m[4], m[1]*x+m[3]*y+m[5])
		}
	}
	return out
}

// shown is what of a page shows its text: the paper, what was drawn on it, and the path that is
// being built.
type shown struct {
	paper  *box // nil where the file does not say
	areas  []box
	images float64 // area that images cover
	path   box
}

// paintOperator follows what colours the paper. names are those of the content stream.
func (p *painter) paintOperator(operator string, args []value, names scope) {
	switch operator {
	case "m", "l":
		if n, ok := numbers(args, 2); ok {
			p.extend(n[0], n[1])
		}
	case "c", "v", "y":
		for i := 0; i+1 < len(args); i += 2 {
			if n, ok := numbers(args[i:i+2], 2); ok {
				p.extend(n[0], n[1])
			}
		}
	case "re":
		if n, ok := numbers(args, 4); ok {
			p.extend(n[0], n[1])
			p.extend(n[0]+n[2], n[1]+n[3])
		}
	case "f", "F", "f*", "B", "B*", "b", "b*":
		if !p.white {
			p.cover(p.shown.path)
		}
		p.shown.path = nothing
	case "n", "S", "s":
		p.shown.path = nothing
	case "sh":
		p.cover(box{math.Inf(-1), math.Inf(-1), math.Inf(1), math.Inf(1)})
	case "Tr":
		if n, ok := numbers(args, 1); ok {
			p.mode = int(n[0])
		}
	case "gs":
		p.setAlpha(args, names)
	default:
		p.setColor(operator, args, names)
	}
}

func (p *painter) extend(x, y float64) {
	m := p.ctm
	p.shown.path = p.shown.path.with(m[0]*x+m[2]*y+m[4], m[1]*x+m[3]*y+m[5])
}

// cover notes that something is drawn. After very many areas, everything counts as covered: text
// is only left out where that is certain.
func (p *painter) cover(area box) {
	if len(p.shown.areas) == mostAreas {
		area = box{math.Inf(-1), math.Inf(-1), math.Inf(1), math.Inf(1)}
	}
	if len(p.shown.areas) <= mostAreas {
		p.shown.areas = append(p.shown.areas, area)
	}
}

// image notes an image in the unit square.
func (p *painter) image() {
	area := box{0, 0, 1, 1}.through(p.ctm)
	p.cover(area)
	p.shown.images += area.area()
}

func (p *painter) setAlpha(args []value, names scope) {
	if len(args) == 0 || args[0].kind != kindName {
		return
	}
	switch alpha := names.resources.Key("ExtGState").Key(args[0].text).Key("ca"); alpha.Kind() {
	case pdf.Real, pdf.Integer:
		p.clear = alpha.Float64() < leastAlpha
	}
}

// setColor follows the colour of fillings. What is not understood counts as ink.
func (p *painter) setColor(operator string, args []value, names scope) {
	switch operator {
	case "g":
		p.white = allAtLeast(args, 1, whiteFrom)
	case "rg":
		p.white = allAtLeast(args, 3, whiteFrom)
	case "k":
		p.white = isWhiteCMYK(args)
	case "cs":
		p.white, p.space = false, 0
		if len(args) > 0 {
			p.space = components(args[0].text, names)
		}
	case "sc", "scn":
		switch {
		case p.space == 4:
			p.white = isWhiteCMYK(args)
		case p.space > 0:
			p.white = allAtLeast(args, p.space, whiteFrom)
		default:
			p.white = false
		}
	}
}

func allAtLeast(args []value, n int, least float64) bool {
	c, ok := numbers(args, n)
	for i := range n {
		ok = ok && c[i] >= least
	}
	return ok
}

func isWhiteCMYK(args []value) bool {
	c, ok := numbers(args, 4)
	return ok && c[0]+c[1]+c[2]+c[3] <= 1-whiteFrom
}

// components returns how many components a colour space has whose colours are light: 1, 3, or 4 of
// inks; 0 for others, such as separations and patterns.
func components(name string, names scope) int {
	switch name {
	case "DeviceGray", "G", "CalGray":
		return 1
	case "DeviceRGB", "RGB", "CalRGB":
		return 3
	case "DeviceCMYK", "CMYK":
		return 4
	}
	space := names.resources.Key("ColorSpace").Key(name)
	if space.Kind() != pdf.Array || space.Len() < 2 {
		return 0
	}
	switch space.Index(0).Name() {
	case "CalGray":
		return 1
	case "CalRGB":
		return 3
	case "ICCBased":
		if n := int(space.Index(1).Key("N").Int64()); n == 1 || n == 3 || n == 4 {
			return n
		}
	}
	return 0
}

// hiddenAt says why a glyph at a place on the paper is not seen.
func (p *painter) hiddenAt(x, y float64) (why unseen) {
	if p.mode == 3 || p.mode == 7 || p.clear {
		why |= noInk
	}
	if paper := p.shown.paper; paper != nil && !paper.holds(x, y) {
		why |= offPage
	}
	if p.white && (p.mode == 0 || p.mode == 4) && !p.covered(x, y) {
		why |= onPaper
	}
	return why
}

func (p *painter) covered(x, y float64) bool {
	for _, area := range p.shown.areas {
		if area.holds(x, y) {
			return true
		}
	}
	return false
}

// seen returns the glyphs that readers see. A scan keeps its text, which is drawn without ink over
// or under an image of the page; and where most text of a page would go, all of it stays: then the
// page is not what it seems to us.
func (p *painter) seen() []glyph {
	scan := p.shown.paper != nil && p.shown.images >= scanShare*p.shown.paper.area()
	sizes := make(map[float64]int)
	for i := range p.glyphs {
		sizes[math.Round(p.glyphs[i].size*4)/4]++
	}
	body, lost := commonest(sizes), 0
	hidden := func(g *glyph) bool {
		why := g.unseen
		if scan {
			why &^= noInk
		}
		return why != 0 || g.size < leastSize && g.size < leastOfBody*body
	}
	for i := range p.glyphs {
		if hidden(&p.glyphs[i]) {
			lost++
		}
	}
	if lost == 0 || 2*lost > len(p.glyphs) {
		return p.glyphs
	}
	out := p.glyphs[:0]
	for _, g := range p.glyphs {
		if !hidden(&g) {
			out = append(out, g)
		}
	}
	return out
}

// paperOf is the part of a page that is shown, turned as it is shown; nil where the file does not
// say or is wrong.
func paperOf(pg page) *box {
	media, ok := boxOf(pg.media)
	if !ok {
		return nil
	}
	if crop, ok := boxOf(pg.crop); ok {
		if both := (box{max(media.x0, crop.x0), max(media.y0, crop.y0), min(media.x1, crop.x1), min(media.y1, crop.y1)}); both.area() > 0 {
			media = both
		}
	}
	turned := media.through(rotation(pg.rotate))
	return &turned
}

func boxOf(v pdf.Value) (box, bool) {
	if v.Kind() != pdf.Array || v.Len() != 4 {
		return box{}, false
	}
	b := nothing.with(v.Index(0).Float64(), v.Index(1).Float64()).with(v.Index(2).Float64(), v.Index(3).Float64())
	return b, b.area() > 0
}
