package segment

import "math"

// noRow is beyond every row.
const noRow = math.MaxUint32

// postings reads the postings of a term block by block, in order of rows. It serves one
// goroutine.
type postings interface {
	// seek moves to the block with the first row from target on, never back, and reads as little
	// as it can. It is false where there is no such row.
	seek(target uint32) (bool, error)
	// span is the rows that the postings of the current block lie between, the last one being
	// one of them.
	span() (first, last uint32)
	// summary is what bounds the current block; nil: nothing is known.
	summary() (*summary, error)
	// boundAhead bounds the blocks from the current one on that begin before a row, or is false
	// where that is unknown or takes too long.
	boundAhead(to uint32, s *scoring, scale float64) (float64, bool)
	// whole bounds all postings; nil: nothing is known.
	whole() *summary
	// decode reads the rows of the current block, which is valid until seek moves.
	decode() (*block, error)
	// readCounts reads the counts of the decoded block.
	readCounts()
	// readPlaces makes the positions of the decoded block readable.
	readPlaces() error
}

// growingPostings reads what a growing index held when a search began.
type growingPostings struct {
	data, positions []byte
	fields          int
	left            uint32 // postings
	next            uint32
	places          bool // there are positions
	block           block
	begun           bool
}

func (p *growingPostings) seek(target uint32) (bool, error) {
	for !p.begun || p.block.rows[p.block.n-1] < target {
		p.begun = true
		if !p.decodeNext(&p.block) {
			return false, nil
		}
	}
	return true, nil
}

func (p *growingPostings) span() (first, last uint32) {
	return p.block.rows[0], p.block.rows[p.block.n-1]
}

func (p *growingPostings) summary() (*summary, error)                           { return nil, nil }
func (p *growingPostings) boundAhead(uint32, *scoring, float64) (float64, bool) { return 0, false }
func (p *growingPostings) whole() *summary                                      { return nil }
func (p *growingPostings) decode() (*block, error)                              { return &p.block, nil }
func (p *growingPostings) readCounts()                                          {}
func (p *growingPostings) readPlaces() error                                    { return nil }

// decodeNext reads the next postings; it is false at the end, and leaves the block alone.
func (p *growingPostings) decodeNext(b *block) bool {
	if p.left == 0 {
		return false
	}
	b.n, b.mask, b.counted = int(min(p.left, blockPostings)), 0, true
	r := reader{data: p.data}
	places := 0
	for i := range b.n {
		head := r.uvarint(math.MaxUint64)
		b.rows[i] = p.next + uint32(head>>1)
		p.next = b.rows[i] + 1
		for f := range p.fields {
			n := uint32(0)
			switch {
			case head&1 != 0:
				n = r.u32()
			case f == 0:
				n = 1
			}
			b.counts[f][i] = n
			places += int(n)
			if n > 0 {
				b.mask |= 1 << f
			}
		}
	}
	for i := b.n; i < blockPostings; i++ {
		b.rows[i] = noRow
	}
	p.data = p.data[r.at:]
	p.left -= uint32(b.n)
	b.offset, b.placed = 0, false
	if p.places {
		size := varintsEnd(p.positions, places)
		b.positions, p.positions = p.positions[:size:size], p.positions[size:]
	}
	return true
}

// varintsEnd is where the first n varints of b end.
func varintsEnd(b []byte, n int) int {
	at := 0
	for ; n > 0 && at < len(b); at++ {
		if b[at] < 0x80 {
			n--
		}
	}
	return at
}

// encodedPositions is the positions of a posting as they are stored. Postings are asked in
// ascending order.
func (b *block) encodedPositions(i int) []byte {
	if len(b.positions) == 0 {
		return nil
	}
	start := b.offset
	b.offset += varintsEnd(b.positions[start:], b.total(i))
	return b.positions[start:b.offset]
}

// sealedPostings reads a term of a file in place.
type sealedPostings struct {
	r       *record
	i       int // the current block
	head    blockHead
	hasHead bool
	data    []byte // of the current block, behind its head
	block   block
	decoded bool
	ahead   blockHead // of a block that is only looked at
}

// begin starts with the first block of a record.
func (p *sealedPostings) begin(rec *record) { p.r, p.i, p.hasHead, p.decoded = rec, 0, false, false }

