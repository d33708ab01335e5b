package tokenizer

import (
	"encoding/json"
	"fmt"
	"math"
	"sort"
	"unicode/utf8"
)

// unigram cuts a word into the pieces whose scores have the largest sum.
type unigram struct {
	pieces  []string // in order of bytes, to narrow down what begins like a word
	ids     []int32
	scores  []float64
	unknown float64        // score of a character that no piece covers
	bytes   *[256]int32    // ids of <0x00> to <0xFF>, where unknown characters are cut into bytes
	none    map[int32]bool // ids that are never given: of the unknown piece
}

// unknownPenalty is how much worse than the worst piece an unknown character is.
const unknownPenalty = 10

func parseUnigram(raw json.RawMessage) (model, int, error) {
	var f struct {
		Vocab    [][2]json.RawMessage `json:"vocab"`
		Unknown  *int64               `json:"unk_id"`
		Fallback bool                 `json:"byte_fallback"`
	}
	if json.Unmarshal(raw, &f) != nil || len(f.Vocab) == 0 || len(f.Vocab) > MaxID {
		return nil, 0, malformed("model.vocab", "is no vocabulary")
	}
	m := &unigram{pieces: make([]string, len(f.Vocab)), ids: make([]int32, len(f.Vocab)), scores: make([]float64, len(f.Vocab)), none: map[int32]bool{}}
	worst, byPiece := math.Inf(1), map[string]int32{}
	for i, entry := range f.Vocab {
		if json.Unmarshal(entry[0], &m.pieces[i]) != nil || json.Unmarshal(entry[1], &m.scores[i]) != nil {
			return nil, 0, malformed(fmt.Sprintf("model.vocab[%d]", i), "is no piece with a score")
		}
		m.ids[i] = int32(i)
		worst = min(worst, m.scores[i])
		byPiece[m.pieces[i]] = int32(i)
	}
	m.unknown = worst - unknownPenalty
	if f.Unknown != nil {
		if *f.Unknown < 0 || *f.Unknown >= int64(len(f.Vocab)) {
			return nil, 0, malformed("model.unk_id", "is no id of the vocabulary")
		}
		m.none[int32(*f.Unknown)] = true
	}
	if f.Fallback {
		m.bytes = bytePieces(byPiece)
	}
	sort.Sort(m)
	return m, len(f.Vocab), nil
}

// bytePieces are the ids of the pieces of bytes, nil when one is missing.
func bytePieces(byPiece map[string]int32) *[256]int32 {
	var ids [256]int32
	for b := range ids {
		id, ok := byPiece[fmt.Sprintf("<0x%02X>", b)]
		if !ok {
			return nil
		}
		ids[b] = id
	}
	return &ids
}

// Len, Less and Swap sort pieces by their bytes.
func (m *unigram) Len() int           { return len(m.pieces) }
func (m *unigram) Less(i, j int) bool { return m.pieces[i] < m.pieces[j] }
func (m *unigram) Swap(i, j int) {
	m.pieces[i], m.pieces[j] = m.pieces[j], m.pieces[i]
	m.ids[i], m.ids[j] = m.ids[j], m.ids[i]
	m.scores[i], m.scores[j] = m.scores[j], m.scores[i]
}

// step is the best way to a place in a word.
type step struct {
	score float64
	from  int32 // where its last piece begins
	piece int32 // index of it; -1: an unknown character
	there bool
}

func (m *unigram) append(ids []int32, word string) []int32 {
	steps := make([]step, len(word)+1)
	steps[0].there = true
	for at := 0; at < len(word); {
		_, width := utf8.DecodeRuneInString(word[at:])
		if steps[at].there {
			m.extend(steps, word, at, width)
		}
		at += width
	}
	return m.trace(ids, steps, word)
}

// extend continues the best way to a place with every piece that begins there.
func (m *unigram) extend(steps []step, word string, at, width int) {
	base, single := steps[at].score, false
	low, high := 0, len(m.pieces)
	for end := at; end < len(word) && low < high; {
		depth := end - at
		c := word[end]
		low, high = m.narrow(low, high, depth, c)
		end++
		if low < high && len(m.pieces[low]) == depth+1 && !m.none[m.ids[low]] {
			single = single || end-at == width
			reach(&steps[end], base+m.scores[low], at, int32(low))
		}
	}
	if !single {
		reach(&steps[at+width], base+m.unknown, at, -1)
	}
}

// reach takes a way to a place when it is the best so far.
func reach(s *step, score float64, from int, piece int32) {
	if !s.there || score > s.score {
		*s = step{score: score, from: int32(from), piece: piece, there: true}
	}
}

// narrow returns which of the pieces low to high, which agree up to depth, have the byte c
// there.
func (m *unigram) narrow(low, high, depth int, c byte) (int, int) {
	for low < high && len(m.pieces[low]) == depth { // what is no longer comes first
		low++
	}
	n := high - low
	first := low + sort.Search(n, func(i int) bool { return m.pieces[low+i][depth] >= c })
	last := first + sort.Search(high-first, func(i int) bool { return m.pieces[first+i][depth] > c })
	return first, last
}

// trace follows the best way back and appends its ids in order.
func (m *unigram) trace(ids []int32, steps []step, word string) []int32 {
	before := len(ids)
	for at := len(word); at > 0; at = int(steps[at].from) {
		s := steps[at]
		switch {
		case s.piece >= 0:
			ids = append(ids, m.ids[s.piece])
		case m.bytes != nil:
			for i := at - 1; i >= int(s.from); i-- {
				ids = append(ids, m.bytes[word[i]])
			}
		}
	}
	for i, j := before, len(ids)-1; i < j; i, j = i+1, j-1 {
		ids[i], ids[j] = ids[j], ids[i]
	}
	return ids
}
