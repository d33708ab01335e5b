package storage

import (
	"maps"
	"slices"
	"strings"

	"github.com/lodedb/lode"
)

// NextCollectionID gives out a number for a new collection.
func (t *Tx) NextCollectionID() (lode.CollectionID, error) {
	if err := t.needWrite(); err != nil {
		return 0, err
	}
	id, err := next(t.top(clusterBucket), lastCollectionKey, 1)
	return lode.CollectionID(id), err
}

// PutCollection stores a new collection or replaces the record of a known one. A name that
// belongs to another collection is [lode.CodeConflict].
func (t *Tx) PutCollection(c *lode.Collection) error {
	if err := t.needWrite(); err != nil {
		return err
	}
	if c.ID == 0 {
		return lode.Errorf(lode.CodeInternal, "collection %q has no number", c.Name)
	}
	if err := t.putName(c); err != nil {
		return err
	}
	return putRecord(t.top(collectionsBucket), kindCollection, collectionKey(c.ID), c)
}

// putName makes the name lead to the collection, and an earlier name of it nowhere.
func (t *Tx) putName(c *lode.Collection) error {
	idKey, err := t.lookupForWrite()
	if err != nil {
		return err
	}
	names, key := t.top(namesBucket), nameKey(idKey, c.Name)
	taken, err := getRecord[nameRecord](names, kindName, key)
	if err != nil {
		return err
	}
	if taken != nil && taken.ID != c.ID {
		return lode.FieldError(lode.CodeConflict, "collection", c.Name, "collection exists already")
	}
	old, err := t.settings(c.ID)
	if err != nil {
		return err
	}
	if old != nil && old.Name != c.Name {
		names.delete(nameKey(idKey, old.Name))
	}
	return putRecord(names, kindName, key, &nameRecord{Name: c.Name, ID: c.ID})
}

// Collection returns a collection by number.
func (t *Tx) Collection(id lode.CollectionID) (*lode.Collection, error) {
	c, err := t.settings(id)
	if err == nil && c == nil {
		return nil, lode.NotFound("collection", id)
	}
	return c, err
}

// settings is Collection, with nil for none.
func (t *Tx) settings(id lode.CollectionID) (*lode.Collection, error) {
	key := collectionKey(id)
	raw := t.top(collectionsBucket).get(key)
	if t.store == nil {
		return parseRecord[lode.Collection](kindCollection, key, raw)
	}
	return t.store.memos.collection(id).parse(kindCollection, key, raw)
}

// CollectionByName returns a collection by name.
func (t *Tx) CollectionByName(name string) (*lode.Collection, error) {
	idKey, err := t.lookup()
	if err != nil {
		return nil, err
	}
	if idKey == nil {
		return nil, lode.NotFound("collection", name)
	}
	r, err := getRecord[nameRecord](t.top(namesBucket), kindName, nameKey(idKey, name))
	switch {
	case err != nil:
		return nil, err
	case r == nil:
		return nil, lode.NotFound("collection", name)
	case r.Name != name:
		return nil, lode.Errorf(lode.CodeCorrupt, "the lookup of collection %q leads to another name", name)
	}
	c, err := t.settings(r.ID)
	if err == nil && c == nil {
		return nil, lode.Errorf(lode.CodeCorrupt, "collection %q is looked up as %d, which does not exist", name, r.ID)
	}
	return c, err
}

// Collections returns all collections by name.
func (t *Tx) Collections() ([]*lode.Collection, error) {
	var all []*lode.Collection
	err := t.top(collectionsBucket).scanAll(nil, func(k, v []byte) error {
		c := new(lode.Collection)
		if err := decodeRecord(kindCollection, v, c); err != nil {
			return recordError(kindCollection, k, err)
		}
		all = append(all, c)
		return nil
	})
	slices.SortFunc(all, func(a, b *lode.Collection) int { return strings.Compare(a.Name, b.Name) })
	return all, err
}

// DropCollection removes a collection with everything below it: documents, versions,
// segments, jobs. Its blobs lose their references; [Store.SweepBlobs] removes the files.
func (t *Tx) DropCollection(id lode.CollectionID) error {
	if err := t.needWrite(); err != nil {
		return err
	}
	c, err := t.Collection(id)
	if err != nil {
		return err
	}
	versions, err := t.shelf(id, versionsBucket)
	if err != nil {
		return err
	}
	if err := t.releaseVersions(versions, nil); err != nil {
		return err
	}
	if err := t.releaseEvaluations(id); err != nil {
		return err
	}
	if err := t.top(jobsBucket).dropPrefix(collectionKey(id)); err != nil {
		return err
	}
	idKey, err := t.lookupForWrite()
	if err != nil {
		return err
	}
	t.top(namesBucket).delete(nameKey(idKey, c.Name))
	t.top(collectionsBucket).delete(collectionKey(id))
	maps.DeleteFunc(t.segments, func(k segmentKey, _ *segmentState) bool { return k.collection == id })
	t.known = 0
	t.edit.drop(id)
	return nil
}
