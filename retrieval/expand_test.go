package retrieval_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/lodedb/lode"
)

// book is one document of n chunks, in sections of five.
func book(v *fakeView, n int) {
	doc := &lode.Document{No: 9, ID: "book"}
	version := &lode.DocVersion{Doc: 9, Version: 1, URI: "book", Title: "Book", Chunks: n, FirstRow: 1}
	for i := range n {
		text := fmt.Sprintf("chunk%d", i+1)
		v.rows[lode.RowID(i+1)] = lode.Row{ID: lode.RowID(i + 1), Document: doc, Version: version, Chunk: lode.Chunk{
			ID: lode.ChunkID{Doc: 9, Version: 1, Ordinal: uint32(i)}, Text: text, Tokens: 1, Span: lode.Span{Start: 10 * i, End: 10*i + len(text)},
			Path: []string{"Book", fmt.Sprint("Part ", i/5)},
		}}
	}
}

func TestExpands(t *testing.T) {
	for _, c := range []struct {
		name string
		x    *lode.Expand
		hits []float64
		want string
	}{
		{"nothing", nil, []float64{3, 9, 4, 8}, "3 4"},
		{"neighbours", &lode.Expand{Before: 1, After: 2}, []float64{8, 9}, "7 8 9 10"},
		{"the ends of the document", &lode.Expand{Before: 2, After: 3}, []float64{1, 9, 19, 8}, "1 2 3 4 17 18 19 20"},
		{"hits that are shown already", &lode.Expand{Before: 1, After: 1}, []float64{3, 9, 4, 8, 6, 7}, "2 3 4 5 6 7"},
		{"one hit of a section", &lode.Expand{Parent: true}, []float64{8, 9}, "8"},
		{"two hits of a section", &lode.Expand{Parent: true}, []float64{8, 9, 12, 8, 10, 7}, "6 7 8 9 10 12"},
		{"a section that is too long", &lode.Expand{Parent: true, ParentTokens: 3}, []float64{8, 9, 10, 7}, "7 8 9 10"},
		{"neighbours, then the section", &lode.Expand{After: 3, Parent: true}, []float64{9, 9, 8, 7}, "6 7 8 9 10 11 12"},
	} {
		v := newView()
		book(v, 20)
		v.lexical = v.candidates(c.hits...)
		q := ask("words")
		q.Mode, q.Expand = lode.ModeLexical, c.x
		result, err := retriever(v, unit()).Retrieve(t.Context(), anyone, q)
		if err != nil {
			t.Fatal(err)
		}
		var shown []string
		for _, word := range strings.Fields(result.Context.Text) {
			if n, ok := strings.CutPrefix(word, "chunk"); ok {
				shown = append(shown, n)
			}
		}
		if got := strings.Join(shown, " "); got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
		if len(result.Hits) != len(c.hits)/2 {
			t.Errorf("%s: %d hits", c.name, len(result.Hits))
		}
	}
}
