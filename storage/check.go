package storage

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	bolt "go.etcd.io/bbolt"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/internal/seal"
)

// Breach is one thing that is not as it must be.
type Breach struct {
	Where string // in internal numbers; never text of users
	What  string
	// Benign marks space that is wasted and nothing else: the next [Store.SweepBlobs] frees
	// it, or an operator may.
	Benign bool
}

func (b Breach) String() string { return b.Where + ": " + b.What }

// Check walks everything and reports every breach: pages and records of the catalogue, ids
// and documents both ways, rows against silver, silver against bronze, jobs, references and
// files of blobs. It may run beside everything else; updates wait while pages are walked,
// and the state that is checked is that of one moment. The error is non-nil only when the
// check itself could not be finished.
func (s *Store) Check(ctx context.Context, report func(Breach)) error {
	c := newChecker(ctx, nil, s.blobs, report)
	err := s.check(c)
	var damaged *pageError
	if errors.As(err, &damaged) {
		c.breach(catalogName, "%v", err)
		return nil
	}
	return err
}

func (s *Store) check(c *checker) error {
	sound, err := s.checkStructure(c)
	if err != nil || !sound {
		return err // damaged pages may lead anywhere
	}
	err = s.View(func(t *Tx) error {
		c.tx = t
		c.records()
		c.collections()
		c.jobs()
		c.references()
		c.operations()
		return c.ctx.Err()
	})
	if err != nil {
		return err
	}
	return s.checkFiles(c)
}

// checkStructure walks all pages of the catalogue and of the growing segments. It does so in
// write transactions, because the list of free pages changes with every flush.
func (s *Store) checkStructure(c *checker) (sound bool, err error) {
	s.swap.RLock()
	defer s.swap.RUnlock()
	if s.catalog == nil {
		return false, errClosed
	}
	in, is := s.catalog.(*boltBase)
	if !is {
		return true, nil
	}
	err = inBolt(in.db, !in.db.IsReadOnly(), func(tx *bolt.Tx) error {
		if sound = c.structure(tx, in.path); sound {
			c.buckets(tx)
		}
		return nil
	})
	if err != nil || !sound {
		return sound, err
	}
	return s.checkGrowing(c)
}

func (s *Store) checkGrowing(c *checker) (sound bool, err error) {
	keys, err := s.files.listGrowing()
	if err != nil {
		return false, err
	}
	sound = true
	for _, k := range keys {
		if err := c.ctx.Err(); err != nil {
			return false, err
		}
		h, err := s.segments.growing.get(k)
		if errors.Is(err, fs.ErrNotExist) {
			continue // sealed meanwhile
		}
		if err != nil {
			c.breach("segment "+k.String(), "%v", err)
			sound = false
			continue
		}
		in := h.value.(*boltBase)
		err = inBolt(in.db, !in.db.IsReadOnly(), func(tx *bolt.Tx) error {
			if !c.structure(tx, in.path) {
				sound = false
				return nil
			}
			if err := checkGrowingFile(tx, k); err != nil {
				return err
			}
			c.parts(tx, k)
			return nil
		})
		h.release()
		if err != nil {
			c.breach("segment "+k.String(), "%v", err)
			sound = false
		}
	}
	return sound, nil
}

// parts opens every row and piece of silver of a growing segment, whoever refers to it.
func (c *checker) parts(tx *bolt.Tx, k segmentKey) {
	for _, name := range partBuckets {
		_ = tx.Bucket([]byte(name.String())).ForEach(func(key, raw []byte) error {
			sealed, err := openPart(key, raw)
			if err == nil {
				err = forms[name].check(key, sealed)
			}
			if err != nil {
				c.breach(fmt.Sprintf("segment %s, %s/%x", k, name, key), "%v", err)
			}
			return c.ctx.Err()
		})
	}
}

// CheckDir checks the data folder of a node that is not running. A folder in use is
// [lode.CodeConflict], one that is no data folder [lode.CodeNotFound].
func CheckDir(ctx context.Context, dir string, report func(Breach)) error {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return err
	}
	var o Options
	o.ensureDefaults()
	s, err := newStore(dir, o)
	if err != nil {
		return err
	}
	s.files.(*boltFiles).readOnly = true
	if _, err := os.Stat(s.path(nodeName)); errors.Is(err, fs.ErrNotExist) {
		return lode.NotFound("data folder", dir).WithHint("a data folder holds a file NODE")
	}
	if err := s.takeLock(); err != nil {
		return err
	}
	return errors.Join(s.checkDir(ctx, report), s.Close())
}

