package rerank

import (
	"math"

	"github.com/lodedb/lode/embed"
	"github.com/lodedb/lode/index/distance"
)

// matcher compares tokens of passages with those of one query. Directions are in 8-bit numbers: a
// cosine is a sum of integers, one product and one division, and so has the same bits on every CPU.
// Each different token is compared once, whatever the number of passages that have it.
type matcher struct {
	lexicon embed.Lexicon
	query   []queryToken
	rows    []byte // their codes, one behind the other
	scorer  distance.Scorer

	ids     map[string]uint32 // tokens of passages
	cosines []float64         // of each of them with each of the query
	seen    []int             // the last passage that had the token
	texts   int

	vector []float32 // of the token at hand,
	code   []int8    // its direction,
	bytes  []byte    // and that as the scorer takes it
	sums   []int32
}

// queryToken is a token of the query.
type queryToken struct {
	name  string
	share float64 // of the score; together 1
	norm  float64 // length of its code
}

// newMatcher reads a query, of which the first so many different tokens count. Those without a
// direction do not.
func newMatcher(l embed.Lexicon, dim int, query string, most int) *matcher {
	m := &matcher{lexicon: l, ids: map[string]uint32{}, vector: make([]float32, dim), code: make([]int8, dim), bytes: make([]byte, dim)}
	known, total := map[string]bool{}, 0.0
	l.Tokens(query, func(token []byte) {
		if known[string(token)] || len(m.query) == most {
			return
		}
		known[string(token)] = true
		square, norm := m.encode(token)
		if norm == 0 {
			return
		}
		total += square
		m.query = append(m.query, queryToken{string(token), square, norm})
		m.rows = append(m.rows, m.bytes...)
	})
	for i := range m.query {
		m.query[i].share /= total
	}
	m.sums = make([]int32, len(m.query))
	m.scorer.SetInt8(m.code)
	m.scorer.SetRows(m.rows, dim, -1)
	return m
}

// best returns, for each token of the query, the cosine of the nearest one in a text, of which the
// first so many count; 0 where there is none.
func (m *matcher) best(text string, most int) []float64 {
	if len(m.query) == 0 {
		return nil
	}
	m.texts++
	out := make([]float64, len(m.query))
	first := true
	m.lexicon.Tokens(text, func(token []byte) {
		if most--; most < 0 {
			return
		}
		id := m.id(token)
		if m.seen[id] == m.texts {
			return
		}
		m.seen[id] = m.texts
		for i, c := range m.cosines[int(id)*len(out) : (int(id)+1)*len(out)] {
			if first || c > out[i] {
				out[i] = c
			}
		}
		first = false
	})
	return out
}

// id returns the number of a token; a new one is compared with the query.
func (m *matcher) id(token []byte) uint32 {
	if id, ok := m.ids[string(token)]; ok {
		return id
	}
	id, name := uint32(len(m.seen)), string(token)
	m.ids[name], m.seen = id, append(m.seen, 0)
	_, norm := m.encode(token)
	m.scorer.ReplaceInt8(m.bytes)
	m.scorer.Sums(m.sums, 0)
	for i, sum := range m.sums {
		switch q := &m.query[i]; {
		case q.name == name:
			m.cosines = append(m.cosines, 1)
		case norm == 0:
			m.cosines = append(m.cosines, 0)
		default:
			m.cosines = append(m.cosines, float64(sum)/(q.norm*norm))
		}
	}
	return id
}

// leastStep bounds steps whose inverse is infinite.
const leastStep = 1e-30

// encode takes the direction of a token, of which the largest number is 127. It returns the square
// of the vector's length and the length of the code; both are 0 for a token without a direction.
func (m *matcher) encode(token []byte) (square, norm float64) {
	m.lexicon.TokenVector(token, m.vector)
	for _, x := range m.vector {
		square += float64(x) * float64(x) // the product is exact, so that fusing changes nothing
	}
	largest := float32(0)
	if square > 0 && !math.IsInf(square, 1) { // and no NaN
		largest = distance.Largest(m.vector)
	}
	if step := largest / 127; step > leastStep {
		norm = math.Sqrt(float64(distance.RoundInt8(m.code, m.vector, step).Squares))
	} else {
		clear(m.code)
		square = 0
	}
	for i, c := range m.code {
		m.bytes[i] = byte(c)
	}
	return square, norm
}
