package collection

import (
	"cmp"
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
	p := lexical.Parser{Analyzer: analyzers()[text.English]}
	if len(s.languages) > 0 {
		p.Analyzer = analyzers()[s.languages[0]]
		for _, l := range s.languages[1:] {
			p.Others = append(p.Others, analyzers()[l])
		}
	}
	return p
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
