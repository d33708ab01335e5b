package storage

import (
	"math"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/internal/seal"
)

// PutJob stores a job. The same version again replaces it, with its epoch.
func (t *Tx) PutJob(j lode.Job) error {
	if err := t.needWrite(); err != nil {
		return err
	}
	if _, err := t.Collection(j.Collection); err != nil {
		return err
	}
	return putRecord(t.top(jobsBucket), kindJob, jobKey(j), &j)
}

// DropJob removes the job of a version, of whatever epoch. A job that is not there is no
// error.
func (t *Tx) DropJob(j lode.Job) error {
	if err := t.needWrite(); err != nil {
		return err
	}
	t.top(jobsBucket).delete(jobKey(j))
	return nil
}

// Jobs calls fn for all jobs, by collection, document and version. fn may write.
func (t *Tx) Jobs(fn func(lode.Job) error) error {
	return t.top(jobsBucket).scanAll(nil, func(k, raw []byte) error {
		var j lode.Job
		if err := decodeRecord(kindJob, raw, &j); err != nil {
			return recordError(kindJob, k, err)
		}
		return fn(j)
	})
}

// PutQuarantined notes that the newest version of a document is in quarantine.
func (t *Tx) PutQuarantined(c lode.CollectionID, doc lode.DocNo) error {
	quarantine, err := t.shelfForWrite(c, quarantineBucket)
	if err != nil {
		return err
	}
	quarantine.put(documentKey(doc), seal.Seal(kindQuarantine, nil))
	return nil
}

// DropQuarantined takes the note back. One that is not there is no error.
func (t *Tx) DropQuarantined(c lode.CollectionID, doc lode.DocNo) error {
	quarantine, err := t.shelfForWrite(c, quarantineBucket)
	if err != nil {
		return err
	}
	quarantine.delete(documentKey(doc))
	return nil
}

// Quarantined calls fn for the documents whose newest version is in quarantine and whose
// number is above after, ascending, until fn returns false. fn may write.
func (t *Tx) Quarantined(c lode.CollectionID, after lode.DocNo, fn func(lode.DocNo) (bool, error)) error {
	quarantine, err := t.shelf(c, quarantineBucket)
	if err != nil || after == math.MaxUint64 {
		return err
	}
	return quarantine.scan(nil, documentKey(after+1), func(k, raw []byte) (bool, error) {
		if _, err := seal.Open(kindQuarantine, raw); err != nil {
			return false, recordError(kindQuarantine, k, err)
		}
		if len(k) != numberKeyBytes {
			return false, recordError(kindQuarantine, k, lode.Errorf(lode.CodeCorrupt, "key has %d bytes", len(k)))
		}
		return fn(parseDocumentKey(k))
	})
}
