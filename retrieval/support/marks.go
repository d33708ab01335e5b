package support

import (
	"regexp"
	"strconv"
	"strings"
	"unicode"

	"github.com/clipperhouse/uax29/v2/sentences"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/internal/text"
)

// A mark is one or more numbers in brackets: [1], [2, 3], [1][4]. Longer numbers are years or
// prices.
var mark = regexp.MustCompile(`\[\d{1,3}(?:\s*[,;]\s*\d{1,3})*\]`)

var digits = regexp.MustCompile(`\d+`)

func marksOf(s string) []int {
	var out []int
	seen := map[int]bool{}
	for _, m := range mark.FindAllString(s, -1) {
		for _, d := range digits.FindAllString(m, -1) {
			n, _ := strconv.Atoi(d) // at most three digits
			if !seen[n] {
				seen[n] = true
				out = append(out, n)
			}
		}
	}
	return out
}

func withoutMarks(s string) string { return mark.ReplaceAllString(s, " ") }

// sentencesOf cuts a text into sentences without the white space around them. Lines of lists and
// headings are sentences of their own. Marks that stand behind the full stop belong to the
// sentence before.
func sentencesOf(s string) []lode.Span {
	var out []lode.Span
	at := 0
	for line := range strings.Lines(s) {
		from := at
		for cut := sentences.FromString(line); cut.Next(); {
			span := trimmed(s, lode.Span{Start: from, End: from + len(cut.Value())})
			from += len(cut.Value())
			if span.Len() == 0 {
				continue
			}
			if lead := leadingMarks(s[span.Start:span.End]); lead > 0 && len(out) > 0 && out[len(out)-1].End >= at {
				out[len(out)-1].End = span.Start + lead
				span = trimmed(s, lode.Span{Start: span.Start + lead, End: span.End})
			}
			if strings.IndexFunc(s[span.Start:span.End], isSaying) >= 0 {
				out = append(out, span)
			}
		}
		at += len(line)
	}
	return out
}

func isSaying(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) }

// leadingMarks is the length of the marks that a text begins with, and of punctuation between.
func leadingMarks(s string) int {
	end := 0
	for {
		m := mark.FindStringIndex(s[end:])
		if m == nil || strings.IndexFunc(s[end:end+m[0]], isSaying) >= 0 {
			return end
		}
		end += m[1]
	}
}

func trimmed(s string, span lode.Span) lode.Span {
	text := s[span.Start:span.End]
	span.Start += len(text) - len(strings.TrimLeftFunc(text, unicode.IsSpace))
	text = s[span.Start:span.End]
	span.End -= len(text) - len(strings.TrimRightFunc(text, unicode.IsSpace))
	return span
}

// Words that turn what is said around, in the languages that have rules.
var negation = regexp.MustCompile(`(?i)(?:^|[^\p{L}])(?:not|no|never|none|neither|nor|without|cannot|can't|won't|\p{L}+n[’']t|nicht|kein\p{L}*|nie|niemals|ohne|ne|pas|jamais|aucun\p{L}*|nunca|sin|non|mai|senza|não|niet|geen|inte)(?:$|[^\p{L}])`)

// negatedReach is how many terms behind a negation it is taken to turn around.
const negatedReach = 3

// negatedTerms are the terms behind a negation, up to the end of its clause.
func negatedTerms(s string, tokens []text.Token) map[string]bool {
	var out map[string]bool
	for _, m := range negation.FindAllStringIndex(s, -1) {
		end := len(s)
		if cut := strings.IndexAny(s[m[1]:], ",;:.!?"); cut >= 0 {
			end = m[1] + cut
		}
		left := negatedReach
		for _, t := range tokens {
			if t.Start < m[1]-1 || t.Start >= end || t.Compound || left == 0 {
				continue
			}
			if out == nil {
				out = map[string]bool{}
			}
			out[t.Term] = true
			left--
		}
	}
	return out
}
