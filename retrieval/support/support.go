package support

import (
	"unicode"
	"unicode/utf8"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/internal/text"
)

// Limits of a check.
const (
	MaxAnswerBytes = 64 << 10
	MaxSources     = 128
	MaxSourceBytes = 8 << 20 // of all texts together
	// maxWork bounds how often a word of the answer may be found in a sentence of a source, which
	// is what a check takes: two seconds. Answers and contexts that are no attack stay far below.
	maxWork = 40_000_000
	// maxTerms is how many different words of one sentence are looked for, the first of them.
	maxTerms = 512
)

// Thresholds of the score: the lowest, and for weak the highest, at which nine verdicts of ten are right on
// the articles of XQuAD with even numbers; see DESIGN.md.
const (
	enough = 0.70 // from here on a sentence is supported
	some   = 0.50 // from here on it is weak
)

// windowSentences is how many sentences of a passage one place has.
const windowSentences = 3

// Verdict is how a sentence stands to what it cites.
type Verdict string

// The verdicts.
const (
	Supported   Verdict = "supported"
	Weak        Verdict = "weak"
	Unsupported Verdict = "unsupported"
	Uncited     Verdict = "uncited"
	NoClaim     Verdict = "no_claim"
)

// Source is a passage under the number that the answer cites it by.
type Source struct {
	Number int
	Text   string
}

// Sentence is what was found about a sentence of the answer.
type Sentence struct {
	Span    lode.Span // in the answer, in bytes
	Cites   []int     // the numbers that it names, as far as there are such sources
	Unknown []int     // numbers that it names and no source has
	Verdict Verdict
	// Score is the share of what it says that the place holds: 0 to 1, numbers count three times as
	// much as words, names twice.
	Score float64
	// Source is the number of the passage that holds most of it, Place where in its text; 0: none
	// holds anything.
	Source int
	Place  lode.Span
	// Missing are the words, numbers and names that the place does not hold, as they are written.
	Missing []string
}

// Report is a checked answer.
type Report struct {
	Sentences []Sentence
	// Claims is how many sentences say something, Supported how many of them are.
	Claims, Supported int
	// Unused are the numbers of sources that no sentence cites.
	Unused []int
}

// Check compares the sentences of an answer with its sources. What is too large is
// [lode.CodeInvalid].
func Check(answer string, sources []Source) (*Report, error) {
	if len(answer) > MaxAnswerBytes {
		return nil, lode.Invalid("answer", len(answer), "an answer has at most %d bytes", MaxAnswerBytes)
	}
	if !utf8.ValidString(answer) {
		return nil, lode.Invalid("answer", "", "the answer is not valid UTF-8")
	}
	if len(sources) > MaxSources {
		return nil, lode.Invalid("citations", len(sources), "an answer has at most %d citations", MaxSources)
	}
	size := 0
	for _, s := range sources {
		if size += len(s.Text); size > MaxSourceBytes {
			return nil, lode.Invalid("citations", size, "the texts of all citations have at most %d bytes", MaxSourceBytes)
		}
	}
	analyzer, err := text.For(text.Detect(answer, text.English))
	if err != nil {
		return nil, err
	}
	c := &checker{analyzer: analyzer, sources: map[int]*passage{}}
	for _, s := range sources {
		if c.sources[s.Number] != nil {
			return nil, lode.Invalid("citations", s.Number, "two citations have the number %d", s.Number)
		}
		c.sources[s.Number] = c.passage(s)
		c.numbers = append(c.numbers, s.Number)
	}
	r := c.report(answer)
	if c.work > maxWork {
		return nil, lode.Invalid("answer", len(answer), "the answer and its citations are too large and too alike to be compared").WithHint("check a part of the answer, or give each sentence its citations")
	}
	return r, nil
}

type checker struct {
	analyzer *text.Analyzer
	sources  map[int]*passage
	numbers  []int // in the order given
	work     int   // see maxWork
	found    found
}

