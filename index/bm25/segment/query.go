package segment

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/index"
)

// Query says what is looked for. [Parse] makes one of what a user typed.
type Query struct {
	Clauses []Clause
}

// Occur says whether a row must match a clause.
type Occur int

// The values of Occur.
const (
	Should  Occur = iota // rows that match score more; one of these must match if there is no Must
	Must                 // only rows that match are found
	MustNot              // rows that match are not found
)

// Clause is matched by a row that matches one of its alternatives. They score together, like a
// word that is written in several ways: what each counts is added up before it saturates, and all
// weigh as much as the commonest of them.
type Clause struct {
	Occur Occur
	Any   []Alternative
	// Weight multiplies the score; 0 means 1. A word that a query holds twice has a weight of 2.
	Weight float64
}

// Alternative is a term, a phrase or a prefix.
type Alternative struct {
	// Terms are one term, or those of a phrase with their places in it.
	Terms []Place
	// Prefix says that the only term stands for all that begin with it: of the first 4,096 in
	// order of bytes the 64 that most rows hold.
	Prefix bool
	// Weight is how much an occurrence counts, beside those of the other alternatives; 0 means 1.
	Weight float64
}

// Place is a term of a phrase and where in the phrase it stands; see [text.Token].
type Place struct {
	Term     string
	Position uint32
}

// Term returns an alternative that is one term.
func Term(term string) Alternative { return Alternative{Terms: []Place{{Term: term}}} }

// Limits of a [Query].
const (
	MaxClauses      = 1024
	MaxAlternatives = 256
	MaxPhraseTerms  = 64
	MaxExpansions   = 64
	MaxPrefixes     = 16 // of all clauses together: each costs a walk over the terms of every part
)

// maxCompleted is how many terms with a prefix are looked at.
const maxCompleted = 4096

// Validate checks limits and weights.
func (q Query) Validate() error {
	if len(q.Clauses) > MaxClauses {
		return lode.Invalid("clauses", len(q.Clauses), "a query has at most %d clauses", MaxClauses)
	}
	prefixes := 0
	for _, c := range q.Clauses {
		if c.Occur < Should || c.Occur > MustNot {
			return lode.Invalid("occur", int(c.Occur), "a clause should, must or must not match")
		}
		if len(c.Any) < 1 || len(c.Any) > MaxAlternatives {
			return lode.Invalid("any", len(c.Any), "a clause has 1 to %d alternatives", MaxAlternatives)
		}
		if err := checkWeight(c.Weight); err != nil {
			return err
		}
		for _, a := range c.Any {
			if err := a.validate(); err != nil {
				return err
			}
			if a.Prefix {
				prefixes++
			}
		}
	}
	if prefixes > MaxPrefixes {
		return lode.Invalid("prefix", prefixes, "a query has at most %d prefixes", MaxPrefixes)
	}
	return nil
}

func (a Alternative) validate() error {
	if len(a.Terms) < 1 || len(a.Terms) > MaxPhraseTerms {
		return lode.Invalid("terms", len(a.Terms), "an alternative has 1 to %d terms", MaxPhraseTerms)
	}
	if a.Prefix && (len(a.Terms) > 1 || a.Terms[0].Term == "") {
		return lode.Invalid("prefix", len(a.Terms), "a prefix is one term that is not empty")
	}
	return checkWeight(a.Weight)
}

func checkWeight(w float64) error {
	if !(w >= 0 && w <= maxWeight) {
		return lode.Invalid("weight", w, "a weight must be 0 to %v", float64(maxWeight))
	}
	return nil
}

// plan is a query over certain parts: what its words weigh there.
type plan struct {
	scoring *scoring
	names   []string // the different terms
	clauses []planned
	bound   float64 // no row can score more
}

// planned is a clause, in order of the bytes of its terms: that is the order in which the scores
// of a row are added up, wherever it lies.
type planned struct {
	clause int // in the query
	occur  Occur
	key    string
	weight float64
	any    []variant
}

// variant is an alternative that a row may match.
type variant struct {
	terms     []int // in names
	positions []uint32
	weight    float64
}

// names numbers the terms of a query.
type names struct {
	list    []string
	numbers map[string]int
}

func (n *names) number(term string) int {
	if i, ok := n.numbers[term]; ok {
		return i
	}
	if n.numbers == nil {
		n.numbers = make(map[string]int)
	}
	n.numbers[term] = len(n.list)
	n.list = append(n.list, term)
	return len(n.list) - 1
}

