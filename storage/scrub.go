package storage

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"
	"maps"
	"math"
	"slices"
	"sync"
	"syscall"
	"time"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/internal/vfs"
)

// DefaultScrubRate is how many bytes a second the scrubber reads.
const DefaultScrubRate = 32 << 20

// scrubBytes are read between two rests.
const scrubBytes = 1 << 20

// ScrubOptions are the settings of a round of the scrubber. The zero value is good.
type ScrubOptions struct {
	// BytesPerSecond bounds what is read. The default is [DefaultScrubRate].
	BytesPerSecond int64
	// Report hears of every damaged file, in each round again, before and after what Fetch has
	// brought is put in its place: Repaired tells them apart. The default is silence.
	Report func(Damage)
	// Fetch opens a sealed file by its hash, which is verified here, to replace a damaged one.
	// One that it does not have is [lode.CodeNotFound]. The default knows none.
	Fetch func(context.Context, lode.Hash) (io.ReadCloser, error)
}

// Damage is a sealed segment of which the file on this node is damaged. What is damaged in it
// is refused with [lode.CodeCorrupt]; the rest is served.
type Damage struct {
	Collection lode.CollectionID
	Segment    lode.SegmentID
	Hash       lode.Hash
	What       string // never text of users
	Repaired   bool
}

// ScrubRound says what a round of the scrubber has read and found.
type ScrubRound struct {
	Files    int
	Bytes    int64
	Damaged  int
	Repaired int
}

// scrubber remembers where a round was interrupted.
type scrubber struct {
	sync.Mutex // held for a round
	file       lode.Hash
	is         *health // of the file; another one when the file was replaced
	offset     int64
	sum        hash.Hash
}

// Scrub reads every sealed segment from one end to the other, past what the system keeps of it
// in memory where that can be ([vfs.OpenDirect]), at a bounded rate, and compares it with the
// hash that it is named by: so every byte counts. It returns after a round. One that ctx has
// ended is gone on with by the next call, in the middle of the file if need be. Of a damaged
// file every block is looked at then; what is damaged is refused from now on, also to those
// who have the file open or mapped.
func (s *Store) Scrub(ctx context.Context, o ScrubOptions) (round ScrubRound, err error) {
	o.BytesPerSecond = cmp.Or(o.BytesPerSecond, DefaultScrubRate)
	if o.BytesPerSecond < 0 {
		return round, lode.Invalid("bytes_per_second", o.BytesPerSecond, "bytes_per_second must not be negative")
	}
	if o.Report == nil {
		o.Report = func(Damage) {}
	}
	s.scrubber.Lock()
	defer s.scrubber.Unlock()
	all, err := s.sealedSegments()
	if err != nil {
		return round, fmt.Errorf("scrub: %w", err)
	}
	hashes := slices.SortedFunc(maps.Keys(all), compareHashes)
	from, _ := slices.BinarySearchFunc(hashes, s.scrubber.file, compareHashes)
	r := &scrub{ScrubOptions: o, ctx: ctx, s: s, round: &round, pace: newScrubPace(ctx, o.BytesPerSecond)}
	for _, h := range hashes[from:] {
		if err := r.file(all[h], h); err != nil {
			return round, fmt.Errorf("scrub segment file %s: %w", h, err)
		}
		round.Files++
	}
	s.scrubber.begin(lode.Hash{}, nil)
	return round, nil
}

func (c *scrubber) begin(h lode.Hash, is *health) {
	c.file, c.is, c.offset, c.sum = h, is, 0, sha256.New()
}

// sealedSegments are the sealed files that are referred to now, with the segment of each.
func (s *Store) sealedSegments() (all map[lode.Hash]segmentKey, err error) {
	all = map[lode.Hash]segmentKey{}
	err = s.View(func(t *Tx) error {
		t.sealedHashes(all)
		return nil
	})
	return all, err
}

// Damaged lists the segments in whose file damage was found, by reads or by the scrubber, and
// which were not repaired since.
func (s *Store) Damaged() (found []Damage, err error) {
	files := s.segments.damagedFiles()
	if len(files) == 0 {
		return nil, nil // as nearly always
	}
	all, err := s.sealedSegments()
	for h, k := range all {
		if what := files[h]; what != "" {
			found = append(found, Damage{Collection: k.collection, Segment: k.segment, Hash: h, What: what})
		}
	}
	slices.SortFunc(found, func(a, b Damage) int {
		return compareSegments(segmentKey{a.Collection, a.Segment}, segmentKey{b.Collection, b.Segment})
	})
	return found, err
}

