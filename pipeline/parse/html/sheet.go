package html

import (
	"strings"

	"golang.org/x/net/html/atom"

	"github.com/lodedb/lode/pipeline/parse"
)

// The bounds of what is read of style sheets in a page.
const (
	maxSheetBytes = 1 << 20
	maxSelectors  = 10_000
)

// sheet is what the style elements of a page hide by simple selectors: a class, an id, or either
// with a tag. Style sheets elsewhere are never fetched.
type sheet struct {
	bytes     int
	selectors map[string]bool
}

// add reads the rules of a style element. Conditions, as for printing or for a width, are left out;
// those that hold on every screen are none.
func (s *sheet) add(css string) {
	if s.bytes += len(css); s.bytes > maxSheetBytes || !strings.Contains(css, "{") {
		return
	}
	css = withoutComments(css)
	for len(css) > 0 {
		open := strings.IndexByte(css, '{')
		if open < 0 {
			return
		}
		head, rest := strings.Trim(css[:open], "} \t\r\n\f"), css[open+1:]
		if onScreens(head) {
			css = rest
			continue
		}
		if strings.HasPrefix(head, "@") {
			css = rest[blockEnd(rest):]
			continue
		}
		body, after, _ := strings.Cut(rest, "}")
		if css = after; parse.HiddenStyle(body) {
			s.hide(head)
		}
	}
}

// onScreens reports whether the head of a block is of one that holds wherever a page is read.
func onScreens(head string) bool {
	switch strings.Join(strings.Fields(strings.ToLower(head)), " ") {
	case "@media screen", "@media all", "@media only screen", "@layer":
		return true
	}
	return strings.HasPrefix(head, "@layer ")
}

// hide remembers the simple ones of a list of selectors.
func (s *sheet) hide(list string) {
	for selector := range strings.SplitSeq(list, ",") {
		selector = strings.TrimSpace(selector)
		if i := strings.LastIndexAny(selector, ".#"); i < 0 || strings.ContainsAny(selector, " \t\n>+~:[*") || strings.ContainsAny(selector[:i], ".#") || len(s.selectors) >= maxSelectors {
			continue
		}
		if s.selectors == nil {
			s.selectors = make(map[string]bool)
		}
		s.selectors[selector] = true
	}
}

// hides reports whether a rule is for the element.
func (s *sheet) hides(n *node, attrs map[string]string) bool {
	if len(s.selectors) == 0 {
		return false
	}
	tag := n.tag.String()
	if n.tag == atom.Atom(0) {
		tag = n.name
	}
	of := func(sign, name string) bool { return s.selectors[sign+name] || s.selectors[tag+sign+name] }
	for class := range strings.FieldsSeq(attrs["class"]) {
		if of(".", class) {
			return true
		}
	}
	return attrs["id"] != "" && of("#", attrs["id"])
}

// blockEnd is where a block in braces ends, which holds others.
func blockEnd(css string) int {
	depth := 1
	for i := range len(css) {
		switch css[i] {
		case '{':
			depth++
		case '}':
			if depth--; depth == 0 {
				return i + 1
			}
		}
	}
	return len(css)
}

func withoutComments(css string) string {
	var b strings.Builder
	for {
		before, comment, found := strings.Cut(css, "/*")
		b.WriteString(before)
		if !found {
			return b.String()
		}
		_, css, _ = strings.Cut(comment, "*/")
	}
}
