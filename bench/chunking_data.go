package bench

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"unicode/utf8"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/internal/tokens"
)

// chunkingSet are texts and questions of which the answers are known to the character.
type chunkingSet struct {
	texts     map[lode.DocID]*chunkingText
	questions []chunkingQuestion
	targets   bool // it is the set that figures were asked of
}

type chunkingText struct {
	content string
	tokens  []lode.Span
	source  lode.SilverText // its runs alone: from canonical text to content, once it was ingested
}

type chunkingQuestion struct {
	text string
	of   lode.DocID
	gold []lode.Span // in bytes
}

// readChunking reads a set in the layout of Chroma's chunking_evaluation, questions.csv and a
// folder corpora, or one in BEIR layout with answers.json, see [readArticles]. A reference that is
// not the text at its place is an error: figures about wrong places would say nothing.
func readChunking(dir string) (*chunkingSet, error) {
	if _, err := os.Stat(filepath.Join(dir, "answers.json")); err == nil {
		return readArticles(dir)
	}
	path := filepath.Join(dir, "questions.csv")
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	rows, err := csv.NewReader(f).ReadAll()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	set := &chunkingSet{texts: map[lode.DocID]*chunkingText{}, targets: true}
	for i, row := range rows {
		if i == 0 || len(row) < 3 {
			continue // the header
		}
		q, err := set.question(dir, row)
		if err != nil {
			return nil, fmt.Errorf("%s: row %d: %w", path, i+1, err)
		}
		set.questions = append(set.questions, q)
	}
	if len(set.questions) == 0 {
		return nil, lode.Invalid("data", path, "the file holds no questions")
	}
	return set, nil
}

func (set *chunkingSet) question(dir string, row []string) (chunkingQuestion, error) {
	q := chunkingQuestion{text: row[0], of: lode.DocID(row[2])}
	text, err := set.text(dir, row[2])
	if err != nil {
		return q, err
	}
	var references []struct {
		Content string `json:"content"`
		Start   int    `json:"start_index"` // in characters
		End     int    `json:"end_index"`
	}
	if err := json.Unmarshal([]byte(row[1]), &references); err != nil {
		return q, err
	}
	for _, r := range references {
		start := byteAt(text.content, r.Start)
		end := start + byteAt(text.content[start:], r.End-r.Start)
		if text.content[start:end] != r.Content {
			return q, lode.Invalid("references", r.Start, "the text there is not the reference")
		}
		q.gold = append(q.gold, lode.Span{Start: start, End: end})
	}
	return q, nil
}

func (set *chunkingSet) text(dir, name string) (*chunkingText, error) {
	if known := set.texts[lode.DocID(name)]; known != nil {
		return known, nil
	}
	content, err := os.ReadFile(filepath.Join(dir, "corpora", name+".md"))
	if err != nil {
		return nil, err
	}
	text := newChunkingText(string(content))
	set.texts[lode.DocID(name)] = text
	return text, nil
}

func newChunkingText(content string) *chunkingText {
	text := &chunkingText{content: content}
	start := 0
	for _, end := range tokens.Ends(content) {
		text.tokens = append(text.tokens, lode.Span{Start: start, End: end})
		start = end
	}
	return text
}

// byteAt returns where the n-th character of s begins, len(s) for those beyond its end.
func byteAt(s string, n int) int {
	at := 0
	for ; n > 0 && at < len(s); n-- {
		_, size := utf8.DecodeRuneInString(s[at:])
		at += size
	}
	return at
}