// compile sorts the clauses and expands prefixes.
func compile(ctx context.Context, q Query, parts []Part) (*plan, error) {
	var n names
	p := new(plan)
	for i, c := range q.Clauses {
		out := planned{clause: i, occur: c.Occur, weight: orOne(c.Weight)}
		var key strings.Builder
		for _, a := range c.Any {
			variants, err := expand(ctx, a, parts, &n)
			if err != nil {
				return nil, err
			}
			out.any = append(out.any, variants...)
			for _, t := range a.Terms {
				key.WriteString(t.Term)
				key.WriteByte(0)
			}
		}
		out.key = key.String()
		p.clauses = append(p.clauses, out)
	}
	slices.SortStableFunc(p.clauses, func(a, b planned) int { return cmp.Compare(a.key, b.key) })
	p.names = n.list
	return p, nil
}

func orOne(weight float64) float64 {
	if weight == 0 {
		return 1
	}
	return weight
}

func expand(ctx context.Context, a Alternative, parts []Part, n *names) ([]variant, error) {
	weight := orOne(a.Weight)
	if !a.Prefix {
		v := variant{weight: weight}
		for _, t := range a.Terms {
			v.terms = append(v.terms, n.number(t.Term))
			v.positions = append(v.positions, t.Position)
		}
		return []variant{v}, nil
	}
	terms, err := completions(ctx, parts, a.Terms[0].Term, MaxExpansions)
	if err != nil {
		return nil, err
	}
	var out []variant
	for _, t := range terms {
		out = append(out, variant{terms: []int{n.number(t.term)}, positions: []uint32{0}, weight: weight})
	}
	return out, nil
}

// completions returns the terms with a prefix that most rows hold, in order of their bytes: of
// the first maxCompleted at most so many. A term among the first of all parts is among the first
// of each part that holds it, so that the answer does not depend on how rows are cut into parts.
func completions(ctx context.Context, parts []Part, prefix string, most int) ([]termRows, error) {
	var all []termRows
	for _, p := range parts {
		err := index.Stopped(ctx)
		if err != nil {
			return nil, err
		}
		if all, err = p.complete(all, prefix, maxCompleted); err != nil {
			return nil, err
		}
	}
	all = addUp(all)
	all = all[:min(len(all), maxCompleted)]
	slices.SortStableFunc(all, func(a, b termRows) int { return cmp.Compare(b.rows, a.rows) })
	all = all[:min(len(all), most)]
	slices.SortFunc(all, func(a, b termRows) int { return cmp.Compare(a.term, b.term) })
	return all, nil
}

// addUp sorts terms by their bytes and joins equal ones.
func addUp(all []termRows) []termRows {
	slices.SortFunc(all, func(a, b termRows) int { return cmp.Compare(a.term, b.term) })
	out := all[:0]
	for _, t := range all {
		if n := len(out); n > 0 && out[n-1].term == t.term {
			out[n-1].rows += t.rows
			continue
		}
		out = append(out, t)
	}
	return out
}

// weigh fixes the weights of the clauses, by the statistics of all parts, and leaves out variants
// that no row can match.
func (p *plan) weigh(o SearchOptions, parts []*prepared) {
	var stats Statistics
	holders := make([]uint64, len(p.names))
	for _, part := range parts {
		stats.add(part.stats)
		for i, e := range part.entries {
			holders[i] += uint64(e.live)
		}
	}
	p.scoring = newScoring(o, stats)
	for _, part := range parts {
		p.scoring.fields = max(p.scoring.fields, part.rows.fields())
	}
	for i := range p.clauses {
		c := &p.clauses[i]
		idf, unseen := 0.0, p.scoring.idf(0)
		kept := c.any[:0]
		for _, v := range c.any {
			var own float64
			missing := false
			for _, t := range v.terms {
				own += p.scoring.idf(holders[t])
				missing = missing || holders[t] == 0
			}
			if missing {
				continue
			}
			if len(kept) == 0 || own < idf {
				idf = own
			}
			kept = append(kept, v)
		}
		if c.any = kept; len(kept) == 0 {
			idf = unseen
		}
		c.weight *= idf
		if c.occur != MustNot {
			p.bound += c.weight * p.scoring.gain
		}
	}
}