func (s *Store) checkDir(ctx context.Context, report func(Breach)) error {
	if _, _, err := readNode(s.fsys, s.path(nodeName)); err != nil {
		report(Breach{Where: nodeName, What: err.Error()})
	}
	if p, err := s.readPlan(); err != nil || p != nil {
		// Half of the files are of one state, half of the other.
		b := Breach{Where: planName, What: "the next start finishes what was interrupted", Benign: true}
		if err != nil {
			b = Breach{Where: planName, What: err.Error()}
		}
		report(b)
		return nil
	}
	switch err := s.openCatalog(); {
	case lode.IsCode(err, lode.CodeCorrupt):
		report(Breach{Where: catalogName, What: err.Error()})
		return nil
	case err != nil:
		return err
	}
	return s.Check(ctx, report)
}

// checker is one run of a check. The parts of it that look at meaning skip records that do
// not decode: records has reported them.
type checker struct {
	ctx    context.Context
	tx     *Tx
	blobs  *Blobs
	report func(Breach)

	refs     map[lode.Hash]uint64 // counted over versions
	unproven []unproven
}

// unproven is a breach about a blob that counts only if the blob is still referred to after
// the state of this check has passed: it may have been swept meanwhile.
type unproven struct {
	blob   lode.Hash
	breach Breach
}

func newChecker(ctx context.Context, t *Tx, blobs *Blobs, report func(Breach)) *checker {
	return &checker{ctx: ctx, tx: t, blobs: blobs, report: report, refs: map[lode.Hash]uint64{}}
}

func (c *checker) breach(where, format string, args ...any) {
	c.report(Breach{Where: where, What: fmt.Sprintf(format, args...)})
}

// structure walks the pages of a file and reports whether they are sound.
func (c *checker) structure(tx *bolt.Tx, path string) (sound bool) {
	name := filepath.Base(path)
	// bbolt checks on a goroutine of its own, where a read behind the end of the file would
	// kill the process.
	info, err := os.Stat(path)
	sealed := errors.Is(err, fs.ErrNotExist) && name != catalogName // and removed since it was opened
	if !sealed && (err != nil || info.Size() < tx.Size()) {
		c.breach(name, "the file is shorter than its %d bytes in use", tx.Size())
		return false
	}
	sound = true
	for err := range tx.Check() {
		sound = false
		c.breach(name, "%v", err)
	}
	return sound
}

// buckets checks that a catalogue has the buckets that it must have and no others.
func (c *checker) buckets(tx *bolt.Tx) {
	tops := bucketSet(topBuckets)
	_ = tx.ForEach(func(name []byte, b *bolt.Bucket) error {
		switch {
		case bytes.Equal(name, localBucket):
			c.local(b)
		case bytes.Equal(name, dataBucket):
			c.shelves(tx, b)
		case !tops[string(name)]:
			c.breach(string(name), "bucket is unknown")
		default:
			c.flat(string(name), b)
		}
		return c.ctx.Err()
	})
}

func bucketSet(buckets []bucketID) map[string]bool {
	set := map[string]bool{}
	for _, b := range buckets {
		set[b.String()] = true
	}
	return set
}

func (c *checker) local(b *bolt.Bucket) {
	f := recordForm{keys: map[string]recordForm{
		string(formatKey): form[formatRecord](0, kindFormat), string(appliedKey): form[appliedRecord](0, kindApplied),
	}}
	_ = b.ForEach(func(k, v []byte) error {
		if err := f.check(k, v); err != nil {
			c.breach(fmt.Sprintf("%s/%x", localBucket, k), "%v", err)
		}
		return nil
	})
}

// flat reports buckets among records.
func (c *checker) flat(where string, b *bolt.Bucket) {
	_ = b.ForEachBucket(func(k []byte) error {
		c.breach(fmt.Sprintf("%s/%x", where, k), "is a bucket among records")
		return nil
	})
}

