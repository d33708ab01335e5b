package storage

import (
	"bytes"
	"slices"

	"github.com/lodedb/lode"
)

// MinIDKeyBytes is the shortest key for outside ids.
const MinIDKeyBytes = 16

// Cluster returns the identity of the cluster; ok is false before [Tx.InitCluster].
func (t *Tx) Cluster() (id string, ok bool) {
	r, err := t.cluster()
	if err != nil || r == nil {
		return "", false
	}
	return r.ID, true
}

// HasCluster is ok of Cluster for those who must tell a damaged record from a missing one.
func (t *Tx) HasCluster() (bool, error) {
	r, err := t.cluster()
	return r != nil, err
}

func (t *Tx) cluster() (*clusterRecord, error) {
	raw := t.top(clusterBucket).get(identityKey)
	if t.store == nil {
		return parseRecord[clusterRecord](kindCluster, identityKey, raw)
	}
	return t.store.memos.cluster.parse(kindCluster, identityKey, raw)
}

// InitCluster sets the identity of the cluster and the key under which names and outside
// ids are looked up. It comes through the log before anything else. The same values again
// change nothing; other values are [lode.CodeConflict].
func (t *Tx) InitCluster(id string, idKey []byte) error {
	if err := t.needWrite(); err != nil {
		return err
	}
	if id == "" {
		return lode.Invalid("cluster", id, "cluster id must not be empty")
	}
	if len(idKey) < MinIDKeyBytes {
		return lode.Invalid("id_key", len(idKey), "the id key must have at least %d bytes", MinIDKeyBytes)
	}
	old, err := t.cluster()
	if err != nil {
		return err
	}
	if old == nil {
		return putRecord(t.top(clusterBucket), kindCluster, identityKey, &clusterRecord{ID: id, IDKey: slices.Clone(idKey)})
	}
	if old.ID != id || !bytes.Equal(old.IDKey, idKey) {
		return lode.FieldError(lode.CodeConflict, "cluster", id, "this node belongs to cluster %s", old.ID)
	}
	return nil
}

// lookup returns the key for lookups, nil before InitCluster.
func (t *Tx) lookup() ([]byte, error) {
	if t.idKey != nil {
		return t.idKey, nil
	}
	r, err := t.cluster()
	if err != nil || r == nil {
		return nil, err
	}
	t.idKey = r.IDKey
	return t.idKey, nil
}

// lookupForWrite is lookup for methods that cannot do without.
func (t *Tx) lookupForWrite() ([]byte, error) {
	key, err := t.lookup()
	if err == nil && key == nil {
		err = lode.Errorf(lode.CodeUnavailable, "the cluster has no identity yet")
	}
	return key, err
}
