package evaluation

import (
	"cmp"
	"math/rand/v2"
	"slices"
)

// foldsOf cuts the questions of a set into n parts of about the same size. Questions whose first
// relevant span is in the same document stay together: what helps one of them helps the others, so
// that they cannot vouch for each other. Of a set about fewer documents than make such parts, each
// question stands alone.
func foldsOf(set *Set, n int, seed uint64) [][]int {
	groups := map[string][]int{}
	for i := range set.Questions {
		key := set.Questions[i].about()
		groups[key] = append(groups[key], i)
	}
	if len(groups) < 2*n {
		groups = map[string][]int{}
		for i := range set.Questions {
			groups[set.Questions[i].ID] = []int{i}
		}
	}
	keys := sortedKeys(groups)
	random := rand.New(rand.NewPCG(seed, uint64(len(keys))))
	random.Shuffle(len(keys), func(i, j int) { keys[i], keys[j] = keys[j], keys[i] })
	slices.SortStableFunc(keys, func(a, b string) int { return cmp.Compare(len(groups[b]), len(groups[a])) })
	folds := make([][]int, n)
	for _, key := range keys { // the largest group first, each to the smallest fold
		smallest := slices.IndexFunc(folds, func(f []int) bool {
			return !slices.ContainsFunc(folds, func(g []int) bool { return len(g) < len(f) })
		})
		folds[smallest] = append(folds[smallest], groups[key]...)
	}
	return folds
}

// about names the document of the first relevant span.
func (q *Question) about() string {
	for i := range q.Spans {
		if s := &q.Spans[i]; s.Grade > 0 {
			if !s.Bronze.IsZero() {
				return s.Bronze.String()
			}
			return cmp.Or(string(s.Document), s.URI)
		}
	}
	return q.ID
}

func allOf(n int) []int {
	all := make([]int, n)
	for i := range all {
		all[i] = i
	}
	return all
}