// ReplaceSealed puts a copy in the place of the file of a sealed segment: content that does not
// have the hash is [lode.CodeCorrupt] and changes nothing. Who has the damaged file open reads
// on there; [SealedRows.Replaced] says so.
func (s *Store) ReplaceSealed(ctx context.Context, h lode.Hash, content io.Reader) error {
	if err := s.replaceSealed(ctx, h, content); err != nil {
		return fmt.Errorf("replace segment file %s: %w", h, err)
	}
	s.log.Info("segment file replaced", "hash", h)
	return nil
}

func (s *Store) replaceSealed(ctx context.Context, h lode.Hash, content io.Reader) error {
	files := s.segments
	defer files.pin(h)()
	f, err := vfs.CreateAtomicIn(files.fsys, files.dir, files.sealedPath(h))
	if err != nil {
		return err
	}
	defer f.Abort()
	checked := &hashedReader{h: h, r: &stoppedReader{ctx, content}, sum: sha256.New()}
	if _, err := io.Copy(f, checked); err != nil { // not to the end when the hash is another
		return err
	}
	s.swap.RLock() // files are exchanged by its holders only, so never beside a restore
	defer s.swap.RUnlock()
	if s.catalog == nil {
		return errClosed
	}
	if err := f.Commit(); err != nil {
		return err
	}
	files.recovered(h) // first: who opens the file between the two has what was known of the other
	return files.sealed.drop(h)
}

// scrub is one round.
type scrub struct {
	ScrubOptions
	ctx   context.Context
	s     *Store
	round *ScrubRound
	pace  *scrubPace
}

// file reads one file and deals with what is found.
func (r *scrub) file(k segmentKey, h lode.Hash) error {
	files := r.s.segments
	defer files.pin(h)()
	is := files.healthOf(h)
	found, err := r.read(h, is)
	if err == nil && !found.any() {
		return r.fromDisk(k, h, is)
	}
	if err != nil && !isDamage(err) {
		return err
	}
	if all, gone := r.s.sealedSegments(); gone != nil || all[h] != k {
		return gone // it was removed meanwhile
	}
	if err == nil {
		is.condemn(found.vectors...)
		err = found.err()
	}
	is.note(err)
	return r.repair(r.damaged(k, h, withoutHint(err)), r.Fetch)
}

// damaged tells of damage.
func (r *scrub) damaged(k segmentKey, h lode.Hash, what string) Damage {
	d := Damage{Collection: k.collection, Segment: k.segment, Hash: h, What: what}
	r.round.Damaged++
	r.s.log.Error("segment file is damaged", "collection", d.Collection, "segment", d.Segment, "hash", h, "what", what)
	r.Report(d)
	return d
}

// fromDisk deals with a file that the disk has whole. When a read has found damage in it, that
// is in what the system keeps of it in memory, or was: a copy of the file is read anew.
func (r *scrub) fromDisk(k segmentKey, h lode.Hash, is *health) error {
	what := is.found.Load()
	if what == nil {
		return nil
	}
	return r.repair(r.damaged(k, h, *what), func(context.Context, lode.Hash) (io.ReadCloser, error) {
		f, err := vfs.OpenDirect(r.s.fsys, r.s.segments.sealedPath(h))
		if err != nil {
			return nil, err
		}
		return &sectionOf{io.NewSectionReader(f, 0, math.MaxInt64), f}, nil
	})
}

// sectionOf reads a file from its beginning.
type sectionOf struct {
	io.Reader
	io.Closer
}

// isDamage reports whether an error says that a file is not what it should be, rather than
// that reading it was not possible now.
func isDamage(err error) bool { return isLoss(err) || errors.Is(err, syscall.EIO) }

// repair puts what fetch brings in the place of a damaged file.
func (r *scrub) repair(d Damage, fetch func(context.Context, lode.Hash) (io.ReadCloser, error)) error {
	if fetch == nil {
		return nil
	}
	content, err := fetch(r.ctx, d.Hash)
	if err == nil {
		err = errors.Join(r.s.ReplaceSealed(r.ctx, d.Hash, content), content.Close())
	}
	switch {
	case r.ctx.Err() != nil:
		return r.ctx.Err()
	case err != nil: // the next round tries again
		r.s.log.Warn("segment file was not repaired", "hash", d.Hash, "error", err)
		return nil
	}
	d.Repaired = true
	r.round.Repaired++
	r.Report(d)
	return nil
}

