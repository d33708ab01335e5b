package segment

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/lodedb/lode/internal/text"
)

// Parser makes queries of what users type. It may be used by any number of goroutines at once.
type Parser struct {
	// Analyzer is the one that made the rows, or most of them.
	Analyzer *text.Analyzer
	// Others are those that made rows in other languages: what they make of a word or phrase is an
	// alternative to it. Words that Analyzer leaves out are left out.
	Others []*text.Analyzer
	// Glossary, if given, adds what else words are called.
	Glossary *Glossary
}

// Plain takes every character as text: rows match that hold one of its words. Words that only
// frame a question, such as "what" and "does", are left out unless there are no others; see
// [text.IsAsking].
func (p Parser) Plain(s string) Query {
	var b queryBuilder
	b.words(p, s)
	return b.query()
}

// Parse reads the syntax of search boxes:
//
//	word          rows with it score more
//	"some words"  rows with the phrase score more
//	+word         only rows with it, also +"some words"
//	-word         no rows with it, also -"some words"
//	wor*          rows with words that begin so score more, also +wor* and -wor*
//
// If nothing is required, one of the words or phrases must be there; a query that only excludes
// finds nothing. Nothing is an error: a quote that is not closed, and a sign that is not followed
// by a word or does not begin one, are not there. A compound such as http.Handler that is required
// or excluded is the phrase of its parts. Of a star only the last character of a word that is
// otherwise of letters and digits counts, and of those with one the first 16 that differ. What exceeds
// the limits of a query is left out.
func (p Parser) Parse(s string) Query {
	var b queryBuilder
	plain := 0 // where words begin that are not read yet
	for at := 0; at < len(s); {
		if at > 0 && !isSpaceBefore(s, at) {
			_, size := utf8.DecodeRuneInString(s[at:])
			at += size
			continue
		}
		item, ok := readItem(s[at:])
		if !ok {
			_, size := utf8.DecodeRuneInString(s[at:])
			at += size
			continue
		}
		b.words(p, s[plain:at])
		b.item(p, item)
		at += item.size
		plain = at
	}
	b.words(p, s[plain:])
	return b.query()
}

func isSpaceBefore(s string, at int) bool {
	r, _ := utf8.DecodeLastRuneInString(s[:at])
	return unicode.IsSpace(r)
}

// item is a piece of a query that is more than words.
type item struct {
	occur  Occur
	text   string
	phrase bool
	prefix bool
	size   int
}

// readItem reads the item that s, which follows a space, begins with, if it does.
func readItem(s string) (it item, ok bool) {
	rest := s
	switch s[0] {
	case '+':
		it.occur, rest = Must, s[1:]
	case '-':
		it.occur, rest = MustNot, s[1:]
	}
	if strings.HasPrefix(rest, `"`) {
		inside, _, closed := strings.Cut(rest[1:], `"`)
		it.text, it.phrase = inside, true
		it.size = len(s) - len(rest) + len(inside) + 2
		return it, closed
	}
	end := strings.IndexFunc(rest, unicode.IsSpace)
	if end < 0 {
		end = len(rest)
	}
	it.text, it.size = rest[:end], len(s)-len(rest)+end
	if stem, found := strings.CutSuffix(it.text, "*"); found && isPlainWord(stem) {
		it.text, it.prefix = stem, true
		return it, true
	}
	first, _ := utf8.DecodeRuneInString(rest)
	return it, it.occur != Should && (unicode.IsLetter(first) || unicode.IsNumber(first))
}

func isPlainWord(s string) bool {
	return s != "" && !strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsNumber(r) && !unicode.IsMark(r) })
}

// queryBuilder gathers clauses. A word or item that comes twice is one clause of twice the weight.
type queryBuilder struct {
	clauses  []Clause
	at       map[string]int // of plain words
	items    map[item]int
	prefixes int
	asking   []string // terms of words that only frame a question
	p        Parser
}

func (b *queryBuilder) query() Query {
	if len(b.clauses) == 0 {
		for _, term := range b.asking {
			b.word(b.p, term)
		}
	}
	return Query{Clauses: b.clauses[:min(len(b.clauses), MaxClauses)]}
}

