package retrieval_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/retrieval"
)

// cutText makes a chunk of a part of a text.
func cutText(text string, ordinal, start, end int, path ...string) lode.Row {
	r := row(1, text[start:end])
	r.Chunk.ID.Ordinal, r.Chunk.Span = uint32(ordinal), lode.Span{Start: start, End: end}
	r.Chunk.Path = path
	return r
}

// A chunk that overlaps a passage which it may not join shows what is new.
func TestOverlapUnderOtherHeadings(t *testing.T) {
	const text = "one two three four five six"
	a, b, c := cutText(text, 0, 0, 13, "A"), cutText(text, 1, 8, 23, "B"), cutText(text, 2, 14, 27, "C")
	got := formOf(t, retrieval.Options{}, lode.Query{}, a, c, b)
	if diff := cmp.Diff([]string{"one two three", "four five six"}, unquote(t, got)); diff != "" || got.Omitted != 0 {
		t.Error(diff) // of b nothing is new but white space
	}
	got = formOf(t, retrieval.Options{}, lode.Query{}, a, b, c)
	if diff := cmp.Diff([]string{"one two three", "four five", "six"}, unquote(t, got)); diff != "" || got.Citations[1].Span != (lode.Span{Start: 14, End: 23}) {
		t.Error(diff)
	}
}

// A chunk between two passages that both overlap it joins the first, as far as the other does not show it.
func TestOverlapOnBothSides(t *testing.T) {
	const text = "one two three four five six"
	a, b, c := cutText(text, 0, 0, 13), cutText(text, 1, 8, 22), cutText(text, 2, 19, 27)
	got := formOf(t, retrieval.Options{}, lode.Query{}, c, a, b)
	if diff := cmp.Diff([]string{"four five six", "one two three"}, unquote(t, got)); diff != "" {
		t.Error(diff)
	}
}

// table is a document with a table whose rows are chunks of their own.
func table() []lode.Row {
	const text = "Metals\n\nmetal | density\nlead | 11.3\ntin | 7.3\nzinc | 7.1"
	header := &lode.ChunkHeader{Span: lode.Span{Start: 8, End: 23}, Text: "metal | density"}
	rows := []lode.Row{cutText(text, 0, 0, 35), cutText(text, 1, 36, 45), cutText(text, 2, 46, 56)}
	rows[1].Chunk.Header, rows[2].Chunk.Header = header, header
	return rows
}

// A passage that begins inside of a table has its header, once; its citation says so apart.
func TestTableHeaders(t *testing.T) {
	rows := table()
	rows[2].Chunk.Flags = []lode.TextFlag{{Kind: lode.FlagInstruction, Span: rows[2].Chunk.Header.Span, Rule: "override/en"}}
	c := formOf(t, retrieval.Options{}, lode.Query{}, rows[2])
	if diff := cmp.Diff([]string{"metal | density\nzinc | 7.1"}, unquote(t, c)); diff != "" {
		t.Fatal(diff)
	}
	cite := c.Citations[0]
	if cite.Span != (lode.Span{Start: 46, End: 56}) || cite.Parts != nil || len(cite.Headers) != 1 || cite.Headers[0] != (lode.Span{Start: 8, End: 23}) || len(cite.Flags) != 1 {
		t.Errorf("%+v", cite)
	}
	c = formOf(t, retrieval.Options{}, lode.Query{}, rows[2], rows[1])
	if diff := cmp.Diff([]string{"metal | density\ntin | 7.3\nzinc | 7.1"}, unquote(t, c)); diff != "" || len(c.Citations[0].Headers) != 1 {
		t.Error(diff)
	}
	c = formOf(t, retrieval.Options{}, lode.Query{}, rows[2], rows[1], rows[0])
	if diff := cmp.Diff([]string{"Metals\n\nmetal | density\nlead | 11.3\ntin | 7.3\nzinc | 7.1"}, unquote(t, c)); diff != "" || c.Citations[0].Headers != nil {
		t.Error(diff)
	}
}

