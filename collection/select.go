package collection

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/index"
	"github.com/lodedb/lode/storage"
)

// Selection says which documents or raw vectors a write is about: those with the ids that also
// match the filter, or without ids all that match.
type Selection struct {
	Kind   lode.Kind
	IDs    []lode.DocID
	Filter lode.Filter
}

// Selected is what became of a selection.
type Selected struct {
	Matched int     // documents that the principal may see and the filter matches
	Changed int     // of them were changed or removed
	Errs    []error // one for each id, nil where it was carried out or did not match; none without ids
}

// MaxSelectedIDs bounds the ids of a selection.
const MaxSelectedIDs = 10_000

func (s *Selection) validate() error {
	if err := checkKind(s.Kind); err != nil {
		return err
	}
	if len(s.IDs) > MaxSelectedIDs {
		return lode.Invalid("ids", len(s.IDs), "at most %d ids at a time", MaxSelectedIDs)
	}
	for i, id := range s.IDs {
		if err := id.Validate(); err != nil {
			return coded(err).In(fmt.Sprintf("ids[%d]", i))
		}
	}
	if err := s.Filter.Validate(); err != nil {
		return coded(err).In("filter")
	}
	if len(s.IDs) > 0 && measures(s.Filter) {
		return lode.Invalid("filter", "", "a filter on places cannot choose among ids in a write").
			WithHint("leave out the ids, or ask first which of them match")
	}
	if len(s.IDs) == 0 && s.Filter.MatchesAll() {
		return lode.Invalid("filter", "", "neither ids nor a filter are given").
			WithHint(`to select everything say so: {"filter": {"and": []}}`)
	}
	return nil
}

// Patch changes what owners say of documents: metadata, readers, expiry. Versions and rows stay,
// no vector moves. Each document stands for itself; the changes are visible when it returns. A
// large selection travels in several commands, each of which is visible as a whole; documents
// that stop to match before their command is applied are left alone. A repetition under the key
// of a write that was interrupted goes on with what is left.
func (e *Engine) Patch(ctx context.Context, p lode.Principal, w lode.Write, collection string, s Selection, patch lode.Patch) (Selected, error) {
	if err := patch.Validate(); err != nil {
		return Selected{}, coded(err).In("patch")
	}
	at := e.now()
	return e.onSelected(ctx, p, w, collection, s, func(c lode.CollectionID, of selection) command {
		return &patchDocuments{Collection: c, Selection: of, Patch: patch, At: at}
	})
}

// DeleteSelected removes documents or raw vectors. See [Engine.Patch] for large selections.
func (e *Engine) DeleteSelected(ctx context.Context, p lode.Principal, w lode.Write, collection string, s Selection) (Selected, error) {
	at := e.now()
	return e.onSelected(ctx, p, w, collection, s, func(c lode.CollectionID, of selection) command {
		return &deleteSelected{Collection: c, Selection: of, At: at}
	})
}

// commandNos and commandIDs are the most documents of one command: what is applied in some
// tens of milliseconds.
const (
	commandNos = 8192
	commandIDs = 256
)

func (e *Engine) onSelected(ctx context.Context, p lode.Principal, w lode.Write, collection string, s Selection, build func(lode.CollectionID, selection) command) (Selected, error) {
	by, err := checkedActor(p)
	if err != nil {
		return Selected{}, err
	}
	if err := s.validate(); err != nil {
		return Selected{}, err
	}
	c, openErr := e.open(p, collection)
	if w.Key != "" {
		if kept, ok, err := e.selectedBefore(p, w); ok || err != nil {
			return kept, err
		}
	}
	if openErr != nil {
		return Selected{}, openErr
	}
	of, err := newSelection(by, &s)
	if err != nil {
		return Selected{}, err
	}
	groups, err := e.groups(ctx, p, c, &s, of)
	if err != nil {
		return Selected{}, err
	}
	if len(groups) == 1 {
		result, err := carry[selected](ctx, e, p, w, nil, func() command { return build(c.settings.ID, groups[0]) })
		return Selected{result.matched, result.changed, result.errs}, err
	}
	sum, err := e.inSteps(ctx, p, w, c, groups, build)
	return Selected{sum.matched, sum.changed, sum.errs}, err
}

// selectedBefore is what is kept of a write that was carried out before.
func (e *Engine) selectedBefore(p lode.Principal, w lode.Write) (s Selected, ok bool, err error) {
	_, kept, err := e.lookUp(p, w)
	if err != nil || kept == nil {
		return s, false, naming(w.Key, err)
	}
	result, err := resolve[selected](e.codec, replay{kept.Outcome})
	return Selected{result.matched, result.changed, result.errs}, err == nil, err
}

