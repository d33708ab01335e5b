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

// checkStructure walks all pages. It does so in a write transaction, because the list of
// free pages changes with every update.
func (s *Store) checkStructure(c *checker) (sound bool, err error) {
	s.swap.RLock()
	defer s.swap.RUnlock()
	if s.db == nil {
		return false, errClosed
	}
	err = inBolt(s.db, !s.db.IsReadOnly(), func(tx *bolt.Tx) error {
		sound = c.structure(tx, s.path(catalogName))
		return nil
	})
	return sound, err
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
	s := &Store{dir: dir, fsys: o.FS, log: o.Logger, blobs: newBlobs(o.FS, filepath.Join(dir, blobsName))}
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
	db, err := openCatalog(s.path(catalogName), 0, true)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		report(Breach{Where: catalogName, What: "file is missing"})
		return nil
	case lode.IsCode(err, lode.CodeCorrupt):
		report(Breach{Where: catalogName, What: err.Error()})
		return nil
	case err != nil:
		return err
	}
	s.db = db
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

// structure walks the pages of a catalogue and reports whether they are sound.
func (c *checker) structure(tx *bolt.Tx, path string) (sound bool) {
	// bbolt checks on a goroutine of its own, where a read behind the end of the file would
	// kill the process.
	if info, err := os.Stat(path); err != nil || info.Size() < tx.Size() {
		c.breach(catalogName, "the file is shorter than its %d bytes in use", tx.Size())
		return false
	}
	sound = true
	for err := range tx.Check() {
		sound = false
		c.breach(catalogName, "%v", err)
	}
	return sound
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

// topForms and shelfForms describe every bucket of a catalogue except dataBucket.
func topForms() map[string]recordForm {
	return map[string]recordForm{
		string(localBucket): {keys: map[string]recordForm{
			string(formatKey):  form[formatRecord](0, kindFormat),
			string(appliedKey): form[appliedRecord](0, kindApplied),
		}},
		string(clusterBucket): {keys: map[string]recordForm{
			string(identityKey):       form[clusterRecord](0, kindCluster),
			string(lastCollectionKey): form[counterRecord](0, kindCounter),
			string(lastDocumentKey):   form[counterRecord](0, kindCounter),
		}},
		string(collectionsBucket): form[lode.Collection](numberKeyBytes, kindCollection),
		string(namesBucket):       form[nameRecord](lookupKeyBytes, kindName),
		string(jobsBucket):        form[lode.Job](jobKeyBytes, kindJob),
		string(blobsBucket):       form[blobRecord](len(lode.Hash{}), kindBlobRefs),
		string(operationsBucket):  form[OperationPart](operationKeyBytes, kindOperation),
		string(orderBucket):       form[orderRecord](orderKeyBytes, kindOrder),
	}
}

func shelfForms() map[string]recordForm {
	return map[string]recordForm{
		string(documentsBucket):  form[lode.Document](numberKeyBytes, kindDocument),
		string(idsBucket):        form[outsideIDRecord](lookupKeyBytes, kindOutsideID),
		string(versionsBucket):   form[lode.DocVersion](versionKeyBytes, kindVersion),
		string(rowsBucket):       form[lode.StagedChunk](partKeyBytes, kindRow),
		string(silverBucket):     {keyBytes: partKeyBytes, kind: kindSilverPart, maxBytes: MaxSilverPartBytes},
		string(quarantineBucket): {keyBytes: numberKeyBytes, kind: kindQuarantine},
		string(countersBucket): {keys: map[string]recordForm{
			string(lastRowKey): form[counterRecord](0, kindCounter),
		}},
	}
}

// records opens and decodes every record of the catalogue.
func (c *checker) records() {
	forms := topForms()
	shelves := shelfForms()
	_ = c.tx.bolt.ForEach(func(name []byte, b *bolt.Bucket) error {
		if !bytes.Equal(name, dataBucket) {
			c.bucket(string(name), string(name), b, forms)
			return c.ctx.Err()
		}
		return b.ForEach(func(k, v []byte) error {
			where := fmt.Sprintf("data/%x", k)
			if v != nil {
				c.breach(where, "is a record among buckets")
				return c.ctx.Err()
			}
			return b.Bucket(k).ForEach(func(name, v []byte) error {
				if v != nil {
					c.breach(where, "holds a record among buckets")
					return nil
				}
				c.bucket(where+"/"+string(name), string(name), b.Bucket(k).Bucket(name), shelves)
				return c.ctx.Err()
			})
		})
	})
}

func (c *checker) bucket(where, name string, b *bolt.Bucket, forms map[string]recordForm) {
	f, known := forms[name]
	if !known {
		c.breach(where, "bucket is unknown")
		return
	}
	_ = b.ForEach(func(k, v []byte) error {
		if err := f.check(k, v); err != nil {
			c.breach(fmt.Sprintf("%s/%x", where, k), "%v", err)
		}
		return c.ctx.Err()
	})
}

func (f recordForm) check(k, v []byte) error {
	if v == nil {
		return lode.Errorf(lode.CodeCorrupt, "is a bucket among records")
	}
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

// checkFiles looks at the files of blobs, after the state that was checked has been left.
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