// The same row below another header says something else.
func TestSameRowOfTwoTables(t *testing.T) {
	a, b := table()[1], row(2, "tin | 7.3")
	b.Chunk.Header = &lode.ChunkHeader{Span: lode.Span{End: 9}, Text: "name | no"}
	if c := formOf(t, retrieval.Options{}, lode.Query{}, a, b); len(c.Citations) != 2 {
		t.Error(c.Text)
	}
	same := row(2, "tin | 7.3")
	same.Chunk.Header = a.Chunk.Header
	if c := formOf(t, retrieval.Options{}, lode.Query{}, a, same); len(c.Citations) != 1 || c.Omitted != 0 {
		t.Error(c.Text)
	}
}

// Where there is no room for a header and a word, the text alone is shown.
func TestHeaderThatLeavesNoRoom(t *testing.T) {
	r := table()[2]
	for budget, want := range map[int]string{
		noticeWords + 20: "metal | density\nzinc | 7.1",
		noticeWords + 14: "metal | density\nzinc |",
		noticeWords + 11: "zinc | 7.1",
	} {
		c := contextOf(t, countWords, budget, withPath(r))
		if got := unquote(t, c); len(got) != 1 || got[0] != want {
			t.Errorf("budget %d: %q, want %q", budget, got, want)
		}
	}
}

func withPath(r lode.Row) lode.Row {
	r.Chunk.Path = []string{"Title", "Part"}
	return r
}

// Of chunks that overlap, are under some headings or others, and come in any order, every byte is
// shown once, and every text that begins inside of a table stands below its header.
func TestEveryByteIsShownOnce(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := ""
		for i := range rapid.IntRange(1, 40).Draw(t, "words") {
			text += fmt.Sprintf("w%02d.", i)
		}
		header := &lode.ChunkHeader{Span: lode.Span{End: 4}, Text: text[:4]}
		var rows []lode.Row
		for start, end := 0, 0; end < len(text); {
			end = min(len(text), max(end+1, start+rapid.IntRange(8, 30).Draw(t, "length")))
			r := cutText(text, len(rows), start, end, rapid.SampledFrom([]string{"A", "B"}).Draw(t, "heading"))
			if start >= 4 {
				r.Chunk.Header = header
			}
			rows = append(rows, r)
			start = max(start+1, end-rapid.IntRange(0, 9).Draw(t, "overlap"))
		}
		rows = rapid.Permutation(rows).Draw(t, "order")
		c := formOf(t, retrieval.Options{}, lode.Query{BudgetTokens: 100_000}, rows...)
		passages := unquote(t, c)
		shown := make([]int, len(text))
		for i, cite := range c.Citations {
			quoted := shownBy(map[lode.DocNo]string{1: text}, cite)
			if want := strings.ReplaceAll(passages[i], "\n", ""); quoted != want {
				t.Fatalf("shows %q, the citation says %q", want, quoted)
			}
			parts := cite.Parts
			if parts == nil {
				parts = []lode.Span{cite.Span}
			}
			for _, part := range parts {
				for at := part.Start; at < part.End; at++ {
					shown[at]++
				}
			}
		}
		for at, n := range shown {
			if n != 1 {
				t.Fatalf("byte %d is shown %d times in\n%s", at, n, c.Text)
			}
		}
	})
}

// What is counted for thousands of chunks of one document grows as they do: passages do not grow
// without bound.
func TestLongDocument(t *testing.T) {
	counted := func(chunks int) (bytes int) {
		var text strings.Builder
		for i := 0; text.Len() < 100*chunks+30; i++ {
			fmt.Fprintf(&text, "word%d ", i)
		}
		rows := make([]lode.Row, chunks)
		for i := range rows {
			rows[i] = cutText(text.String(), i, 100*i, 100*i+130)
		}
		count := func(s string) int { bytes += len(s); return len(s) / 4 }
		c := formOf(t, retrieval.Options{Count: count, Tokenizer: "fours"}, lode.Query{BudgetTokens: 1_000_000}, rows...)
		if c.Omitted != 0 || len(c.Citations) < 2 || len(c.Text) < 100*chunks {
			t.Fatalf("%d passages of %d bytes, %d omitted", len(c.Citations), len(c.Text), c.Omitted)
		}
		return bytes
	}
	if few, many := counted(400), counted(1600); many > 5*few {
		t.Errorf("%d bytes are counted for 400 chunks, %d for 1600", few, many)
	}
}
