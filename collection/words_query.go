package collection

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/lodedb/lode"
	lexical "github.com/lodedb/lode/index/bm25/segment"
	"github.com/lodedb/lode/internal/text"
)

// spoken are the languages that live rows are in, those of most rows first.
type spoken map[text.Language]int

func (s spoken) count(l text.Language, rows int) {
	if s[l] += rows; s[l] == 0 {
		delete(s, l)
	}
}

func (s spoken) list() []text.Language {
	return slices.SortedFunc(maps.Keys(s), func(a, b text.Language) int {
		return cmp.Or(cmp.Compare(s[b], s[a]), cmp.Compare(a, b))
	})
}

// parser reads queries about a snapshot: by the rules of the language that most rows are in, and
// by those of the others beside them.
func (c *collection) parser(s *snapshot) lexical.Parser {
	var p lexical.Parser
	main := text.English
	if len(s.languages) > 0 {
		main = s.languages[0]
		for _, l := range s.languages[1:] {
			p.Others = append(p.Others, analyzers()[l])
		}
	}
	p.Analyzer = analyzers()[main]
	p.Glossary = c.glossary(main, &p, s.languages)
	return p
}

// analysed is the glossary of a collection by the rules of some languages.
type analysed struct {
	of        *lode.Tuning
	languages []text.Language
	glossary  *lexical.Glossary
}

// glossary is analysed anew where settings or languages are others than last time.
func (c *collection) glossary(main text.Language, p *lexical.Parser, all []text.Language) *lexical.Glossary {
	t := c.tuning.Load()
	if len(t.Glossary) == 0 {
		return nil
	}
	if known := c.analysed.Load(); known != nil && known.of == t && slices.Equal(known.languages, all) {
		return known.glossary
	}
	var entries []lexical.Entry
	for _, e := range t.Glossary {
		if entry, err := entryOf(main, e); err == nil {
			entries = append(entries, entry)
		}
	}
	g, err := lexical.NewGlossary(p.Analyzer, entries, p.Others...)
	if err != nil {
		return nil // each was good
	}
	c.analysed.Store(&analysed{t, all, g})
	return g
}

// entryOf is an entry of a glossary, if its words are words in a language.
func entryOf(l text.Language, s lode.Synonym) (lexical.Entry, error) {
	e := lexical.Entry{Name: s.Name, Also: s.Also}
	_, err := lexical.NewGlossary(analyzers()[l], []lexical.Entry{e})
	return e, err
}

// checkSpoken refuses a language without rules, and entries of a glossary that hold no word in it.
func checkSpoken(t *lode.Tuning) error {
	if err := checkLanguage(t.Language); err != nil {
		return err
	}
	for i, s := range t.Glossary {
		if _, err := entryOf(languageOf(t.Language), s); err != nil {
			return coded(err).In(fmt.Sprintf("glossary[%d]", i))
		}
	}
	return nil
}

// query reads the text of a query.
func (c *collection) query(s *snapshot, text string, x lode.WordSyntax) lexical.Query {
	if x == lode.SyntaxQuery {
		return c.parser(s).Parse(text)
	}
	return c.parser(s).Plain(text)
}

// namer calls clauses of a query as its text does.
type namer map[string]string // by term

func (c *collection) namer(s *snapshot, query string) namer {
	n, p := namer{}, c.parser(s)
	for _, a := range append([]*text.Analyzer{p.Analyzer}, p.Others...) {
		for _, t := range a.Tokens(nil, query) {
			if _, known := n[t.Term]; !known {
				n[t.Term] = query[t.Start:t.End]
			}
		}
	}
	return n
}

// name is what a clause is about. One that the glossary added has the name of the glossary.
func (n namer) name(c *lexical.Clause) string {
	first := &c.Any[0]
	var words []string
	for _, t := range first.Terms {
		word, known := n[t.Term]
		if !known {
			word = t.Term
		}
		if len(words) == 0 || words[len(words)-1] != word { // the parts of a compound are one word
			words = append(words, word)
		}
	}
	name := strings.Join(words, " ")
	if slices.ContainsFunc(c.Any, func(a lexical.Alternative) bool { return a.Prefix }) {
		name += "*"
	}
	return name
}
