package retrieval

import (
	"context"
	"fmt"
	"net/url"
	"path"

	"github.com/lodedb/lode"
)

// picker takes the hits from the ranking: it reads rows in order, drops those that repeat a better
// one or that their document or source has no room for, and stops when it has enough.
//
// Access and filter have narrowed the searches, so what is compared here is only what the
// principal may see: a hidden row neither stands for others nor takes a place.
type picker struct {
	a        *answer
	want     int
	collapse *collapser // nil: repetitions stay
	document map[documentPlace]int
	source   map[string]int
	kept     []*candidate
	repeated int // dropped as repetitions
	capped   int // dropped by caps
}

type documentPlace struct {
	at int
	no lode.DocNo
}

// pick returns the hits, and how many candidates were dropped because of others on the way.
func (a *answer) pick(ctx context.Context, ranked []*candidate) (hits []*candidate, dropped int, err error) {
	q := &a.s.q
	p := &picker{a: a, want: q.K, document: map[documentPlace]int{}, source: map[string]int{}}
	spread := q.Diversity != nil && *q.Diversity > 0
	if spread {
		p.want = diversityPool(q.K)
	}
	if !a.dropping() {
		p.kept = ranked[:min(p.want, len(ranked))]
		a.s.watch.beyond(ranked, p.want)
	} else if err := p.walk(ctx, ranked); err != nil {
		return nil, 0, err
	}
	kept := p.kept
	if spread {
		if kept, err = a.diversify(ctx, kept); err != nil {
			return nil, 0, err
		}
	}
	return kept, p.repeated + p.capped, nil
}

// walk goes through the ranking in steps, so that no more is read than needed.
func (p *picker) walk(ctx context.Context, ranked []*candidate) error {
	q := &p.a.s.q
	if q.Collapse != nil {
		p.collapse = newCollapser(*q.Collapse)
	}
	need := knownOf
	if q.Collapse != nil || q.PerSource > 0 {
		need = textOf
	}
	g := p.a.begin(StepCollapse, len(ranked))
	at := 0
	for at < len(ranked) && len(p.kept) < p.want {
		if at > 0 && p.a.s.late() {
			p.a.partial("collapse and caps did not go through all candidates")
			break
		}
		step := ranked[at:min(len(ranked), at+max(p.want-len(p.kept), leastStep))]
		if err := p.a.load(ctx, step, need); err != nil {
			return err
		}
		for _, c := range step {
			if at++; p.take(c, at) && len(p.kept) == p.want {
				break
			}
		}
	}
	p.a.s.watch.beyond(ranked, at)
	p.report(g, at)
	return nil
}

// leastStep is how many rows are read at a time at least.
const leastStep = 16

// take keeps a candidate, or drops it.
func (p *picker) take(c *candidate, order int) (kept bool) {
	q, watch := &p.a.s.q, p.a.s.watch
	c.order = order
	if p.collapse != nil {
		if other := p.collapse.find(c); other != nil {
			other.duplicates = append(other.duplicates, c.read.Chunk.ID)
			p.repeated++
			watch.drop(c, drop{stage: StepCollapse, by: other.read.Chunk.ID, value: c.shingles().similarity(other.shingles()), least: *q.Collapse})
			return false
		}
	}
	document, source := documentPlace{c.at, c.read.Document.No}, ""
	if q.PerSource > 0 {
		source = sourceOf(c.read)
	}
	switch {
	case q.PerDocument > 0 && p.document[document] >= q.PerDocument:
		p.capped++
		watch.drop(c, drop{stage: StepCaps, field: "per_document", value: float64(p.document[document])})
		return false
	case q.PerSource > 0 && p.source[source] >= q.PerSource:
		p.capped++
		watch.drop(c, drop{stage: StepCaps, field: "per_source", value: float64(p.source[source])})
		return false
	}
	p.document[document]++
	p.source[source]++
	p.kept = append(p.kept, c)
	return true
}

// report tells of both stages, which are done in one walk.
func (p *picker) report(g stage, looked int) {
	q := &p.a.s.q
	if q.Collapse != nil {
		g.in = looked
		g.end(looked-p.repeated, "at a similarity of %.3g", *q.Collapse)
	}
	if q.PerDocument > 0 || q.PerSource > 0 {
		caps := p.a.begin(StepCaps, looked-p.repeated)
		caps.end(len(p.kept), "per document %d, per source %d (0: any)", q.PerDocument, q.PerSource)
	}
}

// sourceField is the metadata that names a source.
const sourceField = "source"

// sourceOf names where a row's document comes from: by its metadata, else the host of its URI, else
// the folder. A document without any is a source of its own.
func sourceOf(row *lode.Row) string {
	if v, ok := row.Document.Metadata[sourceField]; ok && v.Kind == lode.KindString && v.Text != "" {
		return "metadata " + v.Text
	}
	uri := row.Version.URI
	if uri == "" {
		return fmt.Sprintf("document %d %s", row.Document.Kind, row.Document.ID)
	}
	if u, err := url.Parse(uri); err == nil && u.Host != "" {
		return "host " + u.Host
	}
	return "folder " + path.Dir(uri)
}