func (c *checker) report(answer string) *Report {
	r := &Report{}
	cited := map[int]bool{}
	for _, span := range sentencesOf(answer) {
		s := c.sentence(answer, span)
		if c.work > maxWork {
			break
		}
		for _, n := range s.Cites {
			cited[n] = true
		}
		if s.Verdict != NoClaim {
			r.Claims++
		}
		if s.Verdict == Supported {
			r.Supported++
		}
		r.Sentences = append(r.Sentences, s)
	}
	for _, n := range c.numbers {
		if !cited[n] {
			r.Unused = append(r.Unused, n)
		}
	}
	return r
}

func (c *checker) sentence(answer string, span lode.Span) Sentence {
	s := Sentence{Span: span}
	written := answer[span.Start:span.End]
	for _, n := range marksOf(written) {
		if c.sources[n] != nil {
			s.Cites = append(s.Cites, n)
		} else {
			s.Unknown = append(s.Unknown, n)
		}
	}
	said := c.claim(written)
	if said.weight == 0 {
		s.Verdict = NoClaim
		return s
	}
	from := s.Cites
	if len(from) == 0 {
		from = c.numbers
	}
	best := place{}
	for _, n := range from {
		if p := c.best(c.sources[n], &said); p.score > best.score {
			best, s.Source = p, n
		}
		if c.work > maxWork {
			return s
		}
	}
	s.Score, s.Place = best.score, best.span
	s.Missing = said.missing(best.holds)
	s.Verdict = verdict(said, best, len(s.Cites) > 0)
	return s
}

// verdict judges the best place. A number that is not there makes a sentence unsupported
// however many of its words are: it says something else than the source.
func verdict(said claim, best place, cited bool) Verdict {
	numbers, names := 0, 0
	for i, t := range said.terms {
		if i < len(best.holds) && best.holds[i] {
			continue
		}
		switch t.kind {
		case number:
			numbers++
		case name:
			names++
		}
	}
	switch {
	case !cited:
		return Uncited
	case best.score < some || numbers > 0:
		return Unsupported
	case best.score < enough || names > 0 || best.turned:
		return Weak
	}
	return Supported
}

// kind of a term: how much it counts, and what its absence means.
type kind uint8

const (
	word kind = iota
	name
	number
)

var weights = [...]float64{word: 1, name: 2, number: 3}

type term struct {
	text    string // of the index
	written string
	kind    kind
}

// claim is what a sentence says.
type claim struct {
	terms   []term // distinct, in order
	weight  float64
	negated map[string]bool        // terms that it says not to be
	kinds   [len(weights)][]uint64 // the set of terms of each kind
}

func (c *checker) claim(s string) claim {
	s = withoutMarks(s)
	tokens := c.analyzer.Tokens(nil, s)
	out := claim{negated: negatedTerms(s, tokens)}
	seen := map[string]bool{}
	first := true
	for _, t := range tokens {
		if t.Compound { // its parts are there
			continue
		}
		written := s[t.Start:t.End]
		if seen[t.Term] || text.IsAsking(written) {
			continue
		}
		if len(out.terms) == maxTerms {
			break
		}
		seen[t.Term] = true
		k := kindOf(written, first)
		first = false
		out.terms = append(out.terms, term{t.Term, written, k})
		out.weight += weights[k]
	}
	out.sort()
	return out
}

// kindOf tells numbers and names from other words. The first word of a sentence is no name.
func kindOf(written string, first bool) kind {
	r, _ := utf8.DecodeRuneInString(written)
	switch {
	case unicode.IsDigit(r):
		return number
	case unicode.IsUpper(r) && !first:
		return name
	}
	return word
}

func (c claim) missing(holds []bool) []string {
	var out []string
	for i, t := range c.terms {
		if i >= len(holds) || !holds[i] {
			out = append(out, t.written)
		}
	}
	return out
}
