package storage

import (
	"time"

	"github.com/lodedb/lode"
)

// Past is what a collection showed of a document for a while, until another version, another
// description or its end came. A collection with a history keeps such records, in the order in
// which they ended, and with them the versions that nothing else shows.
type Past struct {
	// Document is as it was shown, from Document.Shown on, in version Document.Current.
	Document lode.Document `cbor:"1,keyasint"`
	// Waiting are the readers of a newer version that was not ready at the end.
	Waiting []string    `cbor:"2,keyasint,omitempty"`
	Until   lode.Moment `cbor:"3,keyasint"`
	// Left says that the version was shown no more from then on: it goes with this record.
	Left bool `cbor:"4,keyasint,omitempty"`
	// Gone says that the document was deleted, or had expired.
	Gone bool `cbor:"5,keyasint,omitempty"`
	// URI is that of the version until then, where it has another from then on.
	URI *string `cbor:"6,keyasint,omitempty"`
}

// PutPast notes what was shown until the log entry that is being applied. With Left the version
// is kept: it is ready, and stays a member of its segment until [Tx.PrunePast] drops it.
func (t *Tx) PutPast(p *Past) error {
	d := &p.Document
	past, err := t.shelfForWrite(d.Collection, pastBucket)
	if err != nil {
		return err
	}
	if d.No == 0 || d.Current == 0 || p.Until.Index != t.entry {
		return lode.Errorf(lode.CodeInternal, "document %d was shown in version %d until entry %d, which is %d", d.No, d.Current, p.Until.Index, t.entry)
	}
	if p.Left {
		if err := t.keepVersion(d.Collection, d.No, d.Current); err != nil {
			return err
		}
	}
	return putRecord(past, kindPast, pastKey(p.Until.Index, d.No), p)
}

func (t *Tx) keepVersion(c lode.CollectionID, doc lode.DocNo, version lode.Version) error {
	versions, err := t.shelfForWrite(c, versionsBucket)
	if err != nil {
		return err
	}
	v, err := t.Version(c, doc, version)
	if err != nil {
		return err
	}
	if v.State != lode.StateReady {
		return lode.Errorf(lode.CodeInternal, "version %s is kept and was never shown", versionName(doc, version))
	}
	v.Kept = true
	return putRecord(versions, kindVersion, versionKey(doc, version), v)
}

// LeavePast says of what was shown until the log entry that is being applied that its version
// left too, and keeps that. It reports whether there is such a record, of that version.
func (t *Tx) LeavePast(c lode.CollectionID, doc lode.DocNo, version lode.Version) (found bool, err error) {
	past, err := t.shelfForWrite(c, pastBucket)
	if err != nil {
		return false, err
	}
	p, err := getRecord[Past](past, kindPast, pastKey(t.entry, doc))
	if err != nil || p == nil || p.Document.Current != version {
		return false, err
	}
	p.Left = true
	return true, t.PutPast(p)
}

// Past calls fn for what was shown until the given log entry or later, by when it ended, until fn
// returns false.
func (t *Tx) Past(c lode.CollectionID, from uint64, fn func(*Past) (more bool, err error)) error {
	past, err := t.shelf(c, pastBucket)
	if err != nil {
		return err
	}
	return past.scan(nil, pastKey(from, 0), func(k, raw []byte) (bool, error) {
		p := new(Past)
		if err := decodeRecord(kindPast, raw, p); err != nil {
			return false, recordError(kindPast, k, err)
		}
		return fn(p)
	})
}

// PrunePast forgets what ended at a time or before, or before a log entry, the oldest first and at
// most limit records, with the versions that were kept for it, and returns how many there were.
func (t *Tx) PrunePast(c lode.CollectionID, until time.Time, before uint64, limit int) (n int, err error) {
	past, err := t.shelfForWrite(c, pastBucket)
	if err != nil {
		return 0, err
	}
	err = t.Past(c, 0, func(p *Past) (bool, error) {
		if n == limit || p.Until.At.After(until) && p.Until.Index >= before {
			return false, nil
		}
		n++
		past.delete(pastKey(p.Until.Index, p.Document.No))
		if !p.Left {
			return true, nil
		}
		return true, t.DropVersion(c, p.Document.No, p.Document.Current)
	})
	return n, err
}
