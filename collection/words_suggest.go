package collection

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/lodedb/lode"
	lexical "github.com/lodedb/lode/index/bm25/segment"
	"github.com/lodedb/lode/internal/text"
	"github.com/lodedb/lode/storage"
)

// knownRows is the number of visible rows from which on a word is taken to be spelled well.
const knownRows = 5

// maxSpelled bounds the words of a query that others are looked for, and maxSpellings the terms of
// each, which several languages may make different ones of.
const maxSpelled, maxSpellings = 16, 3

// misspelled is a word of a query that few rows hold, and what is spelled nearly like it.
type misspelled struct {
	word    string
	instead lexical.Suggestion
	row     lode.RowID // the first that holds it
	entry   *entry
}

// Suggest returns at most most words that are spelled nearly like words of the text of which fewer
// than a handful of rows hold any: fewest mistakes first, then those in most rows. It looks at rows alone that the principal may see and that
// are not expired: a word that only others hold is neither suggested nor known.
func (v *View) Suggest(ctx context.Context, query string, most int) ([]lode.Suggestion, error) {
	if err := checkQueryText(query); err != nil {
		return nil, err
	}
	found, err := v.misspelled(ctx, query, most)
	if err != nil || len(found) == 0 {
		return nil, err
	}
	var out []lode.Suggestion
	err = v.engine.store.View(func(tx *storage.Tx) error {
		for i := range found {
			instead, err := asWritten(tx, &found[i])
			if err != nil {
				return err
			}
			if instead != "" {
				out = append(out, lode.Suggestion{Word: found[i].word, Instead: instead, Rows: found[i].instead.Rows})
			}
		}
		return nil
	})
	return out, err
}

// misspelled looks for words while no row is forgotten. It reads no text.
func (v *View) misspelled(ctx context.Context, query string, most int) (all []misspelled, err error) {
	v.collection.lexicalUse.RLock()
	defer v.collection.lexicalUse.RUnlock()
	s := v.collection.published.Load()
	may, err := v.allow(ctx, s, lode.Filter{})
	if err != nil {
		return nil, err
	}
	views, err := s.wordViews(may.parts)
	if err != nil {
		return nil, err
	}
	defer s.keepWords()
	for _, word := range v.collection.spelled(s, query) {
		others, err := word.instead(ctx, views, most)
		if err != nil {
			return nil, s.wordsFailed(err)
		}
		for _, other := range others {
			id := s.wordRow(other.Part, other.Row)
			if _, e, ok := s.find(id); ok {
				all = append(all, misspelled{word.word, other, id, e})
			}
		}
	}
	slices.SortStableFunc(all, func(a, b misspelled) int {
		return cmp.Or(cmp.Compare(a.instead.Distance, b.instead.Distance), cmp.Compare(b.instead.Rows, a.instead.Rows))
	})
	return all[:min(len(all), max(most, 0))], nil
}

// spelledWord is a word of a query, and its terms by the rules of the languages of the collection.
type spelledWord struct {
	word  string
	at    text.Token // where it is
	terms []string   // that of most rows first
}

// spelled are the words of a query that may be spelled wrongly, each once.
func (c *collection) spelled(s *snapshot, query string) (all []spelledWord) {
	p := c.parser(s)
	for _, t := range p.Analyzer.Tokens(nil, query) {
		word := query[t.Start:t.End]
		if t.Compound || text.IsAsking(word) || len(all) == maxSpelled {
			continue
		}
		if !slices.ContainsFunc(all, func(w spelledWord) bool { return w.terms[0] == t.Term }) {
			all = append(all, spelledWord{word, t, []string{t.Term}})
		}
	}
	for _, a := range p.Others {
		for _, t := range a.Tokens(nil, query) {
			i := slices.IndexFunc(all, func(w spelledWord) bool {
				return w.at.Start == t.Start && w.at.Position == t.Position && !t.Compound
			})
			if i >= 0 && !slices.Contains(all[i].terms, t.Term) {
				all[i].terms = append(all[i].terms, t.Term)
			}
		}
	}
	return all
}

// instead are terms that are spelled nearly like the word and that more visible rows hold; none where
// a handful holds the word in any language.
func (w *spelledWord) instead(ctx context.Context, views []lexical.View, most int) (all []lexical.Suggestion, err error) {
	rows, err := w.holders(ctx, views)
	if err != nil || rows >= knownRows {
		return nil, err
	}
	for _, term := range w.terms[:min(len(w.terms), maxSpellings)] {
		others, err := lexical.Suggest(ctx, term, views, most+len(w.terms))
		if err != nil {
			return nil, err
		}
		for _, other := range others {
			switch i := slices.IndexFunc(all, func(s lexical.Suggestion) bool { return s.Term == other.Term }); {
			case other.Rows <= rows || slices.Contains(w.terms, other.Term): // it is no better known, or the word itself
			case i < 0:
				all = append(all, other)
			default:
				all[i].Distance = min(all[i].Distance, other.Distance)
			}
		}
	}
	return all, nil
}

// holders counts the visible rows that hold the word, up to a handful.
func (w *spelledWord) holders(ctx context.Context, views []lexical.View) (int, error) {
	var c lexical.Clause
	for _, term := range w.terms {
		c.Any = append(c.Any, lexical.Term(term))
	}
	found, err := lexical.Search(ctx, lexical.Query{Clauses: []lexical.Clause{c}}, views, wordSearch(knownRows))
	return len(found), err
}

// asWritten is a suggested term as the row that holds it has it; "" where that is gone.
func asWritten(tx *storage.Tx, m *misspelled) (string, error) {
	row, err := readRow(tx, m.entry, m.row, false, map[lode.DocNo]*lode.DocVersion{})
	if errors.Is(err, ErrViewGone) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	a := analyzerOf(row.Version.Language)
	for _, s := range []string{row.Chunk.Text, row.Chunk.Heading(row.Version.Title)} {
		if word, ok := lexical.Written(a, s, m.instead.Term); ok {
			return strings.TrimSpace(word), nil
		}
	}
	return "", nil
}
