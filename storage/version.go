package storage

import (
	"fmt"

	"github.com/lodedb/lode"
)

// PutVersion stores a new version of a document or replaces the record of a known one. The
// first put takes a reference to its blob, which [Tx.DropVersion] gives back; the zero hash
// stands for no blob. A ready version becomes a member of its segment.
func (t *Tx) PutVersion(c lode.CollectionID, v *lode.DocVersion) error {
	versions, err := t.shelfForWrite(c, versionsBucket)
	if err != nil {
		return err
	}
	if v.Doc == 0 || v.Version == 0 {
		return lode.Errorf(lode.CodeInternal, "version %d of document %d has no number", v.Version, v.Doc)
	}
	key := versionKey(v.Doc, v.Version)
	old, err := parseRecord[lode.DocVersion](kindVersion, key, versions.getOf(v.Doc, key))
	if err != nil {
		return err
	}
	if old == nil || old.Blob != v.Blob {
		if err := t.retain(v.Blob); err != nil {
			return err
		}
	}
	if old != nil && old.Blob != v.Blob {
		if err := t.release(old.Blob); err != nil {
			return err
		}
	}
	if err := t.moveVersion(c, old, v); err != nil {
		return err
	}
	return putRecord(versions, kindVersion, key, v)
}

// Version returns one version of a document.
func (t *Tx) Version(c lode.CollectionID, doc lode.DocNo, v lode.Version) (*lode.DocVersion, error) {
	versions, err := t.shelf(c, versionsBucket)
	if err != nil {
		return nil, err
	}
	r, err := getRecord[lode.DocVersion](versions, kindVersion, versionKey(doc, v))
	if err == nil && r == nil {
		return nil, lode.NotFound("version", versionName(doc, v))
	}
	return r, err
}

func versionName(doc lode.DocNo, v lode.Version) string {
	return fmt.Sprintf("%d of document %d", v, doc)
}

// Versions calls fn for each version of a document, ascending. fn may write.
func (t *Tx) Versions(c lode.CollectionID, doc lode.DocNo, fn func(*lode.DocVersion) error) error {
	versions, err := t.shelf(c, versionsBucket)
	if err != nil {
		return err
	}
	return versions.scanAll(documentKey(doc), func(k, raw []byte) error {
		v := new(lode.DocVersion)
		if err := decodeRecord(kindVersion, raw, v); err != nil {
			return recordError(kindVersion, k, err)
		}
		return fn(v)
	})
}

// DropVersion removes one version with its rows, silver and job, and gives back its
// reference to its blob.
func (t *Tx) DropVersion(c lode.CollectionID, doc lode.DocNo, v lode.Version) error {
	versions, err := t.shelfForWrite(c, versionsBucket)
	if err != nil {
		return err
	}
	old, err := t.Version(c, doc, v)
	if err != nil {
		return err
	}
	if err := t.release(old.Blob); err != nil {
		return err
	}
	if err := t.moveVersion(c, old, nil); err != nil {
		return err
	}
	if err := t.DropJob(lode.Job{Collection: c, Doc: doc, Version: v}); err != nil {
		return err
	}
	versions.delete(versionKey(doc, v))
	return nil
}

// BlobRefs returns how many versions and evaluation sets refer to a blob.
func (t *Tx) BlobRefs(h lode.Hash) (uint64, error) {
	r, err := getRecord[blobRecord](t.top(blobsBucket), kindBlobRefs, h[:])
	if err != nil || r == nil {
		return 0, err
	}
	return r.Refs, nil
}

func (t *Tx) retain(h lode.Hash) error {
	if h.IsZero() {
		return nil
	}
	refs, err := t.BlobRefs(h)
	if err != nil {
		return err
	}
	return putRecord(t.top(blobsBucket), kindBlobRefs, h[:], &blobRecord{Refs: refs + 1})
}

func (t *Tx) release(h lode.Hash) error {
	if h.IsZero() {
		return nil
	}
	refs, err := t.BlobRefs(h)
	switch {
	case err != nil:
		return err
	case refs == 0:
		return lode.Errorf(lode.CodeCorrupt, "blob %s is released and has no reference", h)
	case refs == 1:
		t.top(blobsBucket).delete(h[:])
		return nil
	}
	return putRecord(t.top(blobsBucket), kindBlobRefs, h[:], &blobRecord{Refs: refs - 1})
}
