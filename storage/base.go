package storage

import (
	"github.com/lodedb/lode"
)

// A base is what transactions stand on: the records of the catalogue or of one growing
// segment, as of the last flush. There are two kinds, in bbolt files and in memory; both
// pass one conformance suite.
type base interface {
	// begin takes the state of this moment. Its end must be called.
	begin() (baseTx, error)
	// write makes what fn writes durable, together with the position at. On an error nothing
	// is changed, except after a [commitError]: then nobody knows.
	write(at Applied, fn func(baseWriter) error) error
	// size is the length of the file, for limits and reports.
	size() int64
	close() error
}

// baseTx is a state of one moment. Slices are valid until end; do not modify them.
type baseTx interface {
	applied() (Applied, error)
	get(s space, key []byte) []byte
	cursor(s space) baseCursor
	end()
}

// baseCursor walks a space by ascending key; a nil key is the end.
type baseCursor interface {
	seek(key []byte) (k, v []byte)
	next() (k, v []byte)
}

// baseWriter changes a base within one write.
type baseWriter interface {
	get(s space, key []byte) []byte
	put(s space, key, value []byte) error
	delete(s space, key []byte) error
	// drop removes a collection with everything below it. One that is not there is no error.
	drop(c lode.CollectionID) error
}

// baseFiles opens bases. Growing segments are opened when they are needed.
type baseFiles interface {
	// createCatalog makes an empty catalogue, whole and durable or not at all.
	createCatalog() error
	hasCatalog() (bool, error)
	// openCatalog opens it; it must be there.
	openCatalog() (base, error)
	// createGrowing makes the file of a growing segment, unless it is there.
	createGrowing(k segmentKey) error
	// openGrowing opens the file of a growing segment; a missing one is [fs.ErrNotExist].
	openGrowing(k segmentKey) (base, error)
	removeGrowing(k segmentKey) error
	listGrowing() ([]segmentKey, error)
}

// writeEntry writes an entry of a layer to a base.
func writeEntry(w baseWriter, s space, key string, value []byte) error {
	if value == nil {
		return w.delete(s, []byte(key))
	}
	return w.put(s, []byte(key), value)
}
