package tokenizer

import (
	"encoding/json"
	"fmt"
	"sort"
	"strings"

	"github.com/lodedb/lode"
)

// MaxFileBytes bounds a tokenizer.json.
const MaxFileBytes = 64 << 20

// MaxID is the largest id that a vocabulary may have.
const MaxID = 1<<24 - 1

// Tokenizer turns text into ids.
type Tokenizer struct {
	normal func(string) string // nil: as it is
	split  []splitter
	model  model
	added  []addedToken
	size   int
	kind   string
	marks  map[string]int32 // special tokens
}

// model turns a word into ids. Pieces that it does not know give none.
type model interface {
	append(ids []int32, word string) []int32
}

// splitter cuts words into smaller ones; first says that the first begins the text.
type splitter func(words []string, first bool) []string

// addedToken is a token that is found in a text before anything else is done with it.
type addedToken struct {
	content string
	id      int32
}

// file is the part of tokenizer.json that is read.
type file struct {
	Added         []addedFile     `json:"added_tokens"`
	Normalizer    json.RawMessage `json:"normalizer"`
	PreTokenizer  json.RawMessage `json:"pre_tokenizer"`
	Model         json.RawMessage `json:"model"`
	PostProcessor json.RawMessage `json:"post_processor"` // adds special tokens only
}

type addedFile struct {
	ID         int64  `json:"id"`
	Content    string `json:"content"`
	SingleWord bool   `json:"single_word"`
	LStrip     bool   `json:"lstrip"`
	RStrip     bool   `json:"rstrip"`
	Special    bool   `json:"special"`
}

// Parse reads a tokenizer.json.
func Parse(b []byte) (*Tokenizer, error) {
	if len(b) > MaxFileBytes {
		return nil, lode.FieldError(lode.CodeTooLarge, "tokenizer.json", len(b), "the file is larger than %d bytes", MaxFileBytes)
	}
	var f file
	if err := json.Unmarshal(b, &f); err != nil {
		return nil, malformed("", "is no JSON of a tokenizer")
	}
	t := &Tokenizer{marks: map[string]int32{}}
	var err error
	if t.normal, err = parseNormalizer("normalizer", f.Normalizer); err != nil {
		return nil, err
	}
	if t.split, err = parseSplitters("pre_tokenizer", f.PreTokenizer); err != nil {
		return nil, err
	}
	if err := t.parseModel(f.Model); err != nil {
		return nil, err
	}
	return t, t.parseAdded(f.Added)
}

func (t *Tokenizer) parseModel(raw json.RawMessage) (err error) {
	var head struct {
		Type string `json:"type"`
	}
	if json.Unmarshal(raw, &head) != nil {
		return malformed("model", "is missing")
	}
	switch t.kind = head.Type; head.Type {
	case "WordPiece":
		t.model, t.size, err = parseWordPiece(raw)
	case "Unigram":
		t.model, t.size, err = parseUnigram(raw)
	case "BPE":
		t.model, t.size, err = parseBPE(raw)
	default:
		err = unknown("model.type", head.Type)
	}
	return err
}

// parseAdded takes the tokens that are found in texts. Special ones only count for the size.
func (t *Tokenizer) parseAdded(added []addedFile) error {
	for i, a := range added {
		field := fmt.Sprintf("added_tokens[%d]", i)
		if a.ID < 0 || a.ID > MaxID || a.Content == "" {
			return malformed(field, "has no id or content")
		}
		t.size = max(t.size, int(a.ID)+1)
		switch {
		case a.Special:
			t.marks[a.Content] = int32(a.ID)
			continue
		case a.SingleWord || a.LStrip || a.RStrip:
			return unknown(field, "single_word, lstrip or rstrip")
		}
		t.added = append(t.added, addedToken{a.Content, int32(a.ID)})
	}
	// The longest first, so that it wins at a place where several match.
	sort.SliceStable(t.added, func(i, j int) bool { return len(t.added[i].content) > len(t.added[j].content) })
	return nil
}

// Size is one more than the largest id.
func (t *Tokenizer) Size() int { return t.size }

// ID returns the id of a special token, as "[CLS]".
func (t *Tokenizer) ID(special string) (int32, bool) {
	id, ok := t.marks[special]
	return id, ok
}

// KeepUnknown makes words that a WordPiece vocabulary does not know give the id that it has
// for them, as models want that look at places. Other vocabularies are refused. It is called
// before the tokenizer is used.
func (t *Tokenizer) KeepUnknown() error {
	m, ok := t.model.(*wordPiece)
	if !ok || m.unknown < 0 {
		return unknown("model.type", t.kind+" without a piece for what it does not know")
	}
	m.keep = true
	return nil
}

// Kind is the kind of the model: WordPiece, Unigram or BPE.
func (t *Tokenizer) Kind() string { return t.kind }

// Append appends the ids of a text.
func (t *Tokenizer) Append(ids []int32, text string) []int32 {
	if len(t.added) == 0 {
		return t.appendPlain(ids, text, true)
	}
	places := make([]int, len(t.added)) // where each token is next, as far as known
	for i := range places {
		places[i] = -1
	}
	start := 0
	for {
		at, token := t.findAdded(text, start, places)
		ids = t.appendPlain(ids, text[start:at], start == 0)
		if token == nil {
			return ids
		}
		ids = append(ids, token.id)
		start = at + len(token.content)
	}
}

// findAdded returns where the first added token from start is; without one, the end.
func (t *Tokenizer) findAdded(text string, start int, places []int) (at int, token *addedToken) {
	at = len(text)
	for i := range t.added {
		if places[i] < start {
			places[i] = len(text)
			if found := strings.Index(text[start:], t.added[i].content); found >= 0 {
				places[i] = start + found
			}
		}
		if places[i] < at {
			at, token = places[i], &t.added[i]
		}
	}
	return at, token
}

func (t *Tokenizer) appendPlain(ids []int32, text string, first bool) []int32 {
	if t.normal != nil {
		text = t.normal(text)
	}
	if text == "" {
		return ids
	}
	words := []string{text}
	for _, split := range t.split {
		words = split(words, first)
	}
	for _, word := range words {
		if word != "" {
			ids = t.model.append(ids, word)
		}
	}
	return ids
}

// malformed is a file that does not say what it must.
func malformed(field, what string) error {
	return lode.FieldError(lode.CodeMalformed, in(field), "", "%s %s", in(field), what)
}

// unknown is a part that is not known here.
func unknown(field, name string) error {
	return lode.FieldError(lode.CodeUnsupportedMedia, in(field), name, "the tokenizer has a part that is not known here")
}

func in(field string) string {
	if field == "" {
		return "tokenizer.json"
	}
	return "tokenizer.json:" + field
}