// shelves checks the buckets of the collections, as far as they have been flushed.
func (c *checker) shelves(tx *bolt.Tx, data *bolt.Bucket) {
	names := bucketSet(shelfBuckets)
	_ = data.ForEach(func(k, v []byte) error {
		where := fmt.Sprintf("data/%x", k)
		if v != nil {
			c.breach(where, "is a record among buckets")
			return nil
		}
		if tx.Bucket([]byte(collectionsBucket.String())).Get(k) == nil {
			c.breach(where, "belongs to no collection")
		}
		return data.Bucket(k).ForEach(func(name, v []byte) error {
			switch {
			case v != nil:
				c.breach(where, "holds a record among buckets")
			case !names[string(name)]:
				c.breach(where+"/"+string(name), "bucket is unknown")
			default:
				c.flat(where+"/"+string(name), data.Bucket(k).Bucket(name))
			}
			return c.ctx.Err()
		})
	})
	_ = tx.Bucket([]byte(collectionsBucket.String())).ForEach(func(k, _ []byte) error {
		shelf := data.Bucket(k)
		if len(k) == numberKeyBytes && shelf == nil {
			c.breach(fmt.Sprintf("collection %d", parseDocumentKey(k)), "has no data")
			return nil
		}
		for name := range names {
			if shelf != nil && shelf.Bucket([]byte(name)) == nil {
				c.breach(fmt.Sprintf("collection %d", parseDocumentKey(k)), "has no bucket %s", name)
			}
		}
		return nil
	})
}

// recordForm says what the keys and values of a bucket are.
type recordForm struct {
	keyBytes int // 0: one of keys
	keys     map[string]recordForm
	kind     seal.Kind
	value    func() any // nil: the payload is not a record
	maxBytes int        // of such a payload
}

func form[T any](keyBytes int, kind seal.Kind) recordForm {
	return recordForm{keyBytes: keyBytes, kind: kind, value: func() any { return new(T) }}
}

// forms describe every bucket that transactions see.
var forms = map[bucketID]recordForm{
	clusterBucket: {keys: map[string]recordForm{
		string(identityKey):       form[clusterRecord](0, kindCluster),
		string(lastCollectionKey): form[counterRecord](0, kindCounter),
		string(lastDocumentKey):   form[counterRecord](0, kindCounter),
	}},
	collectionsBucket: form[lode.Collection](numberKeyBytes, kindCollection),
	namesBucket:       form[nameRecord](lookupKeyBytes, kindName),
	jobsBucket:        form[lode.Job](jobKeyBytes, kindJob),
	blobsBucket:       form[blobRecord](len(lode.Hash{}), kindBlobRefs),
	operationsBucket:  form[OperationPart](operationKeyBytes, kindOperation),
	orderBucket:       form[orderRecord](orderKeyBytes, kindOrder),
	documentsBucket:   form[lode.Document](numberKeyBytes, kindDocument),
	idsBucket:         form[outsideIDRecord](lookupKeyBytes, kindOutsideID),
	versionsBucket:    form[lode.DocVersion](versionKeyBytes, kindVersion),
	segmentsBucket:    form[Segment](numberKeyBytes, kindSegment),
	membersBucket:     form[memberRecord](memberKeyBytes, kindMember),
	quarantineBucket:  {keyBytes: numberKeyBytes, kind: kindQuarantine},
	countersBucket: {keys: map[string]recordForm{
		string(lastRowKey):        form[counterRecord](0, kindCounter),
		string(lastSegmentKey):    form[counterRecord](0, kindCounter),
		string(growingSegmentKey): form[counterRecord](0, kindCounter),
		string(lastFeedbackKey):   form[counterRecord](0, kindCounter),
	}},
	pastBucket:          form[Past](pastKeyBytes, kindPast),
	evaluationsBucket:   form[Evaluation](lookupKeyBytes, kindEvaluation),
	feedbackBucket:      form[Feedback](feedbackKeyBytes, kindFeedback),
	feedbackOrderBucket: form[feedbackOrder](numberKeyBytes, kindFeedbackOrder),
	modelBucket:         {keys: map[string]recordForm{string(weightsKey): form[weightsRecord](0, kindWeights)}},
	rowsBucket:          form[lode.StagedChunk](rowKeyBytes, kindRow),
	silverBucket:        {keyBytes: rowKeyBytes, kind: kindSilverPart, maxBytes: MaxSilverPartBytes},
}

