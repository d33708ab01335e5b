package segment

import (
	"cmp"
	"math"
	"slices"
	"strings"
)

// naive scores by the formula in the package comment, over rows kept as they are.
type naive struct {
	fields int
	rows   []Row // of all parts, one behind the other; nil for one that was removed
	parts  []int // of each row
	inPart []uint32
	shown  []bool
}

func (m *naive) holders(term string) (n float64) {
	for _, row := range m.rows {
		if slices.ContainsFunc(row, func(f []tokenOf) bool { return countIn(f, term) > 0 }) {
			n++
		}
	}
	return n
}

func countIn(field []tokenOf, term string) (n float64) {
	for _, t := range field {
		if t.Term == term {
			n++
		}
	}
	return n
}

func (m *naive) idf(term string) float64 {
	var live float64
	for _, row := range m.rows {
		if filled(row) {
			live++
		}
	}
	holders := m.holders(term)
	return math.Log(1 + (live-holders+0.5)/(holders+0.5))
}

func filled(row Row) bool {
	return slices.ContainsFunc(row, func(f []tokenOf) bool { return len(f) > 0 })
}

// occurrences is how often an alternative is in a field.
func occurrences(a Alternative, field []tokenOf) (n float64) {
	if len(a.Terms) == 1 {
		return countIn(field, a.Terms[0].Term)
	}
	for _, t := range field {
		if t.Term == a.Terms[0].Term && phraseAt(a, field, int(t.Position)-int(a.Terms[0].Position)) {
			n++
		}
	}
	return n
}

func phraseAt(a Alternative, field []tokenOf, base int) bool {
	for _, want := range a.Terms {
		if !slices.ContainsFunc(field, func(t tokenOf) bool {
			return t.Term == want.Term && int(t.Position) == base+int(want.Position)
		}) {
			return false
		}
	}
	return true
}

// expand replaces prefixes by terms, as the package comment says.
func (m *naive) expand(c Clause) (out []Alternative) {
	for _, a := range c.Any {
		if !a.Prefix {
			out = append(out, a)
			continue
		}
		var all []termRows
		seen := map[string]bool{}
		for _, row := range m.rows {
			for _, field := range row {
				for _, t := range field {
					if strings.HasPrefix(t.Term, a.Terms[0].Term) && !seen[t.Term] {
						seen[t.Term] = true
						all = append(all, termRows{t.Term, uint32(m.holders(t.Term))})
					}
				}
			}
		}
		slices.SortFunc(all, func(a, b termRows) int { return cmp.Or(cmp.Compare(b.rows, a.rows), cmp.Compare(a.term, b.term)) })
		for _, t := range all[:min(len(all), MaxExpansions)] {
			out = append(out, Alternative{Terms: []Place{{Term: t.term}}, Weight: a.Weight})
		}
	}
	// A term that no row holds is as if it were not there, and so is a phrase with one.
	return slices.DeleteFunc(out, func(a Alternative) bool {
		return slices.ContainsFunc(a.Terms, func(p Place) bool { return m.holders(p.Term) == 0 })
	})
}

func (m *naive) search(q Query, o SearchOptions) []Hit {
	o = o.defaults()
	boost := func(f int) float64 {
		if f < len(o.Boosts) {
			return o.Boosts[f]
		}
		return 1
	}
	var live, all float64
	lengths := make([]float64, len(m.rows))
	for i, row := range m.rows {
		if filled(row) {
			live++
		}
		for f, field := range row {
			lengths[i] += boost(f) * float64(len(field))
			all += boost(f) * float64(len(field))
		}
	}
	type clause struct {
		Clause
		key    string
		weight float64
	}
	var clauses []clause
	for _, c := range q.Clauses {
		k := clause{Clause: c}
		for _, a := range c.Any {
			for _, t := range a.Terms {
				k.key += t.Term + "\x00"
			}
		}
		k.Any = m.expand(c)
		for i, a := range k.Any {
			idf := 0.0
			for _, t := range a.Terms {
				idf += m.idf(t.Term)
			}
			if i == 0 || idf < k.weight {
				k.weight = idf
			}
		}
		k.weight *= orOne(c.Weight)
		clauses = append(clauses, k)
	}
	slices.SortStableFunc(clauses, func(a, b clause) int { return cmp.Compare(a.key, b.key) })
	var hits []Hit
rows:
	for i, row := range m.rows {
		if !m.shown[i] || !filled(row) {
			continue
		}
		score := 0.0
		for _, c := range clauses {
			count, any := 0.0, false
			for _, a := range c.Any {
				n := 0.0
				for f, field := range row {
					k := occurrences(a, field)
					any = any || k > 0
					n += boost(f) * k
				}
				count += n * orOne(a.Weight)
			}
			if c.Occur == MustNot {
				if any {
					continue rows
				}
				continue
			}
			if count == 0 {
				if c.Occur == Must {
					continue rows
				}
				continue
			}
			each := 0.0
			if all > 0 {
				each = o.K1 * o.B * live / all
			}
			held := o.K1*(1-o.B) + each*lengths[i]
			score += c.weight * (count * (o.K1 + 1) / (count + held))
		}
		if score > 0 {
			hits = append(hits, Hit{Part: m.parts[i], Row: m.inPart[i], Score: float32(score)})
		}
	}
	slices.SortStableFunc(hits, func(a, b Hit) int { return cmp.Compare(b.Score, a.Score) })
	return hits[:min(len(hits), o.K)]
}