// inSteps carries out a selection that needs several commands, and notes the sum under the key.
func (e *Engine) inSteps(ctx context.Context, p lode.Principal, w lode.Write, c *collection, groups []selection, build func(lode.CollectionID, selection) command) (sum selected, err error) {
	for _, of := range groups {
		result, err := propose[selected](ctx, e, build(c.settings.ID, of))
		if err != nil {
			return sum, err
		}
		sum.matched += result.matched
		sum.changed += result.changed
		sum.errs = append(sum.errs, result.errs...)
	}
	if w.Key == "" {
		return sum, nil
	}
	note := &noteSelected{Collection: c.settings.ID, Matched: sum.matched, Changed: sum.changed, Items: len(sum.errs), Refused: refusalsOf(sum.errs)}
	_, err = carry[selected](ctx, e, p, w, nil, func() command { return note })
	return sum, err
}

func newSelection(by actor, s *Selection) (selection, error) {
	of := selection{Actor: by, Kind: s.Kind}
	if s.Filter.MatchesAll() || measures(s.Filter) {
		return of, nil
	}
	var err error
	of.Filter, err = json.Marshal(s.Filter)
	return of, err
}

// measures reports whether a filter measures distances. What it matches may differ in the last bit
// from one kind of CPU to another: it is never asked by Apply, which must not.
func measures(f lode.Filter) bool {
	all := slices.Concat(f.And, f.Or)
	if f.Not != nil {
		all = append(all, *f.Not)
	}
	if f.MinShould != nil {
		all = append(all, f.MinShould.Of...)
	}
	if f.Nested != nil {
		all = append(all, f.Nested.Match)
	}
	return f.Test.GeoRadius != nil || f.Test.GeoPolygon != nil || slices.ContainsFunc(all, measures)
}

// groups are the parts of a selection, one for each command.
func (e *Engine) groups(ctx context.Context, p lode.Principal, c *collection, s *Selection, of selection) (groups []selection, err error) {
	add := func(ids []lode.DocID, nos []lode.DocNo) {
		part := of
		part.IDs, part.Nos = ids, nos
		groups = append(groups, part)
	}
	if len(s.IDs) > 0 {
		for ids := range slices.Chunk(s.IDs, commandIDs) {
			add(ids, nil)
		}
		return groups, nil
	}
	nos, err := e.matching(ctx, p, c, s)
	if err != nil {
		return nil, err
	}
	for part := range slices.Chunk(nos, commandNos) {
		add(nil, part)
	}
	if groups == nil {
		add(nil, nil)
	}
	return groups, nil
}

// matching finds the documents that a filter selects: those that are shown by the payload
// indexes, the others, which are being processed or failed, one by one.
func (e *Engine) matching(ctx context.Context, p lode.Principal, c *collection, s *Selection) ([]lode.DocNo, error) {
	if err := c.await(ctx); err != nil {
		return nil, err
	}
	v := e.viewOf(p, c)
	may, err := v.allow(ctx, v.base, s.Filter)
	if err != nil {
		return nil, err
	}
	var nos []lode.DocNo
	v.base.eachDocument(may.parts, func(e *entry) {
		if e.doc.Kind == s.Kind {
			nos = append(nos, e.doc.No)
		}
	})
	if s.Kind == lode.KindVector {
		return nos, nil // a raw vector is shown from its first moment
	}
	hidden, err := e.unshown(ctx, p, c, s.Filter)
	return append(nos, hidden...), err
}

// eachDocument calls f with every document that has rows among those of the parts, once.
func (s *snapshot) eachDocument(parts []*index.Bitset, f func(*entry)) {
	for i, rows := range parts {
		p := &s.parts[i]
		last := (*entry)(nil)
		rows.Each(func(row uint32) bool {
			if e := s.docs.at(s.rows[p.rows[row]-1].slot); e != last {
				last = e
				f(e)
			}
			return true
		})
	}
}

// unshown finds the documents without a searchable row that a filter selects.
func (e *Engine) unshown(ctx context.Context, p lode.Principal, c *collection, f lode.Filter) (nos []lode.DocNo, err error) {
	add := func(_ *storage.Tx, d *document) (bool, error) {
		shown := d.current != nil && d.current.Chunks > 0
		if !shown && d.doc.Kind == lode.KindDocument && d.maySee(p) && f.Match(d.doc) {
			nos = append(nos, d.doc.No)
		}
		return true, nil
	}
	s := c.published.Load()
	if s.docs.count < s.stats.Documents+s.stats.Vectors {
		err = e.scan(ctx, c.settings.ID, 0, add) // some are ready and have no text
		return nos, err
	}
	if s.stats.Quarantined > 0 {
		err = e.scanQuarantined(ctx, c.settings.ID, 0, add)
	}
	if s.stats.Pending == 0 || err != nil {
		return nos, err
	}
	err = e.store.View(func(tx *storage.Tx) error {
		return tx.Jobs(func(j lode.Job) error {
			if j.Collection != c.settings.ID {
				return nil
			}
			d, err := numbered(tx, j.Collection, j.Doc)
			if err == nil && d != nil {
				_, err = add(tx, d)
			}
			return err
		})
	})
	return nos, err
}
