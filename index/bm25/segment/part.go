package segment

import (
	"math"
	"slices"
	"sort"
	"strings"

	"github.com/blevesearch/vellum"

	"github.com/lodedb/lode/index/distance"
)

// Part is one of the indexes that are searched together: a [Sealed] or a [Growing].
type Part interface {
	// Len is the number of rows, removed ones included.
	Len() int
	// prepare reads what a search over some terms needs, as it is at one moment.
	prepare(terms []string) (*prepared, error)
	// complete appends the first terms with a prefix, in order of bytes, that a live row holds.
	complete(dst []termRows, prefix string, most int) ([]termRows, error)
	// similar appends the terms that a speller accepts and a live row holds.
	similar(dst []termRows, s *speller) ([]termRows, error)
}

var _, _ Part = (*Sealed)(nil), (*Growing)(nil)

// termRows is a term and how many live rows hold it.
type termRows struct {
	term string
	rows uint32
}

// prepared is a part as a search sees it.
type prepared struct {
	stats   Statistics
	entries []entry // by term
	rows    rowReader
}

// entry is a term of a part.
type entry struct {
	live uint32 // rows that hold it and are not removed
	// open returns its postings, which may lie in the cursor; nil: there are none.
	open func(*cursor) postings
}

// rowReader knows the rows of a part.
type rowReader interface {
	// addLengths adds to dst for each of some rows, which ascend, the lengths of fields times
	// their boosts.
	addLengths(dst []float64, rows []uint32, boosts []float64) error
	// deadWord has a bit for each of the 64 rows from 64·i that is removed.
	deadWord(i uint32) uint64
	count() uint32
	fields() int
}

func (x *Growing) prepare(names []string) (*prepared, error) {
	x.mu.RLock()
	defer x.mu.RUnlock()
	p := &prepared{stats: x.mu.stats, entries: make([]entry, len(names))}
	for i, name := range names {
		number, ok := x.mu.numbers[name]
		if !ok || x.mu.lists[number].live == 0 {
			continue
		}
		l := x.mu.lists[number]
		p.entries[i] = entry{l.live, func(*cursor) postings {
			return &growingPostings{data: l.data, positions: l.positions, fields: x.opts.fields(), left: l.rows, places: x.opts.Positions}
		}}
	}
	p.rows = &growingReader{blocks: x.mu.blocks, rows: x.mu.rows, width: x.opts.fields()}
	return p, nil
}

// growingReader is the rows of a growing index when a search began.
type growingReader struct {
	blocks []*growingBlock
	rows   uint32
	width  int
}

func (r *growingReader) count() uint32 { return r.rows }
func (r *growingReader) fields() int   { return r.width }

func (r *growingReader) addLengths(dst []float64, rows []uint32, boosts []float64) error {
	for f, boost := range boosts {
		for i, row := range rows {
			n := r.blocks[row/growingRows].lengths[f][row%growingRows]
			dst[i] += float64(boost * float64(n))
		}
	}
	return nil
}

func (r *growingReader) deadWord(i uint32) uint64 {
	if at := i * 64 / growingRows; at < uint32(len(r.blocks)) {
		return r.blocks[at].dead[i%(growingRows/64)].Load()
	}
	return 0
}

func (x *Growing) complete(dst []termRows, prefix string, most int) ([]termRows, error) {
	names := x.sortedNames()
	x.mu.RLock()
	defer x.mu.RUnlock()
	end := len(dst) + most
	for i := sort.SearchStrings(names, prefix); i < len(names) && len(dst) < end && strings.HasPrefix(names[i], prefix); i++ {
		if live := x.mu.lists[x.mu.numbers[names[i]]].live; live > 0 {
			dst = append(dst, termRows{names[i], live})
		}
	}
	return dst, nil
}