// read reads a file from where the last round stopped, and looks for the damage when its hash
// is another.
func (r *scrub) read(h lode.Hash, is *health) (found damage, err error) {
	c := &r.s.scrubber
	if c.file != h || c.is != is {
		c.begin(h, is)
	}
	f, err := vfs.OpenDirect(r.s.fsys, r.s.segments.sealedPath(h))
	if err != nil {
		return found, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	buf := make([]byte, scrubBytes)
	for {
		n, err := f.ReadAt(buf, c.offset)
		c.sum.Write(buf[:n])
		c.offset, r.round.Bytes = c.offset+int64(n), r.round.Bytes+int64(n)
		if errors.Is(err, io.EOF) {
			break
		}
		if err == nil {
			err = r.pace.rest(n)
		}
		if err != nil {
			return found, err
		}
	}
	sound := bytes.Equal(c.sum.Sum(nil), h[:])
	c.begin(lode.Hash{}, nil)
	c.file = h // an interrupted search for damage begins with this file again
	if sound {
		return found, nil
	}
	return locate(r.ctx, f)
}

// damage is what is damaged in a sealed file that can be opened.
type damage struct {
	vectors       []int // blocks
	rows, silvers int
	unchecked     bool // bytes between those that have checksums
}

func (d *damage) any() bool {
	return len(d.vectors) > 0 || d.rows > 0 || d.silvers > 0 || d.unchecked
}

func (d *damage) err() error {
	if d.unchecked {
		return lode.Errorf(lode.CodeCorrupt, "the file has another hash, and every block its checksum")
	}
	return lode.Errorf(lode.CodeCorrupt, "%d blocks of vectors, %d of rows and %d texts are damaged", len(d.vectors), d.rows, d.silvers)
}

// locate looks at every block of a file that does not have its hash.
func locate(ctx context.Context, file vfs.File) (found damage, err error) {
	f, err := readSealed(&keptOpen{file})
	if err != nil {
		return found, err
	}
	block := new(vectorBlock)
	for i := range f.dir.vectorBlocks() {
		if err := errors.Join(ctx.Err(), count(f.readVectors(i, block), func() { found.vectors = append(found.vectors, i) })); err != nil {
			return found, err
		}
	}
	for i := range f.dir.blocks() {
		_, _, first := f.dir.block(i)
		_, err := f.blockOf(first)
		if err := errors.Join(ctx.Err(), count(err, func() { found.rows++ })); err != nil {
			return found, err
		}
	}
	for i := range f.dir.versions() {
		e := unpackVersion(f.dir.Versions[i*packedVersion:])
		_, err := f.silver(e.asVersion(f.dir.Segment))
		if err := errors.Join(ctx.Err(), count(err, func() { found.silvers++ })); err != nil {
			return found, err
		}
	}
	found.unchecked = !found.any()
	return found, nil
}

// count calls found for damage and returns other errors.
func count(err error, found func()) error {
	switch {
	case err == nil, lode.IsCode(err, lode.CodeNotFound):
		return nil
	case isDamage(err):
		found()
		return nil
	}
	return err
}

// keptOpen is a file that somebody else closes.
type keptOpen struct{ vfs.File }

func (*keptOpen) Close() error { return nil }

// scrubPace makes reads rest so that they keep to a rate.
type scrubPace struct {
	ctx   context.Context
	rate  int64
	ready time.Time // for the next read
}

func newScrubPace(ctx context.Context, rate int64) *scrubPace {
	return &scrubPace{ctx: ctx, rate: rate, ready: time.Now()}
}

// rest waits until as much as n bytes more may have been read.
func (p *scrubPace) rest(n int) error {
	wait := p.take(n, time.Now())
	if wait <= 0 {
		return p.ctx.Err()
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-p.ctx.Done():
		return p.ctx.Err()
	}
}

// take counts n bytes and returns how long to wait now. What was slow is not made up for.
func (p *scrubPace) take(n int, now time.Time) time.Duration {
	if p.ready.Before(now.Add(-time.Second)) {
		p.ready = now
	}
	p.ready = p.ready.Add(time.Duration(float64(n) / float64(p.rate) * float64(time.Second)))
	return p.ready.Sub(now)
}
