package segment

import (
	"cmp"
	"context"
	"math/bits"
	"slices"
	"sync"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/index"
	"github.com/lodedb/lode/index/distance"
)

// View is a part and which of its rows may be found.
type View struct {
	Part  Part
	Allow *index.Bitset // nil: all
	// Order has for each row its place among the rows of all views, ascending in the view, for
	// views whose rows lie between those of others: equal scores go by it. A number that comes
	// again belongs to the first row that has it; the others are not allowed. Of several views all
	// have one or none; without, the rows of a view come behind those of the views before it.
	Order []uint32
}

// Hit is a row that a search found.
type Hit struct {
	Part  int // in the order of the views
	Row   uint32
	Score float32
}

// Search returns the best rows of all parts together: at most o.K, best first, ties by part and
// then by row, or as [View].Order says. Statistics are those of all live rows of all parts, whoever may see them; scores
// are to the bit what one index of the live rows would give, and no row is left out that would
// score as much. The parts must have been made with the same [Options].
//
// k below 1 and a query that is not valid are [lode.CodeInvalid], a damaged part
// [lode.CodeCorrupt]; a context that ends is [lode.CodeCanceled] or [lode.CodeTimeout].
func Search(ctx context.Context, q Query, views []View, o SearchOptions) ([]Hit, error) {
	p, prepared, err := planFor(ctx, q, views, &o)
	if err != nil {
		return nil, err
	}
	top := index.NewTopK(o.K)
	base := uint64(0)
	for i, v := range views {
		if base+uint64(prepared[i].rows.count()) > MaxRows {
			return nil, lode.Invalid("views", base, "the parts have more than %d rows together", uint64(MaxRows))
		}
		s := &partSearch{
			scoring: p.scoring, rows: prepared[i].rows, fields: prepared[i].rows.fields(), allow: v.Allow,
			base: uint32(base), order: v.Order, top: top,
		}
		var err error
		if fault := distance.Guard(func() { err = s.run(ctx, p, prepared[i].entries) }); fault != nil {
			return nil, faulty("search", fault)
		}
		if err != nil {
			return nil, err
		}
		base += uint64(prepared[i].rows.count())
	}
	if len(views) > 0 && views[0].Order != nil {
		return orderedHits(top.Sorted(), views), nil
	}
	return hits(top.Sorted(), prepared), nil
}

// UpperBound is a score that no row can exceed. Words that no part holds count with the weight
// that a first row with them would nearly have. It is 0 for a query without words.
func UpperBound(q Query, parts []Part, o SearchOptions) (float64, error) {
	views := make([]View, len(parts))
	for i, p := range parts {
		views[i].Part = p
	}
	p, _, err := planFor(context.Background(), q, views, &o)
	if err != nil {
		return 0, err
	}
	return p.bound * (1 + 0x1p-22), nil // what rounding to float32 may add to a score
}

// planFor checks a search and prepares the parts for it.
func planFor(ctx context.Context, q Query, views []View, o *SearchOptions) (*plan, []*prepared, error) {
	*o = o.defaults()
	if err := o.validate(); err != nil {
		return nil, nil, err
	}
	if err := q.Validate(); err != nil {
		return nil, nil, err
	}
	if err := index.Stopped(ctx); err != nil {
		return nil, nil, err
	}
	parts := make([]Part, len(views))
	for i, v := range views {
		parts[i] = v.Part
	}
	p, err := compile(ctx, q, parts)
	if err != nil {
		return nil, nil, err
	}
	all := make([]*prepared, len(parts))
	for i, part := range parts {
		if all[i], err = part.prepare(p.names); err != nil {
			return nil, nil, err
		}
	}
	p.weigh(*o, all)
	return p, all, nil
}

// hits gives the rows of all parts back to their own.
func hits(found []index.Candidate, parts []*prepared) []Hit {
	out := make([]Hit, len(found))
	for i, c := range found {
		row, part := c.Ordinal, 0
		for ; row >= parts[part].rows.count(); part++ {
			row -= parts[part].rows.count()
		}
		out[i] = Hit{Part: part, Row: row, Score: c.Score}
	}
	return out
}

// orderedHits is hits for views with an order.
func orderedHits(found []index.Candidate, views []View) []Hit {
	out := make([]Hit, len(found))
	for i, c := range found {
		for part, v := range views {
			if row, ok := slices.BinarySearch(v.Order, c.Ordinal); ok {
				out[i] = Hit{Part: part, Row: uint32(row), Score: c.Score}
				break
			}
		}
	}
	return out
}

// drivers are kept for the next search: their windows are large, and clean unless a search
// failed.
var drivers = sync.Pool{New: func() any { return new(driver) }}

// run searches one part.
func (s *partSearch) run(ctx context.Context, p *plan, entries []entry) error {
	s.setLimit()
	d := drivers.Get().(*driver)
	d.reset(s)
	if err := d.run(ctx, p, entries); err != nil {
		return err
	}
	s.release()
	d.s = nil
	drivers.Put(d)
	return nil
}

