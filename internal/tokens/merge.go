package tokens

// pair is two neighbouring parts of a piece that can become one.
type pair struct {
	rank, left, end int // end of the right part when the pair was found, to know it is stale
}

// pairs is a binary heap: lowest rank first, then leftmost, which is the order of the
// encoding. It is written out because container/heap would allocate for every pair.
type pairs []pair

func (p pairs) less(i, j int) bool {
	return p[i].rank < p[j].rank || p[i].rank == p[j].rank && p[i].left < p[j].left
}

func (p *pairs) push(x pair) {
	*p = append(*p, x)
	q := *p
	for i := len(q) - 1; i > 0; {
		parent := (i - 1) / 2
		if !q.less(i, parent) {
			return
		}
		q[i], q[parent] = q[parent], q[i]
		i = parent
	}
}

func (p *pairs) pop() pair {
	q := *p
	top, last := q[0], len(q)-1
	q[0] = q[last]
	q = q[:last]
	*p = q
	for i := 0; ; {
		child := 2*i + 1
		if child >= last {
			return top
		}
		if child+1 < last && q.less(child+1, child) {
			child++
		}
		if !q.less(child, i) {
			return top
		}
		q[i], q[child] = q[child], q[i]
		i = child
	}
}

// merge returns the ends of the tokens of a piece, ascending. It does what the library does,
// with a heap in place of a scan for the lowest rank.
func (v *vocab) merge(piece string) []int {
	n := len(piece)
	next := make([]int, n+1) // next[i] is the end of the part that starts at i
	prev := make([]int, n+1) // prev[i] is the start of the part that ends at i
	for i := range n {
		next[i], prev[i+1] = i+1, i
	}
	next[n], prev[0] = n, -1
	gone := make([]bool, n+1) // the part that started here was merged into its left neighbour
	queue := make(pairs, 0, n)
	find := func(left int) (pair, bool) {
		mid := next[left]
		if mid >= n {
			return pair{}, false
		}
		rank, ok := v.ranks[piece[left:next[mid]]]
		return pair{rank, left, next[mid]}, ok
	}
	for i := range n {
		if p, ok := find(i); ok {
			queue.push(p)
		}
	}
	for len(queue) > 0 {
		p := queue.pop()
		mid := next[p.left]
		if gone[p.left] || mid >= n || next[mid] != p.end {
			continue
		}
		gone[mid] = true
		next[p.left], prev[p.end] = p.end, p.left
		if q, ok := find(p.left); ok {
			queue.push(q)
		}
		if p.left > 0 {
			if q, ok := find(prev[p.left]); ok {
				queue.push(q)
			}
		}
	}
	var ends []int
	for i := 0; i < n; i = next[i] {
		ends = append(ends, next[i])
	}
	return ends
}
