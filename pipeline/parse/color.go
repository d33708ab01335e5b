package parse

import (
	"strconv"
	"strings"
)

// Color is 0xRRGGBB, or one of the constants.
type Color int32

// Colours that are none.
const (
	ColorUnknown Color = -1 // nothing is said of it, or nothing that is understood
	ColorNone    Color = -2 // transparent
	ColorImage   Color = -3 // more than one: an image or a gradient

	White Color = 0xFFFFFF
)

// nearColors are so much alike, in each of red, green and blue, that nobody reads one on the other.
const nearColors = 24

func (c Color) solid() bool { return c >= 0 }

func (c Color) near(d Color) bool {
	if !c.solid() || !d.solid() {
		return false
	}
	for shift := 0; shift <= 16; shift += 8 {
		a, b := int(c>>shift&0xFF), int(d>>shift&0xFF)
		if a-b > nearColors || b-a > nearColors {
			return false
		}
	}
	return true
}

// colorNames are names of CSS: those of the pale colours, and the old sixteen.
var colorNames = map[string]Color{
	"white": White, "snow": 0xFFFAFA, "ivory": 0xFFFFF0, "floralwhite": 0xFFFAF0, "ghostwhite": 0xF8F8FF, "mintcream": 0xF5FFFA, "azure": 0xF0FFFF,
	"aliceblue": 0xF0F8FF, "whitesmoke": 0xF5F5F5, "seashell": 0xFFF5EE, "honeydew": 0xF0FFF0, "lightyellow": 0xFFFFE0,
	"black": 0, "silver": 0xC0C0C0, "gray": 0x808080, "grey": 0x808080, "maroon": 0x800000, "red": 0xFF0000, "purple": 0x800080, "fuchsia": 0xFF00FF,
	"green": 0x008000, "lime": 0x00FF00, "olive": 0x808000, "yellow": 0xFFFF00, "navy": 0x000080, "blue": 0x0000FF, "teal": 0x008080, "aqua": 0x00FFFF,
	"transparent": ColorNone,
}

// ParseColor reads a colour of CSS or HTML: a name, hexadecimal digits, rgb or rgba.
func ParseColor(s string) Color {
	s = strings.ToLower(strings.TrimSpace(s))
	if c, ok := colorNames[s]; ok {
		return c
	}
	if digits, ok := strings.CutPrefix(s, "#"); ok {
		return hexColor(digits)
	}
	if arguments, ok := strings.CutPrefix(s, "rgb"); ok {
		return rgbColor(strings.Trim(arguments, "a( )"))
	}
	return ColorUnknown
}

func hexColor(digits string) Color {
	if len(digits) == 3 || len(digits) == 4 {
		var long []byte
		for i := range len(digits) {
			long = append(long, digits[i], digits[i])
		}
		digits = string(long)
	}
	n, err := strconv.ParseUint(digits, 16, 32)
	switch {
	case err != nil || len(digits) != 6 && len(digits) != 8:
		return ColorUnknown
	case len(digits) == 6:
		return Color(n)
	case n&0xFF < 0x1A: // a tenth, as leastOpacity
		return ColorNone
	}
	return Color(n >> 8)
}

func rgbColor(arguments string) Color {
	parts := strings.FieldsFunc(arguments, func(r rune) bool { return r == ',' || r == ' ' || r == '/' })
	if len(parts) != 3 && len(parts) != 4 {
		return ColorUnknown
	}
	var c Color
	for i, part := range parts {
		n, ok := leadingNumber(part)
		if !ok {
			return ColorUnknown
		}
		percent := strings.HasSuffix(part, "%")
		switch {
		case i == 3 && percent && n < 100*leastOpacity, i == 3 && !percent && n < leastOpacity:
			return ColorNone
		case i == 3:
			continue
		case percent:
			n *= 2.55
		}
		c = c<<8 | Color(max(0, min(255, n)))
	}
	return c
}

// background is what declarations say of what is behind text.
func (s style) background() Color {
	if image := s["background-image"]; image != "" && image != "none" {
		return ColorImage
	}
	if c := ParseColor(s["background-color"]); c != ColorUnknown {
		return c
	}
	value := s["background"]
	if strings.Contains(value, "url(") || strings.Contains(value, "gradient(") {
		return ColorImage
	}
	if c := ParseColor(value); c != ColorUnknown {
		return c
	}
	for part := range strings.FieldsSeq(value) {
		if c := ParseColor(part); c != ColorUnknown {
			return c
		}
	}
	return ColorUnknown
}

// Paint is what ink a text has and what is behind it, as far as elements around it say.
type Paint struct{ Ink, Behind Color }

// Unpainted says nothing.
var Unpainted = Paint{Ink: ColorUnknown, Behind: ColorUnknown}

// Over returns the paint of an element inside of one that has paint p.
func (p Paint) Over(attrs map[string]string) Paint {
	if len(attrs) == 0 {
		return p
	}
	s := parseStyle(attrs["style"])
	for _, ink := range []Color{ParseColor(attrs["color"]), ParseColor(s["color"])} { // of font; style wins
		if ink != ColorUnknown {
			p.Ink = ink
		}
	}
	if (attrs["class"] != "" || attrs["id"] != "") && p.Behind.near(White) {
		p.Behind = ColorUnknown // a style sheet may paint over the paper here
	}
	for _, behind := range []Color{ParseColor(attrs["bgcolor"]), s.background()} {
		if behind != ColorUnknown && behind != ColorNone {
			p.Behind = behind
		}
	}
	return p
}

// Invisible reports whether ink cannot be read on what elements say is behind it.
func (p Paint) Invisible() bool { return p.Ink.solid() && p.Ink.near(p.Behind) }

// Pale reports whether ink cannot be read on paper, and nothing says that something else is behind
// it: a style sheet may.
func (p Paint) Pale() bool { return p.Behind == ColorUnknown && p.Ink.near(White) }