func (p *sealedPostings) seek(target uint32) (bool, error) {
	if p.r.last(p.i) >= target {
		return true, nil
	}
	// The step doubles until it is too far, and then halves.
	low, step := p.i, 1
	for low+step < p.r.blocks && p.r.last(low+step) < target {
		low += step
		step *= 2
	}
	high := min(low+step, p.r.blocks)
	for low+1 < high {
		if middle := (low + high) / 2; p.r.last(middle) < target {
			low = middle
		} else {
			high = middle
		}
	}
	if high == p.r.blocks {
		return false, nil
	}
	p.i, p.hasHead, p.decoded = high, false, false
	return true, nil
}

func (p *sealedPostings) span() (first, last uint32) { return p.r.base(p.i), p.r.last(p.i) }
func (p *sealedPostings) whole() *summary            { return p.r.top }

func (p *sealedPostings) summary() (*summary, error) {
	if p.r.postings(p.i) < leastSummary {
		return nil, nil
	}
	if err := p.readHead(); err != nil {
		return nil, err
	}
	return &p.head.summary, nil
}

func (p *sealedPostings) readHead() (err error) {
	if !p.hasHead {
		p.data, err = p.r.head(&p.head, p.i)
		p.hasHead = err == nil
	}
	return err
}

// aheadBlocks is how many blocks boundAhead reads; more would take longer than they save.
const aheadBlocks = 4

func (p *sealedPostings) boundAhead(to uint32, s *scoring, scale float64) (most float64, ok bool) {
	end := p.i + 1
	for end < p.r.blocks && p.r.base(end) < to {
		if end++; end-p.i > aheadBlocks {
			return 0, false
		}
	}
	for i := p.i; i < end; i++ {
		if p.r.postings(i) < leastSummary {
			return 0, false
		}
		if _, err := p.r.head(&p.ahead, i); err != nil {
			return 0, false
		}
		most = max(most, s.bound(&p.ahead.summary, scale))
	}
	return most, true
}

func (p *sealedPostings) decode() (*block, error) {
	if p.decoded {
		return &p.block, nil
	}
	if err := p.readHead(); err != nil {
		return nil, err
	}
	if err := p.block.decodeRows(&p.head, p.data, p.r.postings(p.i), p.r.base(p.i), p.r.last(p.i)); err != nil {
		return nil, err
	}
	p.decoded = true
	p.block.positions = nil
	return &p.block, nil
}

func (p *sealedPostings) readCounts() {
	if !p.block.counted {
		p.block.decodeCounts(&p.head, p.data)
	}
}

// decodeAll reads a block with counts and positions.
func (p *sealedPostings) decodeAll(i int) (*block, error) {
	p.i, p.hasHead, p.decoded = i, false, false
	b, err := p.decode()
	if err == nil {
		p.readCounts()
		err = p.readPlaces()
	}
	return b, err
}

// record is the entry of a term in a file.
type record struct {
	x         *Sealed
	number    uint32
	rows      int
	blocks    int
	skips     []byte // for each block its last row and where it ends in area; none for one block
	area      []byte // the blocks, and packSlack bytes more
	areaAt    uint64 // of area in the file
	size      int    // of the blocks
	lone      uint32 // the last row, if there is one block
	positions []byte
	placesAt  uint64
	top       *summary
}

const (
	skipBytes = 8
	// maxRecordHead is more than the numbers before the blocks take, the skip table left out.
	maxRecordHead = 256
	// maxBlock is more than the longest block takes, whose numbers all have 32 bits.
	maxBlock = 4*blockPostings*(MaxFields+1) + 256
)

// read finds the parts of a record that begins at an offset of the postings.
func (rec *record) read(x *Sealed, offset uint64) error {
	at := x.foot.section[sectionPostings]
	if offset >= at.size {
		return corrupt("a term lies at %d of %d bytes", offset, at.size)
	}
	start, end := at.start+offset, at.end()
	if err := x.touch(start, min(start+maxRecordHead, end)); err != nil {
		return err
	}
	r := reader{data: x.data[start:end]}
	*rec = record{x: x, number: r.u32(), rows: int(r.u32())}
	if rec.rows < 1 || uint64(rec.rows) > x.foot.rows || uint64(rec.number) >= x.foot.terms {
		return corrupt("term %d of %d has %d rows of %d", rec.number, x.foot.terms, rec.rows, x.foot.rows)
	}
	rec.blocks = (rec.rows + blockPostings - 1) / blockPostings
	places := 0
	if x.foot.positions {
		places = int(r.uvarint(at.size))
	}
	if rec.blocks > 1 {
		rec.readSkips(&r, start)
	}
	if r.err != nil {
		return r.err
	}
	rec.areaAt = start + uint64(r.at)
	rec.area = x.data[rec.areaAt : end+packSlack] // checksums and foot follow
	if rec.blocks == 1 {
		return rec.measure(places)
	}
	return rec.layPlaces(places)
}

