package storage

import (
	"encoding/binary"

	"github.com/lodedb/lode"
)

// bucketID names a kind of record. The order is that of [Store.StateHash]; numbers are in
// memory only.
type bucketID uint8

const (
	clusterBucket bucketID = iota + 1
	collectionsBucket
	namesBucket
	jobsBucket
	blobsBucket
	operationsBucket
	orderBucket
	// Those of one collection.
	documentsBucket
	idsBucket
	versionsBucket
	segmentsBucket
	membersBucket
	quarantineBucket
	countersBucket
	pastBucket
	modelBucket
	evaluationsBucket
	feedbackBucket
	feedbackOrderBucket
	// Those of one segment, which are not in the catalogue but in a file of their own.
	rowsBucket
	silverBucket

	lastBucket = silverBucket
)

var bucketNames = [lastBucket + 1]string{
	clusterBucket: "cluster", collectionsBucket: "collections", namesBucket: "names", jobsBucket: "jobs", blobsBucket: "blobs",
	operationsBucket: "operations", orderBucket: "operation order",
	documentsBucket: "documents", idsBucket: "ids", versionsBucket: "versions", segmentsBucket: "segments",
	membersBucket: "members", quarantineBucket: "quarantine", countersBucket: "counters", pastBucket: "past", modelBucket: "model",
	evaluationsBucket: "evaluations", feedbackBucket: "feedback", feedbackOrderBucket: "feedback order",
	rowsBucket: "rows", silverBucket: "silver",
}

func (b bucketID) String() string { return bucketNames[b] }

func (b bucketID) ofCollection() bool { return b >= documentsBucket }
func (b bucketID) ofSegment() bool    { return b >= rowsBucket }

// topBuckets and shelfBuckets are the buckets of a catalogue, partBuckets those of a growing
// segment.
var (
	topBuckets   = []bucketID{clusterBucket, collectionsBucket, namesBucket, jobsBucket, blobsBucket, operationsBucket, orderBucket}
	shelfBuckets = []bucketID{documentsBucket, idsBucket, versionsBucket, segmentsBucket, membersBucket, quarantineBucket, countersBucket, pastBucket, modelBucket,
		evaluationsBucket, feedbackBucket, feedbackOrderBucket}
	partBuckets = []bucketID{rowsBucket, silverBucket}
)

// segmentKey names a segment of a collection.
type segmentKey struct {
	collection lode.CollectionID
	segment    lode.SegmentID
}

// space is one ordered set of records: a bucket of the catalogue, of a collection or of a
// segment.
type space struct {
	bucket bucketID
	segmentKey
}

// spacePrefixBytes is the length of the prefix that a space's keys have in a layer.
const spacePrefixBytes = 17

// appendKey appends the key that a record of the space has in a layer. Keys sort by space,
// those of one collection beside each other.
func (s space) appendKey(b, key []byte) []byte {
	b = binary.BigEndian.AppendUint64(b, uint64(s.collection))
	b = append(b, byte(s.bucket))
	b = binary.BigEndian.AppendUint64(b, uint64(s.segment))
	return append(b, key...)
}

// parseLayerKey is the inverse of appendKey.
func parseLayerKey(k string) (s space, key string) {
	s.collection = lode.CollectionID(be64(k[:8]))
	s.bucket = bucketID(k[8])
	s.segment = lode.SegmentID(be64(k[9:spacePrefixBytes]))
	return s, k[spacePrefixBytes:]
}

func be64(s string) (n uint64) {
	for i := range 8 {
		n = n<<8 | uint64(s[i])
	}
	return n
}