func (d *driver) reset(s *partSearch) {
	d.s = s
	d.scorers, d.must, d.musts, d.without = d.scorers[:0], d.must[:0], d.musts[:0], d.without[:0]
}

func (d *driver) run(ctx context.Context, p *plan, entries []entry) error {
	s := d.s
	for i := range p.clauses {
		c := &p.clauses[i]
		scorer := s.newScorer(c, entries)
		switch {
		case scorer == nil && c.occur == Must:
			return s.err // no row matches
		case scorer == nil:
		case c.occur == MustNot:
			d.without = append(d.without, scorer)
		default:
			if c.occur == Must {
				d.musts = append(d.musts, scorer)
			}
			d.scorers = append(d.scorers, scorer)
			d.must = append(d.must, c.occur == Must)
		}
	}
	if len(d.scorers) == 0 {
		return s.err
	}
	if len(d.musts) > 0 {
		d.conjunction(ctx)
	} else {
		d.disjunction(ctx)
	}
	return s.err
}

// driver takes the clauses of a query over the rows of a part.
type driver struct {
	s       *partSearch
	scorers []scorer // in the order in which scores are added
	must    []bool   // which of scorers a row must match
	musts   []scorer // these
	without []scorer // those that a row must not match

	bounds    []float64   // of scorers, in the window
	lazy      []int       // scorers that cannot make a row good enough together, largest bound first
	eager     []bool      // the others, by scorer
	lazyBound float64     // of the lazy ones together
	keep      bool        // what each scorer gives is kept beside the sums, for there are lazy ones
	dirty     [][]float64 // where what a scorer gives is kept, in this window
	window    window
}

// disjunction scores rows that match any clause, window by window. Clauses whose bounds together
// do not reach the worst row held are lazy: a row that only they match is not looked at.
func (d *driver) disjunction(ctx context.Context) {
	n := len(d.scorers)
	d.bounds = zeros(d.bounds, n)
	d.eager = append(d.eager[:0], make([]bool, n)...)
	for len(d.window.own) < n {
		d.window.own = append(d.window.own, nil)
	}
	rows := d.s.rows.count()
	for start := d.nextStart(0); start < rows; start = d.nextStart(d.window.end) {
		if err := index.Stopped(ctx); err != nil {
			d.s.fail(err)
		}
		if d.s.err != nil {
			return
		}
		d.window.start, d.window.end = start, min(start+windowRows, rows)
		d.score()
	}
}

// zeros returns n zeros, in the place of b if that is large enough.
func zeros(b []float64, n int) []float64 {
	b = slices.Grow(b[:0], n)[:n]
	clear(b)
	return b
}

// nextStart is the first window from a row on that may hold a match.
func (d *driver) nextStart(from uint32) uint32 {
	row := uint32(noRow)
	for _, c := range d.scorers {
		row = min(row, c.atLeast(from))
	}
	return row / windowRows * windowRows
}

// fewRows is the number of rows of a window up to which each is scored alone.
const fewRows = 128

// score scores the rows of the window: eager clauses score all rows that they match, lazy ones
// those that are good enough for it.
func (d *driver) score() {
	few := windowRows
	if d.s.allow != nil {
		if few = d.s.allowed(d.window.start, d.window.end); few == 0 {
			return
		}
	}
	if !d.divide(few <= fewRows) {
		return
	}
	w := &d.window
	if few <= fewRows {
		for i := range (w.end - w.start + 63) / 64 {
			w.alive[i] = d.s.visible(w.start/64+i) & within(int(i), int(w.end-w.start))
		}
	} else {
		d.scoreEager()
	}
	rest := d.lazyBound
	for _, i := range d.lazy {
		rest = max(rest-d.bounds[i], 0)
		d.scorers[i].refine(w, d.own(i), rest)
		d.prune(rest)
	}
	d.collect()
}

// scoreEager fills the window with what eager clauses give, and leaves alive the rows that are
// visible and not hopeless.
func (d *driver) scoreEager() {
	w, total := &d.window, d.lazyBound
	for i, eager := range d.eager {
		if eager {
			total += d.bounds[i]
		}
	}
	for i, c := range d.scorers {
		if d.eager[i] {
			c.fill(w, d.own(i), total-d.bounds[i])
		}
	}
	for i, word := range w.found {
		if word != 0 {
			w.alive[i] = word
			d.bury(i, word&^d.s.visible(w.start/64+uint32(i)))
			w.found[i] = 0
		}
	}
	d.prune(d.lazyBound)
}

// prune buries the rows that are hopeless with so much more.
func (d *driver) prune(rest float64) {
	w := &d.window
	for i, word := range w.alive {
		gone := uint64(0)
		for ; word != 0; word &= word - 1 {
			at := bits.TrailingZeros64(word)
			if d.s.hopeless((w.sums[i*64+at] + rest) * moreMargin) {
				gone |= 1 << at
			}
		}
		if gone != 0 {
			d.bury(i, gone)
		}
	}
}