// records opens and decodes every record of the catalogue.
func (c *checker) records() {
	for _, b := range topBuckets {
		c.bucket(b.String(), bucket{c.tx, space{bucket: b}})
	}
	_ = c.tx.top(collectionsBucket).scanAll(nil, func(k, _ []byte) error {
		if len(k) != numberKeyBytes {
			return nil // reported
		}
		for _, b := range shelfBuckets {
			in := bucket{c.tx, space{b, segmentKey{collection: lode.CollectionID(parseDocumentKey(k))}}}
			c.bucket(fmt.Sprintf("data/%x/%s", k, b), in)
		}
		return c.ctx.Err()
	})
}

func (c *checker) bucket(where string, b bucket) {
	f := forms[b.s.bucket]
	_ = b.scanAll(nil, func(k, v []byte) error {
		if err := f.check(k, v); err != nil {
			c.breach(fmt.Sprintf("%s/%x", where, k), "%v", err)
		}
		return c.ctx.Err()
	})
}

func (f recordForm) check(k, v []byte) error {
	if f.keys != nil {
		single, known := f.keys[string(k)]
		if !known {
			return lode.Errorf(lode.CodeCorrupt, "key is unknown")
		}
		f = single
	} else if len(k) != f.keyBytes {
		return lode.Errorf(lode.CodeCorrupt, "key has %d bytes, not %d", len(k), f.keyBytes)
	}
	if f.value == nil {
		payload, err := seal.Open(f.kind, v)
		if err == nil && len(payload) > f.maxBytes {
			err = lode.Errorf(lode.CodeCorrupt, "payload has %d bytes, at most %d are allowed", len(payload), f.maxBytes)
		}
		return err
	}
	record := f.value()
	if err := decodeRecord(f.kind, v, record); err != nil {
		return err
	}
	return checkCanonical(f.kind, v, record)
}

// checkFiles looks at the files of segments and blobs, after the state that was checked has
// been left.
func (s *Store) checkFiles(c *checker) error {
	for _, u := range c.unproven {
		used, err := s.blobInUse(u.blob)
		if err != nil {
			return err
		}
		if used {
			c.report(u.breach)
		}
	}
	if err := s.checkSegmentFiles(c); err != nil {
		return err
	}
	return s.blobs.each(c.ctx, func(path string, h lode.Hash, named bool) error {
		where, err := filepath.Rel(s.dir, path)
		if err != nil {
			return err
		}
		if !named {
			c.report(Breach{Where: where, What: "is no blob", Benign: true})
			return nil
		}
		if c.refs[h] > 0 {
			return nil
		}
		used, err := s.blobInUse(h)
		if err == nil && !used {
			c.report(Breach{Where: where, What: "no version refers to this blob", Benign: true})
		}
		return err
	})
}

// checkSegmentFiles finds files of segments that the catalogue does not know, and sealed
// ones that do not have the hash they are named by. Rows have been read already.
func (s *Store) checkSegmentFiles(c *checker) error {
	return s.View(func(t *Tx) error {
		refs, err := t.segmentRefs()
		if err != nil {
			return err
		}
		found := s.segments.damagedFiles()
		for hash := range refs.sealed {
			err := verifyFile(c.ctx, s.fsys, s.segments.sealedPath(hash), hash)
			switch {
			case c.ctx.Err() != nil:
			case err != nil:
				c.breach("segment file "+hash.String(), "%v", err)
			case found[hash] != "": // what was read now may come from memory
				c.breach("segment file "+hash.String(), "was found damaged: %s", found[hash])
			}
		}
		indexes, err := s.segments.indexes()
		for _, n := range indexes {
			if !refs.sealed[n.Hash] && !s.segments.pinned(n.Hash) {
				c.report(Breach{Where: filepath.Join(segmentsName, n.String()), What: "the catalogue does not know its segment", Benign: true})
			}
		}
		if err != nil {
			return err
		}
		return s.segments.each(func(name string, sealed lode.Hash, growing segmentKey) error {
			where := filepath.Join(segmentsName, name)
			switch {
			case sealed.IsZero() && growing.segment == 0:
				c.report(Breach{Where: where, What: "is no segment", Benign: true})
			case !sealed.IsZero() && !refs.sealed[sealed] && !s.segments.pinned(sealed), growing.segment != 0 && !refs.growing[growing]:
				c.report(Breach{Where: where, What: "the catalogue does not know this segment", Benign: true})
			}
			return c.ctx.Err()
		})
	})
}