// readSkips reads what a record of several blocks has before them.
func (rec *record) readSkips(r *reader, start uint64) {
	rec.size = int(r.uvarint(uint64(len(r.data))))
	mask := r.byte()
	rec.top = new(summary)
	rec.top.read(r, rec.x.foot.fields, mask)
	if r.err != nil {
		return
	}
	from := start + uint64(r.at)
	if rec.skips = r.take(skipBytes * rec.blocks); r.err != nil {
		return
	}
	if r.err = rec.x.touch(from, from+uint64(len(rec.skips))); r.err != nil {
		return
	}
	last, end := int64(-1), 0
	for i := range rec.blocks {
		if int64(rec.last(i)) <= last || rec.end(i) <= end {
			r.bad("block %d of term %d is out of order", i, rec.number)
			return
		}
		last, end = int64(rec.last(i)), rec.end(i)
	}
	if uint64(last) >= rec.x.foot.rows || end != rec.size || end > len(r.data)-r.at {
		r.bad("the blocks of term %d end with row %d, after %d bytes", rec.number, last, end)
	}
}

// measure finds the end of the only block, by reading it.
func (rec *record) measure(places int) error {
	var h blockHead
	r := reader{data: rec.area[:len(rec.area)-packSlack]}
	if err := rec.x.touch(rec.areaAt, min(rec.areaAt+maxBlock, rec.areaAt+uint64(len(r.data)))); err != nil {
		return err
	}
	h.read(&r, rec.rows, rec.x.foot.fields, false)
	r.take(h.bytes(rec.rows))
	if r.err != nil {
		return r.err
	}
	rec.size = r.at
	var rows [blockPostings]uint32
	unpack(rows[:rec.rows], rec.area[h.body:], h.rowWidth)
	next := uint64(0)
	for _, distance := range rows[:rec.rows] {
		next += uint64(distance) + 1
	}
	if next > rec.x.foot.rows {
		return corrupt("term %d is in row %d of %d", rec.number, next-1, rec.x.foot.rows)
	}
	rec.lone = uint32(next - 1)
	return rec.layPlaces(places)
}

func (rec *record) layPlaces(size int) error {
	if size > len(rec.area)-packSlack-rec.size {
		return corrupt("the positions of term %d are cut", rec.number)
	}
	rec.placesAt = rec.areaAt + uint64(rec.size)
	rec.positions = rec.area[rec.size : rec.size+size]
	return nil
}

// postings is how many postings a block has.
func (rec *record) postings(i int) int {
	return min(blockPostings, rec.rows-i*blockPostings)
}

// last is the last row of a block.
func (rec *record) last(i int) uint32 {
	if rec.blocks == 1 {
		return rec.lone
	}
	return le32(rec.skips[skipBytes*i:])
}

// base is the smallest row that a block could begin with.
func (rec *record) base(i int) uint32 {
	if i == 0 {
		return 0
	}
	return rec.last(i-1) + 1
}

func (rec *record) end(i int) int { return int(le32(rec.skips[skipBytes*i+4:])) }

// head reads the head of a block, and returns what follows it.
func (rec *record) head(h *blockHead, i int) ([]byte, error) {
	start, end := 0, rec.size
	if rec.blocks > 1 {
		end = rec.end(i)
		if i > 0 {
			start = rec.end(i - 1)
		}
	}
	if err := rec.x.touch(rec.areaAt+uint64(start), rec.areaAt+uint64(end)); err != nil {
		return nil, err
	}
	n := rec.postings(i)
	r := reader{data: rec.area[start:end]}
	h.read(&r, n, rec.x.foot.fields, rec.blocks > 1)
	r.take(h.bytes(n))
	if r.err != nil {
		return nil, r.err
	}
	return rec.area[start+h.body : end+packSlack], nil
}

func (p *sealedPostings) readPlaces() error {
	from, to := p.head.positionsAt, uint64(len(p.r.positions))
	if from > to {
		return corrupt("the positions of block %d of term %d are cut", p.i, p.r.number)
	}
	if p.i+1 < p.r.blocks {
		if _, err := p.r.head(&p.ahead, p.i+1); err != nil {
			return err
		}
		to = min(to, max(p.ahead.positionsAt, from))
	}
	p.block.positions = p.r.positions[from:to]
	return p.r.x.touch(p.r.placesAt+from, p.r.placesAt+to)
}
