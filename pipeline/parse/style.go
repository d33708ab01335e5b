package parse

import (
	"strconv"
	"strings"
)

// Bounds below and beyond which text is not there for a reader.
const (
	leastFontPixels = 2.0
	leastOpacity    = 0.1
	farPixels       = 500.0   // outside of the page, to the left or above
	maxStyleBytes   = 1 << 20 // of a style attribute that is looked at
)

// style is what an attribute or a rule of a style sheet declares, in small letters. Of a property
// that is declared twice the last counts.
type style map[string]string

func parseStyle(s string) style {
	if len(s) == 0 {
		return nil
	}
	declared := style{}
	for declaration := range strings.SplitSeq(strings.ToLower(plainCSS(s[:min(len(s), maxStyleBytes)])), ";") {
		property, value, ok := strings.Cut(declaration, ":")
		if ok {
			value, _, _ = strings.Cut(value, "!")
			declared[strings.TrimSpace(property)] = strings.TrimSpace(value)
		}
	}
	return declared
}

// plainCSS is CSS without comments and with its escapes as what they stand for: "d\69 splay" is
// "display".
func plainCSS(css string) string {
	if !strings.Contains(css, "/*") && !strings.Contains(css, "\\") {
		return css
	}
	var b strings.Builder
	for css != "" {
		switch i := strings.IndexAny(css, "/\\"); {
		case i < 0:
			b.WriteString(css)
			return b.String()
		case css[i] == '\\':
			b.WriteString(css[:i])
			css = writeEscape(&b, css[i+1:])
		case strings.HasPrefix(css[i:], "/*"):
			b.WriteString(css[:i])
			_, css, _ = strings.Cut(css[i+2:], "*/")
		default:
			b.WriteString(css[:i+1])
			css = css[i+1:]
		}
	}
	return b.String()
}

// writeEscape writes what an escape stands for and returns what follows it: up to six hexadecimal
// digits and one white space, or any other character as it is.
func writeEscape(b *strings.Builder, css string) string {
	n := 0
	for n < min(6, len(css)) && strings.IndexByte("0123456789abcdefABCDEF", css[n]) >= 0 {
		n++
	}
	if n == 0 {
		return css
	}
	code, _ := strconv.ParseUint(css[:n], 16, 32) // of digits alone
	b.WriteRune(rune(code))
	if css = css[n:]; css != "" && strings.IndexByte(" \t\n\r\f", css[0]) >= 0 {
		css = css[1:]
	}
	return css
}

// HiddenStyle reports whether declarations of CSS hide text from readers: not shown, without ink,
// too small, outside of the page or of its own box, or in the colour of its own background.
func HiddenStyle(declarations string) bool {
	s := parseStyle(declarations)
	if s == nil {
		return false
	}
	return s.notShown() || s.tiny() || s.away() || s.clipped() || s.unpainted()
}

func (s style) notShown() bool {
	visibility := s["visibility"]
	_, filter, _ := strings.Cut(s["filter"], "opacity(")
	filter, _, _ = strings.Cut(filter, ")")
	return s["display"] == "none" || visibility == "hidden" || visibility == "collapse" || s["content-visibility"] == "hidden" ||
		sheer(s["opacity"]) || sheer(filter)
}

// sheer reports whether an opacity leaves nothing to see.
func sheer(opacity string) bool {
	n, isNumber := leadingNumber(opacity)
	if strings.HasSuffix(opacity, "%") {
		n /= 100
	}
	return isNumber && n < leastOpacity
}

func (s style) tiny() bool {
	if tinySize(s["font-size"]) || strings.HasPrefix(s["transform"], "scale(0") && !strings.HasPrefix(s["transform"], "scale(0.") {
		return true
	}
	for part := range strings.FieldsSeq(s["font"]) {
		size, _, _ := strings.Cut(part, "/")
		if _, isNumber := leadingNumber(size); isNumber {
			return tinySize(size) && strings.TrimLeft(size, "0123456789.") != "" || size == "0"
		}
	}
	return false
}

// tinySize reports whether a size of type is one that nobody reads.
func tinySize(size string) bool {
	n, isNumber := leadingNumber(size)
	if !isNumber {
		return false
	}
	switch unit := strings.TrimLeft(size, "-+.0123456789"); unit {
	case "em", "rem", "ex", "ch":
		n *= 16
	case "%":
		n *= 0.16
	}
	return n < leastFontPixels
}

// away reports whether a box is put where no page is.
func (s style) away() bool {
	if s["position"] == "absolute" || s["position"] == "fixed" {
		for _, property := range []string{"left", "top", "right", "bottom"} {
			if n, ok := leadingNumber(s[property]); ok && n <= -farPixels {
				return true
			}
		}
	}
	for _, property := range []string{"text-indent", "margin-left", "margin-top", "margin"} {
		if n, ok := leadingNumber(s[property]); ok && n <= -farPixels {
			return true
		}
	}
	_, moved, _ := strings.Cut(s["transform"], "translate")
	_, by, _ := strings.Cut(moved, "(")
	n, ok := leadingNumber(by)
	return ok && n <= -farPixels
}

// clipped reports whether a box is too small for what is in it, and cuts it off.
func (s style) clipped() bool {
	clip := strings.ReplaceAll(s["clip"]+s["clip-path"], " ", "")
	for _, none := range []string{"rect(0,0,0,0)", "rect(0000)", "rect(0px,0px,0px,0px)", "rect(1px,1px,1px,1px)", "inset(50%)", "inset(100%)", "circle(0"} {
		if strings.HasPrefix(clip, none) {
			return true
		}
	}
	if s["overflow"] != "hidden" && s["overflow"] != "clip" {
		return false
	}
	for _, property := range []string{"width", "height", "max-width", "max-height"} {
		if n, ok := leadingNumber(s[property]); ok && n <= 1 && !strings.HasSuffix(s[property], "%") && !strings.HasSuffix(s[property], "em") {
			return true
		}
	}
	return false
}

// unpainted reports whether text has no colour, or that of what is behind it.
func (s style) unpainted() bool {
	if strings.Contains(s["background-clip"]+s["-webkit-background-clip"], "text") {
		return false // the background is the ink
	}
	ink, behind := ParseColor(s["color"]), s.background()
	return ink == ColorNone || ink.solid() && ink.near(behind)
}

// leadingNumber is the number that a value begins with.
func leadingNumber(s string) (float64, bool) {
	s = strings.TrimSpace(s)
	end := 0
	for end < len(s) && (s[end] == '-' && end == 0 || s[end] == '+' && end == 0 || s[end] == '.' || '0' <= s[end] && s[end] <= '9') {
		end++
	}
	n, err := strconv.ParseFloat(s[:end], 64)
	return n, err == nil
}
