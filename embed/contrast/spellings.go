package contrast

import (
	"math"

	"github.com/lodedb/lode/embed/table"
)

// feature is a row and how much it counts in a text.
type feature struct {
	row   int32
	count float32
}

// spellings says how each word of the corpus is written in rows.
type spellings struct {
	row   []int32     // of the word, or -1
	parts [][]feature // its buckets
}

func newSpellings(c *Corpus, vocabulary []string, buckets int) *spellings {
	s := &spellings{row: make([]int32, len(c.Words)), parts: make([][]feature, len(c.Words))}
	rows := make(map[string]int32, len(vocabulary))
	for i, word := range vocabulary {
		rows[word] = int32(i)
	}
	var found []uint32
	for n, word := range c.Words {
		s.row[n] = -1
		if row, ok := rows[word]; ok {
			s.row[n] = row
		}
		found = table.Buckets(found[:0], []byte(word), buckets)
		count := PartCount(len(found))
		for _, b := range found {
			s.parts[n] = append(s.parts[n], feature{row: int32(len(vocabulary)) + int32(b), count: count})
		}
	}
	return s
}

// PartCount is how much each of n parts of a word counts.
func PartCount(n int) float32 { return float32(1 / math.Sqrt(float64(n))) }

// append adds the features of a word: its row, or its parts where it has none or is spelled.
func (s *spellings) append(to []feature, word uint32, spelled bool) []feature {
	if row := s.row[word]; row >= 0 && !spelled {
		return append(to, feature{row: row, count: 1})
	}
	return append(to, s.parts[word]...)
}
