package segment

import (
	"slices"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/internal/text"
)

// Entry says what a word or phrase is also called. It works in one direction.
type Entry struct {
	Name string
	Also []string // words or phrases that mean the same
	// Weight is how much an occurrence of them counts beside one of the name; 0 means 1.
	Weight float64
}

// Glossary knows what else words and phrases are called. It does not change, and a nil one knows
// nothing.
type Glossary struct {
	terms map[string][]Alternative // by the only term of a name
	names []namedPhrase
}

// namedPhrase is a name of several terms, and itself among what it is called.
type namedPhrase struct {
	name Alternative
	any  []Alternative
}

// NewGlossary analyses the entries, names by the analyzer that reads queries, and synonyms by the
// others too, as [Parser] has them: they are found in rows in any language. Names and synonyms
// without a word, too many synonyms and a weight that is not valid are [lode.CodeInvalid].
func NewGlossary(a *text.Analyzer, entries []Entry, others ...*text.Analyzer) (*Glossary, error) {
	g := &Glossary{terms: make(map[string][]Alternative)}
	for _, e := range entries {
		if err := checkWeight(e.Weight); err != nil {
			return nil, err
		}
		if len(e.Also) >= MaxAlternatives {
			return nil, lode.Invalid("also", len(e.Also), "an entry has fewer than %d synonyms", MaxAlternatives)
		}
		name, ok := phraseOf(a.Tokens(nil, e.Name))
		if !ok {
			return nil, lode.Invalid("name", e.Name, "the name holds no word")
		}
		var also []Alternative
		for _, s := range e.Also {
			before := len(also)
			if also = synonyms(also, s, e.Weight, a); len(also) == before {
				return nil, lode.Invalid("also", s, "the synonym holds no word")
			}
			also = synonyms(also, s, e.Weight, others...)
		}
		g.add(name, also)
	}
	return g, nil
}

// synonyms appends what analyzers make of a synonym, each once.
func synonyms(also []Alternative, s string, weight float64, by ...*text.Analyzer) []Alternative {
	before := len(also)
	for _, a := range by {
		if p, ok := phraseOf(a.Tokens(nil, s)); ok && !slices.ContainsFunc(also[before:], p.equal) {
			p.Weight = weight
			also = append(also, p)
		}
	}
	return also
}

func (g *Glossary) add(name Alternative, also []Alternative) {
	if len(name.Terms) > 1 {
		g.names = append(g.names, namedPhrase{name, cutAny(append([]Alternative{name}, also...))})
		return
	}
	term := name.Terms[0].Term
	all := append(g.terms[term], also...)
	g.terms[term] = all[:min(len(all), MaxAlternatives-2)] // the term and its prefix come to them
}

// others returns what else a term is called.
func (g *Glossary) others(term string) []Alternative {
	if g == nil {
		return nil
	}
	return g.terms[term]
}

// phrases returns a clause for each name of several terms that the tokens hold.
func (g *Glossary) phrases(tokens []text.Token) (clauses []Clause) {
	if g == nil {
		return nil
	}
	for _, n := range g.names {
		for i := range tokens {
			if spans := phraseSpans(tokens, i, &n.name); spans != nil {
				clauses = append(clauses, Clause{Any: n.any, Weight: 1})
				break
			}
		}
	}
	return clauses
}