// sortedNames returns the terms in order of their bytes. Terms that came since it was last asked
// are sorted and merged into those before, beside the writer.
func (x *Growing) sortedNames() []string {
	x.mu.RLock()
	names, sorted := x.mu.names, x.mu.sorted
	x.mu.RUnlock()
	if len(sorted) == len(names) {
		return sorted
	}
	fresh := slices.Sorted(slices.Values(names[len(sorted):])) // numbers go up, so those are the new ones
	merged := make([]string, 0, len(names))
	for len(sorted) > 0 && len(fresh) > 0 {
		if sorted[0] < fresh[0] {
			merged, sorted = append(merged, sorted[0]), sorted[1:]
		} else {
			merged, fresh = append(merged, fresh[0]), fresh[1:]
		}
	}
	merged = append(append(merged, sorted...), fresh...)
	x.mu.Lock()
	defer x.mu.Unlock()
	if len(merged) > len(x.mu.sorted) {
		x.mu.sorted = merged
	}
	return merged
}

func (x *Sealed) prepare(names []string) (p *prepared, err error) {
	fault := distance.Guard(func() { p, err = x.prepareMapped(names) })
	if fault != nil {
		return nil, faulty("search", fault)
	}
	return p, err
}

func (x *Sealed) prepareMapped(names []string) (*prepared, error) {
	p := &prepared{entries: make([]entry, len(names)), rows: (*sealedReader)(x)}
	records := make([]*record, len(names))
	for i, name := range names {
		rec := new(record)
		found, err := x.lookup(name, rec)
		if err != nil {
			return nil, err
		}
		if found {
			records[i] = rec
		}
	}
	x.mu.RLock()
	defer x.mu.RUnlock()
	p.stats = x.mu.stats
	for i, rec := range records {
		if rec == nil {
			continue
		}
		if live := x.liveLocked(rec); live > 0 {
			p.entries[i] = entry{live, func(c *cursor) postings {
				c.sealed.begin(rec)
				return &c.sealed
			}}
		}
	}
	return p, nil
}

// liveLocked is how many rows hold a term and are not removed.
func (x *Sealed) liveLocked(rec *record) uint32 {
	return uint32(rec.rows) - min(x.mu.gone[rec.number], uint32(rec.rows))
}

// sealedReader is the rows of a file.
type sealedReader Sealed

func (r *sealedReader) count() uint32            { return uint32(r.foot.rows) }
func (r *sealedReader) fields() int              { return r.foot.fields }
func (r *sealedReader) deadWord(i uint32) uint64 { return r.dead[i].Load() }

func (r *sealedReader) addLengths(dst []float64, rows []uint32, boosts []float64) error {
	x := (*Sealed)(r)
	if err := x.touchLengths(rows[0], rows[len(rows)-1]+1); err != nil {
		return err
	}
	for f, boost := range boosts {
		switch b := x.lengths[f]; x.foot.widths[f] {
		case 1:
			for i, row := range rows {
				dst[i] += float64(boost * float64(b[row]))
			}
		case 2:
			for i, row := range rows {
				dst[i] += float64(boost * float64(uint16(b[2*int(row)])|uint16(b[2*int(row)+1])<<8))
			}
		default:
			for i, row := range rows {
				dst[i] += float64(boost * float64(x.length(f, row)))
			}
		}
	}
	return nil
}

func (x *Sealed) complete(dst []termRows, prefix string, most int) (out []termRows, err error) {
	fault := distance.Guard(func() {
		out, err = x.walk(dst, []byte(prefix), afterPrefix(prefix), most, new(vellum.AlwaysMatch))
	})
	if fault != nil {
		return dst, faulty("search", fault)
	}
	return out, err
}

// afterPrefix is the smallest string that is larger than all with a prefix; nil: there is none.
func afterPrefix(prefix string) []byte {
	b := []byte(prefix)
	for i := len(b) - 1; i >= 0; i-- {
		if b[i] < math.MaxUint8 {
			b[i]++
			return b[:i+1]
		}
	}
	return nil
}
