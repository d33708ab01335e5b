package collection

import (
	"fmt"
	"slices"
	"sort"
	"sync"
	"sync/atomic"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/index"
	lexical "github.com/lodedb/lode/index/bm25/segment"
	"github.com/lodedb/lode/internal/text"
)

// compactDeadRows is the number of dead rows below which a segment is never compacted.
const compactDeadRows = 10_000

// entry is what a search knows of one searchable document; it never changes.
type entry struct {
	doc *lode.Document
	// waiting holds the reader labels of a newer version that is not ready yet; nil when
	// the newest version is the one that is shown. See [maySee].
	waiting []string
	// expires is when the rows stop being found, in unix nanoseconds; 0 is never.
	expires int64
	segment lode.SegmentID // that the rows lie in
	first   lode.RowID
	ordinal uint32 // of the first row
	rows    uint32
	// language is that of the text.
	language text.Language
}

// rowRef is one row of a segment: its id and its document's slot.
type rowRef struct {
	id   lode.RowID
	slot uint32
}

// snapshot is a collection as one search sees it. It never changes.
type snapshot struct {
	settings *lode.Collection
	parts    []partView
	homes    map[lode.SegmentID]lode.SegmentID // see segment
	words    wordOrder
	// languages are those of the rows, that of most first.
	languages []text.Language
	sparse    []index.Sparse // by place of the space; nil for dense ones
	rows      []rowRef       // by ordinal, ascending by id
	docs      table
	stats     lode.CollectionStats
	expires   int64 // before then no row expires, in unix nanoseconds; 0: never

	everything struct { // all rows that are shown, by ordinal; made at first use
		once sync.Once
		rows *index.Bitset
	}
}

// find returns the ordinal of a live row and its document.
func (s *snapshot) find(id lode.RowID) (ordinal uint32, e *entry, ok bool) {
	i := sort.Search(len(s.rows), func(i int) bool { return s.rows[i].id >= id })
	if i == len(s.rows) || s.rows[i].id != id {
		return 0, nil, false
	}
	e = s.docs.at(s.rows[i].slot)
	return uint32(i), e, e != nil
}

// collection is one collection in memory. The Apply goroutine alone changes the segment;
// searches hold published snapshots.
type collection struct {
	settings  lode.Collection // but for its Tuning
	tuning    atomic.Pointer[lode.Tuning]
	published publication
	loading   *loading // nil for one that was loaded before anybody saw it
	segment   segment
	pressure  pressure
	// ungraphed and unworded are set when segments were sealed or merged since it was last looked
	// which of them lack a graph, or a file of words.
	ungraphed, unworded atomic.Bool
	recent              recent
	analysed            atomic.Pointer[analysed] // the glossary of the latest query
	uris                map[lode.DocNo]string    // of a state of the past, where they are others now
	// lexicalUse is held shared by lexical searches from the load of their snapshot to the
	// answer, and exclusively while rows that no published snapshot shows any more leave
	// the words of their parts. It covers no I/O but that of mapped pages.
	lexicalUse sync.RWMutex
}

// segment is all rows of a collection in order of their ids, which is the order of ordinals.
// Their vectors and words lie in parts, one for each segment of storage.
type segment struct {
	flat    func() index.Dense                 // makes an empty exact index
	spaces  []lode.VectorSpace                 // of the collection
	dense   func(lode.VectorSpace) index.Dense // makes an empty exact index of one of them
	parts   []*part
	homes   map[lode.SegmentID]lode.SegmentID // the parts that have rows of merged segments; it never changes
	sparse  []index.Sparse                    // of the sparse spaces, by place
	rows    []rowRef                          // append-only: published snapshots share it
	dead    int
	docs    tableWriter
	stats   lode.CollectionStats
	expires int64     // before then no row expires; 0: never
	removed []removal // dead rows whose words still count
	spoken  spoken
}

// described are the settings as they are now.
func (c *collection) described() lode.Collection {
	settings := c.settings
	settings.Tuning = *c.tuning.Load()
	return settings
}

func newCollection(settings lode.Collection, o *Options) *collection {
	c := &collection{settings: settings}
	c.segment = segment{
		flat:   func() index.Dense { return o.NewDense(settings.Dim, settings.Metric) },
		spaces: settings.Vectors,
		dense:  func(s lode.VectorSpace) index.Dense { return o.NewDense(s.Dim, s.Metric) },
		sparse: newSparse(settings.Vectors, o.NewSparse),
		docs:   newTableWriter(),
		spoken: spoken{},
	}
	c.published.ready = make(chan struct{})
	c.tuning.Store(&settings.Tuning)
	return c
}

// version is a content that becomes searchable: its rows in order of ordinals.
type version struct {
	doc     *lode.Document
	waiting []string // see entry
	segment lode.SegmentID
	first   lode.RowID
	rows    int

	language string
	words    []lexical.Row // of each row; none where a file over the segment's has them
	// vectors are those of the rows; none where a graph over the segment's file has them.
	vectors []lode.Vector
	others  []others // those of the rows in named spaces; none where no row has any
}

// othersAt are the vectors of a row in named spaces.
func (v *version) othersAt(i int) *others {
	if v.others == nil {
		return &others{}
	}
	return &v.others[i]
}

// show makes the version's rows the document's only ones. An error means that the indexes
// are not in step any more.
func (s *segment) show(v *version) error {
	s.hide(v.doc.No)
	return s.append(v)
}