// words adds a clause for each word of a text, and for what the glossary knows.
func (b *queryBuilder) words(p Parser, s string) {
	b.p = p
	tokens, others := p.Analyzer.Tokens(nil, s), p.others(s)
	for _, t := range tokens {
		if text.IsAsking(s[t.Start:t.End]) {
			b.asking = append(b.asking, t.Term)
			continue
		}
		b.word(p, t.Term, others[placeOf(t)]...)
	}
	b.clauses = append(b.clauses, p.Glossary.phrases(tokens)...)
}

// wordPlace is where a token is. Positions do not depend on the language.
type wordPlace struct {
	start, end int
	position   uint32
	compound   bool
}

func placeOf(t text.Token) wordPlace { return wordPlace{t.Start, t.End, t.Position, t.Compound} }

// others is what the other analyzers make of a text, by place.
func (p Parser) others(s string) map[wordPlace][]string {
	if len(p.Others) == 0 {
		return nil
	}
	terms := make(map[wordPlace][]string)
	for _, a := range p.Others {
		for _, t := range a.Tokens(nil, s) {
			terms[placeOf(t)] = append(terms[placeOf(t)], t.Term)
		}
	}
	return terms
}

// word adds a clause for a term, and what it is in other languages.
func (b *queryBuilder) word(p Parser, term string, also ...string) {
	if b.at == nil {
		b.at = make(map[string]int)
	}
	if i, ok := b.at[term]; ok {
		b.clauses[i].Weight++
		return
	}
	b.at[term] = len(b.clauses)
	any := []Alternative{Term(term)}
	for i, other := range also {
		if other != term && !slices.Contains(also[:i], other) {
			any = append(any, Term(other))
		}
	}
	b.clauses = append(b.clauses, Clause{Any: cutAny(append(any, p.Glossary.others(term)...)), Weight: 1})
}

func cutAny(any []Alternative) []Alternative { return any[:min(len(any), MaxAlternatives)] }

// item adds a clause for a phrase, a prefix, or a word that must or must not be there.
func (b *queryBuilder) item(p Parser, it item) {
	if i, ok := b.items[it]; ok {
		b.clauses[i].Weight++
		return
	}
	tokens := p.Analyzer.Tokens(nil, it.text)
	c := Clause{Occur: it.occur, Weight: 1}
	if a, ok := phraseOf(tokens); ok {
		c.Any = append(c.Any, a)
		if it.occur != MustNot && len(a.Terms) == 1 {
			c.Any = append(c.Any, p.Glossary.others(a.Terms[0].Term)...)
		}
		for _, other := range p.Others {
			if o, ok := phraseOf(other.Tokens(nil, it.text)); ok && !slices.ContainsFunc(c.Any, o.equal) {
				c.Any = append(c.Any, o)
			}
		}
	}
	if it.prefix && b.prefixes < MaxPrefixes {
		if prefix := p.Analyzer.Prefix(it.text); prefix != "" {
			b.prefixes++
			c.Any = append(c.Any, Alternative{Terms: []Place{{Term: prefix}}, Prefix: true})
		}
	}
	if c.Any = cutAny(c.Any); len(c.Any) > 0 {
		if b.items == nil {
			b.items = make(map[item]int)
		}
		b.items[it] = len(b.clauses)
		b.clauses = append(b.clauses, c)
	}
}

// equal reports whether both are the same terms at the same places.
func (a Alternative) equal(b Alternative) bool { return slices.Equal(a.Terms, b.Terms) }

// phraseOf returns the phrase of the tokens that are not compounds: a term where there is one.
func phraseOf(tokens []text.Token) (a Alternative, ok bool) {
	for _, t := range tokens {
		if !t.Compound && len(a.Terms) < MaxPhraseTerms {
			a.Terms = append(a.Terms, Place{t.Term, t.Position})
		}
	}
	if len(a.Terms) == 1 {
		a.Terms[0].Position = 0
	}
	return a, len(a.Terms) > 0
}
