package payload

import (
	"crypto/sha256"
	"fmt"

	"github.com/lodedb/lode"
)

// Query is a filter prepared for blocks. It never changes.
type Query struct {
	filter lode.Filter
	plan   node
	key    cacheKey
	cached bool // worth to remember, and key is set
}

// Compile prepares a filter that is valid. What it points to must not change while the query
// is in use.
func Compile(f lode.Filter) (*Query, error) {
	if err := f.Validate(); err != nil {
		return nil, fmt.Errorf("compile filter: %w", err)
	}
	q := &Query{filter: f, plan: newNode(f)}
	if q.plan.cost > costCached && q.plan.key != nil {
		q.key, q.cached = sha256.Sum256(q.plan.key), true
	}
	return q, nil
}

// Costs are rough times of evaluating a node over a block, in tens of nanoseconds.
const (
	costLookup = 10
	costRange  = 60
	costPlaces = 1000
	costAsk    = 10_000         // each document is asked
	costCached = 2 * costLookup // and below, answering again is as cheap as remembering
)

// match sets into to the rows whose documents match.
func (c *core) match(q *Query, into *Rows) {
	if q.plan.form == lode.FormAll {
		c.all(into)
		return
	}
	if c.direct() {
		*into = Rows{}
		c.ask(&q.filter, &c.heads, into)
		c.expand(into)
		return
	}
	cached := q.cached && len(c.docs) >= cacheDocs
	if cached && c.matches.get(&q.key, into) {
		return
	}
	q.plan.eval(c, &c.heads, into)
	c.expand(into)
	if cached {
		c.matches.put(&q.key, into)
	}
}