// append is show for a document that has no rows yet.
func (s *segment) append(v *version) error {
	if v.rows == 0 {
		return nil
	}
	e := &entry{doc: v.doc, waiting: v.waiting, expires: expiry(v.doc), segment: v.segment, first: v.first, ordinal: uint32(len(s.rows)), rows: uint32(v.rows), language: languageOf(v.language)}
	s.spoken.count(e.language, v.rows)
	slot := s.docs.add(e)
	s.expire(e)
	if len(v.vectors) > 0 {
		p := s.growing(v.segment)
		p.columns.add(e, len(p.rows))
	}
	for i := range v.rows {
		id, ordinal := v.first+lode.RowID(i), uint32(len(s.rows))
		err := s.addVectors(v, i, ordinal)
		if err == nil && v.words != nil {
			err = s.growing(v.segment).addWords(v.words[i], ordinal)
		}
		if err != nil {
			return fmt.Errorf("index row %d: %w", id, err)
		}
		s.rows = append(s.rows, rowRef{id: id, slot: slot})
	}
	return nil
}

// addVectors indexes the vectors of a row, but for the dense ones of a version whose segment has
// a graph: those are known already.
func (s *segment) addVectors(v *version, i int, ordinal uint32) error {
	o := v.othersAt(i)
	if len(v.vectors) > 0 {
		p := s.growing(v.segment)
		if err := s.addOthers(p, uint32(len(p.rows)), o); err != nil {
			return err
		}
		if err := p.add(v.vectors[i], ordinal); err != nil {
			return err
		}
	}
	return s.addSparse(o, ordinal)
}

// hide takes the document's rows out of the search.
func (s *segment) hide(no lode.DocNo) {
	e := s.docs.find(no)
	if e == nil {
		return
	}
	if p := s.part(e.segment); p != nil {
		p.hide(e.ordinal, e.rows)
		s.removed = p.removing(s.removed, e.ordinal, e.rows)
	}
	s.spoken.count(e.language, -int(e.rows))
	s.dead += int(e.rows)
	s.docs.remove(no)
}

// describe replaces what is known of a document whose rows stay. One without rows is in no
// search and needs no entry.
func (s *segment) describe(doc *lode.Document, waiting []string) {
	old := s.docs.find(doc.No)
	if old == nil {
		return
	}
	e := *old
	e.doc, e.waiting, e.expires = doc, waiting, expiry(doc)
	s.docs.replace(&e)
	s.expire(&e)
	if p := s.part(e.segment); p != nil {
		if row, ok := findRow(p.rows, e.ordinal); ok {
			p.columns.change(&e, int(row))
		}
	}
}

// lastNanoYear is the last year whose times all have a number of nanoseconds.
const lastNanoYear = 2261

// expiry is when a document stops being found, in unix nanoseconds; 0 is never.
func expiry(doc *lode.Document) int64 {
	if doc.ExpiresAt == nil || doc.ExpiresAt.Year() > lastNanoYear {
		return 0
	}
	return max(doc.ExpiresAt.UnixNano(), 1)
}

func (e *entry) expired(now int64) bool { return e.expires != 0 && e.expires <= now }

// expire notes that a row expires. The bound is never raised again but by a restart: it only
// says when to look.
func (s *segment) expire(e *entry) {
	if e.expires != 0 && (s.expires == 0 || e.expires < s.expires) {
		s.expires = e.expires
	}
}

// publish shows the segment as it stands to searches that begin from now on.
// An error means that what is in memory is not in step any more.
func (c *collection) publish() error {
	s := &c.segment
	if s.dead > compactDeadRows && s.dead*2 > len(s.rows) {
		s.compact()
	}
	parts, err := s.views()
	if err != nil {
		return fmt.Errorf("publish collection %s: %w", c.settings.Name, err)
	}
	c.published.Store(&snapshot{
		settings: &c.settings,
		parts:    parts,
		homes:    s.homes,
		words:    orderWords(parts),

		languages: s.spoken.list(),
		sparse:    s.sparse,
		rows:      slices.Clip(s.rows),
		docs:      s.docs.publish(),
		stats:     s.stats,
		expires:   s.expires,
	})
	c.forget()
	return nil
}

// compact replaces the indexes by ones without dead rows. Snapshots keep the old ones.
func (s *segment) compact() {
	keep := index.NewBitset(len(s.rows))
	s.docs.each(func(e *entry) bool {
		keep.SetRange(e.ordinal, e.ordinal+e.rows)
		return true
	})
	rows := make([]rowRef, 0, len(s.rows)-s.dead)
	moved := make([]uint32, len(s.rows)) // where live rows go
	docs := newTableWriter()
	s.docs.each(func(e *entry) bool {
		kept := *e
		kept.ordinal = uint32(len(rows))
		slot := docs.add(&kept)
		for i := range e.rows {
			moved[e.ordinal+i] = uint32(len(rows))
			rows = append(rows, rowRef{id: e.first + lode.RowID(i), slot: slot})
		}
		return true
	})
	for _, p := range s.parts {
		p.compactWords(keep, moved)
		p.compact(moved)
	}
	s.sparse = s.compactSparse(keep)
	s.rows, s.docs, s.dead = rows, docs, 0
	s.refill()
}

// refill makes the columns of parts whose rows were numbered anew.
func (s *segment) refill() {
	flat := map[lode.SegmentID]*part{}
	for _, p := range s.parts {
		if p.flat != nil {
			p.columns, flat[p.segment] = columns{}, p
		}
	}
	s.docs.each(func(e *entry) bool {
		if p := flat[s.home(e.segment)]; p != nil {
			row, _ := findRow(p.rows, e.ordinal)
			p.columns.add(e, int(row))
		}
		return true
	})
}
