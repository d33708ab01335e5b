package evaluation

import (
	"cmp"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/lodedb/lode"
)

// Bounds of sentences that questions are made of.
const (
	leastWords = 6
	mostWords  = 45
)

// sentence is a stretch of a passage.
type sentence struct {
	text string
	span lode.Span // in the passage
	rare []string  // its words that few passages have, the rarest first
}

// salient are the sentences of a passage that say the most: by the mean rarity of their words.
func (x *textIndex) salient(text string) []sentence {
	type scored struct {
		sentence
		worth float64
	}
	var all []scored
	for _, s := range sentences(text) {
		words := distinct(s.text)
		if len(words) < leastWords || len(words) > mostWords {
			continue
		}
		worth := 0.0
		for _, w := range words {
			if !x.common(w) && !number(w) && utf8.RuneCountInString(w) > 2 {
				s.rare = append(s.rare, w)
				worth += x.idf(w)
			}
		}
		if len(s.rare) < 3 {
			continue
		}
		s.rare = x.byRarity(s.rare)
		all = append(all, scored{s, worth / float64(len(words))})
	}
	slices.SortStableFunc(all, func(a, b scored) int { return cmp.Compare(b.worth, a.worth) })
	out := make([]sentence, len(all))
	for i := range all {
		out[i] = all[i].sentence
	}
	return out
}

// sentences cuts a text behind full stops, question and exclamation marks that white space follows, and
// at empty lines, the ends of list items and table rows.
func sentences(text string) []sentence {
	var out []sentence
	start := 0
	add := func(end int) {
		s := text[start:end]
		left := len(s) - len(strings.TrimLeftFunc(s, unicode.IsSpace))
		if s = strings.TrimSpace(s); s != "" {
			out = append(out, sentence{text: s, span: lode.Span{Start: start + left, End: start + left + len(s)}})
		}
		start = end
	}
	for i, r := range text {
		after := i + utf8.RuneLen(r)
		switch {
		case r == utf8.RuneError:
		case strings.ContainsRune("。！？", r):
			add(after)
		case strings.ContainsRune(".!?", r) && after < len(text) && isSpaceAt(text, after) && !number(strings.TrimSpace(text[start:i])):
			add(after) // behind a number alone it is one of a list
		case r == '\n' && after < len(text) && breaks(text[after:]):
			add(after)
		}
	}
	add(len(text))
	return out
}

func isSpaceAt(s string, i int) bool {
	r, _ := utf8.DecodeRuneInString(s[i:])
	return unicode.IsSpace(r)
}

// breaks reports whether what begins a line is no continuation of the line before.
func breaks(rest string) bool {
	line, _, _ := strings.Cut(rest, "\n")
	line = strings.TrimSpace(line)
	return line == "" || strings.HasPrefix(line, "- ") || strings.HasPrefix(line, "* ") || strings.Contains(line, " | ") || numbered.MatchString(line)
}

var numbered = regexp.MustCompile(`^\d{1,3}[.)] `)

// ask makes a question by a template; ok is false where the sentence is not fit for it.
func (x *textIndex) ask(t Template, c *DraftChunk, s sentence) (query, answer string, ok bool) {
	switch t {
	case TemplateKeywords:
		return strings.Join(inOrder(s, s.rare[:min(4, len(s.rare))]), " "), "", true
	case TemplateHeading:
		head := cmp.Or(last(c.Path), c.Title)
		words := s.rare[min(1, len(s.rare)-2):]
		return head + ": " + strings.Join(inOrder(s, words[:2]), " "), "", head != ""
	case TemplateCloze:
		if len(s.rare) < 4 {
			return "", "", false
		}
		return without(s.text, s.rare[:2]), strings.Join(inOrder(s, s.rare[:2]), " "), true
	case TemplateCommon:
		words := s.rare[len(s.rare)/2:]
		return strings.Join(inOrder(s, words), " "), "", len(words) >= 3
	}
	return "", "", false
}

func last(path []string) string {
	if len(path) == 0 {
		return ""
	}
	return path[len(path)-1]
}

// inOrder puts words into the order that they have in the sentence.
func inOrder(s sentence, words []string) []string {
	return slices.DeleteFunc(distinct(s.text), func(w string) bool { return !slices.Contains(words, w) })
}

// without is a text in which words are left out, as it is written else.
func without(text string, words []string) string {
	kept := strings.Fields(text)
	kept = slices.DeleteFunc(kept, func(field string) bool {
		for w := range lode.SplitWords(field) {
			if slices.Contains(words, w) {
				return true
			}
		}
		return false
	})
	return strings.Trim(strings.Join(kept, " "), " .,;:!?|-*")
}

func number(w string) bool {
	return strings.IndexFunc(w, func(r rune) bool { return !unicode.IsDigit(r) }) < 0
}

// What looks personal: addresses of mail, runs of seven digits or more with what people put between
// them (telephones, cards, accounts), and international bank accounts.
var personalForms = regexp.MustCompile(`[\p{L}\p{N}._%+-]+@[\p{L}\p{N}-]+(\.[\p{L}\p{N}-]+)*|\+?\d([ ()./-]{0,2}\d){6,}|\b[A-Z]{2}\d{2}( ?[A-Z0-9]{4}){3,}`)

// personal reports whether a question holds what may be about a person.
func personal(query string) bool { return personalForms.MatchString(query) }
