package tokenizer

import (
	"container/heap"
	"encoding/json"
	"fmt"
	"strings"
	"unicode/utf8"
)

// bpe begins with the characters of a word and joins the pair of neighbours that was learnt
// first, until there is none.
type bpe struct {
	vocab   map[string]int32
	ranks   map[[2]int32]merge
	whole   bool // a word of the vocabulary is taken as it is
	prefix  string
	suffix  string
	bytes   *[256]int32
	unknown int32 // id that is never given; -1: none
}

// merge is a pair that may be joined.
type merge struct{ rank, id int32 }

func parseBPE(raw json.RawMessage) (model, int, error) {
	var f struct {
		Vocab        map[string]int64  `json:"vocab"`
		Merges       []json.RawMessage `json:"merges"`
		Unknown      *string           `json:"unk_token"`
		Prefix       *string           `json:"continuing_subword_prefix"`
		Suffix       *string           `json:"end_of_word_suffix"`
		Fallback     bool              `json:"byte_fallback"`
		IgnoreMerges bool              `json:"ignore_merges"`
	}
	if json.Unmarshal(raw, &f) != nil || len(f.Vocab) == 0 {
		return nil, 0, malformed("model.vocab", "is no vocabulary")
	}
	m := &bpe{vocab: make(map[string]int32, len(f.Vocab)), ranks: make(map[[2]int32]merge, len(f.Merges)), whole: f.IgnoreMerges, unknown: -1}
	size := 0
	for piece, id := range f.Vocab {
		if id < 0 || id > MaxID {
			return nil, 0, malformed("model.vocab", "has an id out of range")
		}
		size = max(size, int(id)+1)
		m.vocab[piece] = int32(id)
	}
	if f.Prefix != nil {
		m.prefix = *f.Prefix
	}
	if f.Suffix != nil {
		m.suffix = *f.Suffix
	}
	if f.Unknown != nil {
		if id, ok := m.vocab[*f.Unknown]; ok {
			m.unknown = id
		}
	}
	if f.Fallback {
		m.bytes = bytePieces(m.vocab)
	}
	return m, size, m.parseMerges(f.Merges)
}

// parseMerges reads pairs, written as "a b" or as ["a","b"].
func (m *bpe) parseMerges(merges []json.RawMessage) error {
	for i, raw := range merges {
		var pair [2]string
		var text string
		if json.Unmarshal(raw, &text) == nil {
			left, right, ok := strings.Cut(text, " ")
			if !ok {
				return malformed(fmt.Sprintf("model.merges[%d]", i), "is no pair")
			}
			pair = [2]string{left, right}
		} else if json.Unmarshal(raw, &pair) != nil {
			return malformed(fmt.Sprintf("model.merges[%d]", i), "is no pair")
		}
		a, okA := m.vocab[pair[0]]
		b, okB := m.vocab[pair[1]]
		both, okC := m.vocab[pair[0]+strings.TrimPrefix(pair[1], m.prefix)]
		if !okA || !okB || !okC {
			return malformed(fmt.Sprintf("model.merges[%d]", i), "names a piece that is not in the vocabulary")
		}
		if _, known := m.ranks[[2]int32{a, b}]; !known {
			m.ranks[[2]int32{a, b}] = merge{int32(i), both}
		}
	}
	return nil
}

func (m *bpe) append(ids []int32, word string) []int32 {
	if m.whole {
		if id, ok := m.vocab[word]; ok {
			return append(ids, id)
		}
	}
	before := len(ids)
	ids = m.characters(ids, word)
	return ids[:before+len(m.join(ids[before:]))]
}

const (
	noPiece = -1 // what the vocabulary does not know: it keeps its neighbours apart
	joined  = -2 // what its left neighbour has taken in
)

// characters appends the ids of a word's characters.
func (m *bpe) characters(ids []int32, word string) []int32 {
	for at := 0; at < len(word); {
		_, width := utf8.DecodeRuneInString(word[at:])
		piece := word[at : at+width]
		if at > 0 {
			piece = m.prefix + piece
		}
		if at+width == len(word) {
			piece += m.suffix
		}
		id, ok := m.vocab[piece]
		switch {
		case ok && id != m.unknown:
			ids = append(ids, id)
		case m.bytes != nil:
			for i := at; i < at+width; i++ {
				ids = append(ids, m.bytes[word[i]])
			}
		default:
			ids = append(ids, noPiece)
		}
		at += width
	}
	return ids
}

// pairAt is a pair of neighbours that may be joined.
type pairAt struct {
	rank        int32
	at          int32 // of the left one
	left, right int32 // ids, to see that neither was joined since
}

// pairs is a heap: what was learnt first before others, and the leftmost of equal ones.
type pairs []pairAt

// Len, Less, Swap, Push and Pop implement heap.Interface.
func (p pairs) Len() int { return len(p) }
func (p pairs) Less(i, j int) bool {
	return p[i].rank < p[j].rank || p[i].rank == p[j].rank && p[i].at < p[j].at
}
func (p pairs) Swap(i, j int) { p[i], p[j] = p[j], p[i] }
func (p *pairs) Push(x any)   { *p = append(*p, x.(pairAt)) }
func (p *pairs) Pop() any {
	last := (*p)[len(*p)-1]
	*p = (*p)[:len(*p)-1]
	return last
}

// join joins pairs in place and returns what is left. Words may be as long as texts, so it
// keeps the pairs in a heap instead of looking for the best one each time.
func (m *bpe) join(ids []int32) []int32 {
	n := len(ids)
	next, before := make([]int32, n), make([]int32, n)
	var waiting pairs
	add := func(left, right int32) {
		if found, ok := m.ranks[[2]int32{ids[left], ids[right]}]; ok {
			heap.Push(&waiting, pairAt{found.rank, left, ids[left], ids[right]})
		}
	}
	for i := range n {
		next[i], before[i] = int32(i+1), int32(i-1)
		if i > 0 {
			add(int32(i-1), int32(i))
		}
	}
	for len(waiting) > 0 {
		p := heap.Pop(&waiting).(pairAt)
		right := next[p.at]
		if ids[p.at] != p.left || right == int32(n) || ids[right] != p.right {
			continue
		}
		ids[p.at] = m.ranks[[2]int32{p.left, p.right}].id
		ids[right] = joined
		if next[p.at] = next[right]; next[right] < int32(n) {
			before[next[right]] = p.at
			add(p.at, next[right])
		}
		if before[p.at] >= 0 {
			add(before[p.at], p.at)
		}
	}
	kept := ids[:0]
	for _, id := range ids {
		if id >= 0 {
			kept = append(kept, id)
		}
	}
	return kept
}
