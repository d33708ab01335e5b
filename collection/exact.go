package collection

import (
	"context"
	"slices"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/index"
)

// DenseRank is the place of a row in an exact search.
type DenseRank struct {
	Score float64
	Rank  int // from 1; 0: the row has no vector that is compared
}

// DenseRanks compares rows with a vector, and counts which of the rows that the principal may see and
// the filter matches come before each: what an exact search of any depth would say. It reads every
// vector that may be found, and holds few of the scores at a time. A row that may not be found has no rank.
func (v *View) DenseRanks(ctx context.Context, vector lode.Vector, f lode.Filter, rows []lode.RowID) ([]DenseRank, error) {
	c := &v.collection.settings
	if err := vector.ValidateFor(c.Dim, c.Metric); err != nil {
		return nil, err
	}
	may, err := v.allow(ctx, v.base, f)
	if err != nil {
		return nil, err
	}
	wanted, ranks := map[uint32]int{}, make([]DenseRank, len(rows))
	for i, id := range rows {
		if ordinal, _, ok := v.base.find(id); ok {
			wanted[ordinal] = i
		}
	}
	own := v.own(wanted, may)
	var scored []index.Candidate
	err = v.base.eachScore(ctx, vector, own, func(found []index.Candidate) { scored = append(scored, found...) })
	if err != nil {
		return nil, err
	}
	for _, s := range scored {
		ranks[wanted[s.Ordinal]] = DenseRank{Score: float64(s.Score), Rank: 1}
	}
	if len(scored) == 0 {
		return ranks, nil
	}
	err = v.base.eachScore(ctx, vector, may.parts, func(found []index.Candidate) {
		for _, s := range scored { // both best first: those before s are the first so many
			before, _ := slices.BinarySearchFunc(found, s, func(c, of index.Candidate) int {
				if c.Better(of) {
					return -1
				}
				return 1
			})
			ranks[wanted[s.Ordinal]].Rank += before
		}
	})
	return ranks, err
}

// own are the rows of interest among those that may be found.
func (v *View) own(wanted map[uint32]int, may *allowed) []*index.Bitset {
	out := make([]*index.Bitset, len(may.parts))
	for i := range may.parts {
		out[i] = index.NewBitset(may.parts[i].Len())
		for ordinal := range wanted {
			if row, ok := v.base.parts[i].find(ordinal); ok && may.parts[i].Has(row) {
				out[i].Set(row)
			}
		}
	}
	return out
}

// scoreBlock is how many rows are compared at a time where all of them are.
const scoreBlock = 64 * 64

// eachScore compares rows of all parts with a vector, and tells of those of a block at a time, best
// first.
func (s *snapshot) eachScore(ctx context.Context, vector lode.Vector, rows []*index.Bitset, tell func([]index.Candidate)) error {
	for i := range s.parts {
		p := &s.parts[i]
		block := index.NewBitset(rows[i].Len())
		for at := 0; at < rows[i].Len(); at += scoreBlock {
			if !only(block, rows[i], at) {
				continue
			}
			found, err := p.search(ctx, vector, &lode.DenseSearch{K: scoreBlock, Exact: true}, block)
			if err != nil {
				return p.failed(err)
			}
			for j := range found {
				found[j].Ordinal = p.rows[found[j].Ordinal] - 1
			}
			tell(found)
		}
	}
	return nil
}

// only makes block hold those of the rows that lie in one block, and reports whether there are any. The
// block before is emptied.
func only(block, rows *index.Bitset, at int) (some bool) {
	for i := max(0, at-scoreBlock) / 64; i < min(at+scoreBlock, rows.Len()+63)/64; i++ {
		word := uint64(0)
		if i >= at/64 {
			word = rows.Word(i)
		}
		some = some || word != 0
		block.SetWord(i, word)
	}
	return some
}
