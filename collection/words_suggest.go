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

// maxSpelled bounds the words of a query that others are looked for.
const maxSpelled = 16

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
		rows, err := holders(ctx, word.term, views)
		if err != nil {
			return nil, s.wordsFailed(err)
		}
		if rows >= knownRows {
			continue
		}
		others, err := lexical.Suggest(ctx, word.term, views, most)
		if err != nil {
			return nil, s.wordsFailed(err)
		}
		for _, other := range others {
			if other.Rows <= rows {
				continue // it is no better known
			}
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

// spelledWord is a word of a query and its term.
type spelledWord struct{ word, term string }

// spelled are the words of a query that may be spelled wrongly, each once.
func (c *collection) spelled(s *snapshot, query string) (all []spelledWord) {
	for _, t := range c.parser(s).Analyzer.Tokens(nil, query) {
		word := query[t.Start:t.End]
		if t.Compound || text.IsAsking(word) || len(all) == maxSpelled {
			continue
		}
		if !slices.ContainsFunc(all, func(w spelledWord) bool { return w.term == t.Term }) {
			all = append(all, spelledWord{word, t.Term})
		}
	}
	return all
}

// holders counts the visible rows that hold a term, up to a handful.
func holders(ctx context.Context, term string, views []lexical.View) (int, error) {
	q := lexical.Query{Clauses: []lexical.Clause{{Any: []lexical.Alternative{lexical.Term(term)}}}}
	found, err := lexical.Search(ctx, q, views, wordSearch(knownRows))
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
