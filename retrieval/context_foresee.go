package retrieval

import (
	"runtime"
	"sync"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/internal/tokens"
)

// foresee counts the passages that will likely be shown, half of them beside the other half: counting is most
// of what a context takes. Chunks know their tokens, so who fits is mostly known before. What is counted
// in vain, because it repeats another or the numbers move, is not used.
func (a *assembler) foresee(blocks []block) {
	if a.tokenizer != tokens.Name || runtime.GOMAXPROCS(0) < 2 {
		return
	}
	a.foreseen = map[*lode.Row]*passage{}
	var all []*passage
	left := a.left
	for i := range blocks {
		hit := blocks[i].own()
		if hit == nil || isBlank(hit.Chunk.Text) {
			continue
		}
		for j := range blocks[i].chunks {
			left -= blocks[i].chunks[j].Chunk.Tokens + leastHeader
		}
		if left < 0 {
			break
		}
		p := newPassage(hit, blocks[i].chunks)
		all, a.foreseen[hit] = append(all, p), p
	}
	if len(all) < 2 {
		return
	}
	count := func(from int) {
		for i := from; i < len(all); i += 2 {
			all[i].cost, all[i].costed = a.cost(i+1, all[i]), i+1
		}
	}
	var beside sync.WaitGroup
	beside.Go(func() { count(1) })
	count(0)
	beside.Wait()
}

// leastHeader is about the fewest tokens of a header.
const leastHeader = 8

// own is the chunk of the hit among those of the block, nil where it is not.
func (b *block) own() *lode.Row {
	for i := range b.chunks {
		if b.chunks[i].Chunk.ID == b.hit.Row.Chunk.ID {
			return &b.chunks[i]
		}
	}
	return nil
}
