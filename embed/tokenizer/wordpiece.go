package tokenizer

import (
	"encoding/json"
	"unicode/utf8"
)

// wordPiece takes the longest piece of the vocabulary that a word begins with, then the
// longest that continues it, and so on. A word that cannot be covered so is unknown as a whole.
type wordPiece struct {
	first     map[string]int32 // pieces that begin a word
	rest      map[string]int32 // pieces that continue one, without their prefix
	longest   int              // bytes of a piece
	mostRunes int              // of a word; longer ones are unknown
	unknown   int32            // id of what is not in the vocabulary; -1: none
	keep      bool             // it is given, not left out
}

func parseWordPiece(raw json.RawMessage) (model, int, error) {
	var f struct {
		Vocab   map[string]int64 `json:"vocab"`
		Unknown string           `json:"unk_token"`
		Prefix  *string          `json:"continuing_subword_prefix"`
		Most    *int             `json:"max_input_chars_per_word"`
	}
	if json.Unmarshal(raw, &f) != nil || len(f.Vocab) == 0 {
		return nil, 0, malformed("model.vocab", "is no vocabulary")
	}
	prefix := "##"
	if f.Prefix != nil {
		prefix = *f.Prefix
	}
	m := &wordPiece{first: make(map[string]int32, len(f.Vocab)), rest: map[string]int32{}, mostRunes: 100, unknown: -1}
	if f.Most != nil {
		m.mostRunes = *f.Most
	}
	size := 0
	for piece, id := range f.Vocab {
		if id < 0 || id > MaxID {
			return nil, 0, malformed("model.vocab", "has an id out of range")
		}
		size = max(size, int(id)+1)
		m.longest = max(m.longest, len(piece))
		if piece == f.Unknown {
			m.unknown = int32(id)
			continue
		}
		m.first[piece] = int32(id)
		if len(piece) >= len(prefix) && piece[:len(prefix)] == prefix {
			m.rest[piece[len(prefix):]] = int32(id)
		}
	}
	return m, size, nil
}

func (m *wordPiece) append(ids []int32, word string) []int32 {
	if len(word) > m.mostRunes && utf8.RuneCountInString(word) > m.mostRunes {
		return m.appendUnknown(ids)
	}
	before := len(ids)
	pieces := m.first
	for word != "" {
		end := m.longestIn(pieces, word)
		if end == 0 {
			return m.appendUnknown(ids[:before])
		}
		ids = append(ids, pieces[word[:end]])
		word, pieces = word[end:], m.rest
	}
	return ids
}

func (m *wordPiece) appendUnknown(ids []int32) []int32 {
	if m.keep && m.unknown >= 0 {
		return append(ids, m.unknown)
	}
	return ids
}

// longestIn returns how long the longest piece is that a word begins with, 0 without one.
func (m *wordPiece) longestIn(pieces map[string]int32, word string) int {
	for end := min(len(word), m.longest); end > 0; end-- {
		if end < len(word) && !utf8.RuneStart(word[end]) {
			continue
		}
		if _, ok := pieces[word[:end]]; ok {
			return end
		}
	}
	return 0
}
