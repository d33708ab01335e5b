package retrieval

import (
	"fmt"
	"strings"
	"testing"

	"github.com/lodedb/lode"
)

// section makes the chunks of a document, of size words each, one byte of white space between them.
func section(n, size int) []lode.Row {
	rows := make([]lode.Row, n)
	at := 0
	for i := range rows {
		text := strings.TrimSpace(strings.Repeat(fmt.Sprintf("w%d ", i), size))
		rows[i] = lode.Row{
			Document: &lode.Document{ID: "d"}, Version: &lode.DocVersion{},
			Chunk: lode.Chunk{ID: lode.ChunkID{Doc: 1, Version: 1, Ordinal: uint32(i)}, Text: text, Span: lode.Span{Start: at, End: at + len(text)}, Tokens: size},
		}
		at += len(text) + 1
	}
	return rows
}

// TestNeighboursOfAHit: a hit brings the neighbours that fit, fewer of them from the far ends where
// the budget is short, and a hit that was shown as a neighbour is not shown again.
func TestNeighboursOfAHit(t *testing.T) {
	const frame = 9 + 2 // words of the notice and the header; each line's mark is one more
	rows := section(5, 4)
	wide := block{hit: &lode.Hit{Row: rows[2]}, chunks: rows}
	for budget, want := range map[int]string{
		frame + 25: "w0 w1 w2 w3 w4", frame + 24: "w0 w1 w2 w3", frame + 15: "w1 w2 w3", frame + 14: "w1 w2", frame + 5: "w2", frame + 4: "w2",
	} {
		a := newAssembler(spec{budget: budget, count: func(s string) int { return len(strings.Fields(s)) }})
		a.offer(&wide)
		a.offer(&block{hit: &lode.Hit{Row: rows[2]}, chunks: rows[2:3]})
		text, _, tokens := a.finish()
		var shown []string
		for i := range rows {
			if word := fmt.Sprintf("w%d", i); strings.Contains(text, word) {
				shown = append(shown, word)
			}
		}
		if got := strings.Join(shown, " "); got != want || tokens > budget || a.omitted != 0 {
			t.Errorf("budget %d: shows %q, want %q; %d tokens, %d omitted", budget, got, want, tokens, a.omitted)
		}
	}
}

// TestSkippedChunks: where chunks between two are missing, the text says so.
func TestSkippedChunks(t *testing.T) {
	rows := section(4, 1)
	p := newPassage(&rows[0], []lode.Row{rows[0], rows[1], rows[3]})
	if p.text != "w0\nw1\n[…]\nw3" || len(p.parts()) != 3 {
		t.Errorf("%q, parts %v", p.text, p.parts())
	}
}