// bury forgets the rows of a word of the window.
func (d *driver) bury(i int, gone uint64) {
	w := &d.window
	w.alive[i] &^= gone
	for ; gone != 0; gone &= gone - 1 {
		at := i*64 + bits.TrailingZeros64(gone)
		w.sums[at] = 0
		for _, own := range d.dirty {
			own[at] = 0
		}
	}
}

// own is where the scores that a scorer gives are kept, if they are.
func (d *driver) own(i int) []float64 {
	if !d.keep {
		return nil
	}
	if d.window.own[i] == nil {
		d.window.own[i] = make([]float64, windowRows)
	}
	d.dirty = append(d.dirty, d.window.own[i])
	return d.window.own[i]
}

// divide decides which clauses are lazy in the window; all says that they all are. It is false
// when no row of the window can be found.
func (d *driver) divide(all bool) bool {
	d.lazy, d.lazyBound, d.keep, d.dirty = d.lazy[:0], 0, false, d.dirty[:0]
	total := 0.0
	for i, c := range d.scorers {
		d.bounds[i] = c.boundIn(d.window.start, d.window.end)
		d.eager[i] = true
		total += d.bounds[i]
	}
	if total == 0 || d.s.hopeless(total*moreMargin) {
		return false
	}
	for i := range d.scorers {
		d.lazy = append(d.lazy, i)
	}
	slices.SortStableFunc(d.lazy, func(a, b int) int { return cmp.Compare(d.bounds[a], d.bounds[b]) })
	n := 0
	for n < len(d.lazy) && (all || d.s.hopeless((d.lazyBound+d.bounds[d.lazy[n]])*moreMargin)) {
		d.lazyBound += d.bounds[d.lazy[n]]
		d.eager[d.lazy[n]] = false
		n++
	}
	d.lazy = d.lazy[:n]
	slices.Reverse(d.lazy)
	d.keep = n > 0
	return true
}

// collect offers the rows of the window that are still alive, and clears it.
func (d *driver) collect() {
	w := &d.window
	for i, word := range w.alive {
		for left := word; left != 0; left &= left - 1 {
			at := i*64 + bits.TrailingZeros64(left)
			total := w.sums[at]
			if d.keep {
				total = 0 // once more, in the order of the clauses
				for _, own := range w.own[:len(d.scorers)] {
					if own != nil {
						total += own[at]
					}
				}
			}
			if total > 0 && !d.s.hopeless(total*moreMargin) {
				d.offer(w.start+uint32(at), total)
			}
		}
		if word != 0 {
			d.bury(i, word)
		}
	}
}

func (d *driver) offer(row uint32, score float64) {
	for _, c := range d.without {
		if c.next(row) == row {
			return
		}
	}
	d.s.offer(row, score)
}

// conjunction scores the rows that match all clauses that a row must match.
func (d *driver) conjunction(ctx context.Context) {
	until, checked := uint32(0), 0
	for row := d.candidate(0); row != noRow && d.s.err == nil; row = d.candidate(row + 1) {
		if checked++; checked%windowRows == 0 {
			if err := index.Stopped(ctx); err != nil {
				d.s.fail(err)
				return
			}
		}
		if row >= until {
			for until = d.stretch(row); until > row && d.hopelessIn(row, until); until = d.stretch(row) {
				if row = d.candidate(until); row == noRow {
					return
				}
			}
		}
		if d.s.isVisible(row) {
			d.scoreRow(row)
		}
	}
}

// candidate returns the first row from target on that matches all that must match.
func (d *driver) candidate(target uint32) uint32 { return meet(d.musts, target) }

// stretch is the row before which bounds from a row on do not change.
func (d *driver) stretch(row uint32) uint32 {
	until := d.s.rows.count() - 1
	for _, c := range d.musts {
		until = min(until, c.until(row))
	}
	return until + 1
}

func (d *driver) hopelessIn(from, to uint32) bool {
	if d.s.limit <= 0 {
		return false
	}
	total := 0.0
	for _, c := range d.scorers {
		total += c.boundIn(from, to)
	}
	return d.s.hopeless(total * moreMargin)
}

func (d *driver) scoreRow(row uint32) {
	total := 0.0
	for i, c := range d.scorers {
		given := 0.0
		if c.next(row) == row {
			given = c.score()
		}
		if given == 0 && d.must[i] {
			return // it is in fields that do not count
		}
		total += given
	}
	if total > 0 {
		d.offer(row, total)
	}
}

// eachBit calls f with the place of every bit.
func eachBit(words []uint64, f func(at uint32)) {
	for i, word := range words {
		for ; word != 0; word &= word - 1 {
			f(uint32(i*64 + bits.TrailingZeros64(word)))
		}
	}
}
