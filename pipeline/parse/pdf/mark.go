package pdf

import "strings"

// mark is a stretch of marked content.
type mark struct {
	artifact bool
	actual   *string // text that replaces what is drawn, until it was written once
}

func (p *painter) openMark(args []value) {
	if len(p.marks) >= maxStateDepth {
		return
	}
	m := mark{}
	if len(args) > 0 && args[0].text == "Artifact" && p.tagged {
		m.artifact = true
		p.artifact++
	}
	if len(args) > 1 && args[1].kind == kindOpen {
		for i := 0; i+1 < len(args[1].items); i += 2 {
			if args[1].items[i].text == "ActualText" && args[1].items[i+1].kind == kindString {
				s := textString(args[1].items[i+1].text)
				m.actual = &s
			}
		}
	}
	p.marks = append(p.marks, m)
}

func (p *painter) closeMark() {
	n := len(p.marks)
	if n == 0 {
		return
	}
	if p.marks[n-1].artifact {
		p.artifact--
	}
	p.marks = p.marks[:n-1]
}

// textString decodes a string meant for people: UTF-16 with a mark, UTF-8 with a mark, else
// nearly Latin-1.
func textString(s string) string {
	switch {
	case strings.HasPrefix(s, "\xFE\xFF"):
		return string(utf16BE(s[2:]))
	case strings.HasPrefix(s, "\xEF\xBB\xBF"):
		return strings.ToValidUTF8(s[3:], unmapped)
	}
	out := make([]rune, len(s))
	for i := range len(s) {
		out[i] = rune(s[i])
	}
	return string(out)
}

// actual returns the text that replaces what is drawn, if the open marks give one: the whole
// at the first glyph, nothing at the others.
func (p *painter) actual() (string, bool) {
	for i := range p.marks {
		if s := p.marks[i].actual; s != nil {
			text := *s
			*s = ""
			return text, true
		}
	}
	return "", false
}
