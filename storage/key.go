package storage

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"

	"github.com/lodedb/lode"
)

// Keys of single records.
var (
	formatKey         = []byte("format")
	appliedKey        = []byte("applied")
	identityKey       = []byte("identity")
	lastCollectionKey = []byte("last collection")
	lastDocumentKey   = []byte("last document")
	lastRowKey        = []byte("last row")
	lastSegmentKey    = []byte("last segment")
	growingSegmentKey = []byte("growing segment")
	weightsKey        = []byte("weights")
	lastFeedbackKey   = []byte("last feedback")
)

// Integers in keys are big endian, so that keys sort as numbers do.

func collectionKey(c lode.CollectionID) []byte {
	return binary.BigEndian.AppendUint64(nil, uint64(c))
}

func documentKey(doc lode.DocNo) []byte {
	return binary.BigEndian.AppendUint64(make([]byte, 0, 16), uint64(doc))
}

func versionKey(doc lode.DocNo, v lode.Version) []byte {
	return binary.BigEndian.AppendUint32(documentKey(doc), uint32(v))
}

// rowKey is the key of a row (by ordinal) or of a piece of silver in a growing segment.
// What one epoch staged is not touched by the next.
func rowKey(v *lode.DocVersion, part uint32) []byte {
	return binary.BigEndian.AppendUint32(epochKey(v), part)
}

// epochKey is the prefix of all rows of a version as one epoch staged them.
func epochKey(v *lode.DocVersion) []byte {
	return binary.BigEndian.AppendUint32(versionKey(v.Doc, v.Version), v.Epoch)
}

func segmentNoKey(s lode.SegmentID) []byte {
	return binary.BigEndian.AppendUint64(make([]byte, 0, 20), uint64(s))
}

func memberKey(s lode.SegmentID, doc lode.DocNo, v lode.Version) []byte {
	return append(segmentNoKey(s), versionKey(doc, v)...)
}

func parseMemberKey(k []byte) (s lode.SegmentID, doc lode.DocNo, v lode.Version) {
	doc, v = parseVersionKey(k[8:])
	return lode.SegmentID(binary.BigEndian.Uint64(k)), doc, v
}

func jobKey(j lode.Job) []byte {
	return append(collectionKey(j.Collection), versionKey(j.Doc, j.Version)...)
}

// pastKey sorts what was shown by when it ended.
func pastKey(until uint64, doc lode.DocNo) []byte {
	return append(binary.BigEndian.AppendUint64(make([]byte, 0, pastKeyBytes), until), documentKey(doc)...)
}

// Lengths of these keys.
const (
	numberKeyBytes  = 8
	versionKeyBytes = 12
	memberKeyBytes  = 20
	rowKeyBytes     = 20
	jobKeyBytes     = 20
	pastKeyBytes    = 16
	lookupKeyBytes  = 16
)

func parseVersionKey(k []byte) (doc lode.DocNo, v lode.Version) {
	return lode.DocNo(binary.BigEndian.Uint64(k)), lode.Version(binary.BigEndian.Uint32(k[8:]))
}

// nameKey is where a collection's name is looked up.
func nameKey(idKey []byte, name string) []byte {
	return lookupKey(idKey, []byte("name"), []byte(name))
}

// outsideIDKey is where a document's or vector's outside id is looked up.
func outsideIDKey(idKey []byte, c lode.CollectionID, kind lode.Kind, id lode.DocID) []byte {
	return lookupKey(idKey, []byte{'i', 'd', byte(kind)}, append(collectionKey(c), id...))
}

// lookupKey hides text from the keys of the catalogue: only who holds the cluster's id key
// can tell which text a key stands for. 128 bits are enough: the plain form stands in the
// value and is compared.
func lookupKey(idKey, use, text []byte) []byte {
	mac := hmac.New(sha256.New, idKey)
	mac.Write([]byte{byte(len(use))})
	mac.Write(use)
	mac.Write(text)
	return mac.Sum(nil)[:lookupKeyBytes]
}

func parseDocumentKey(k []byte) lode.DocNo { return lode.DocNo(binary.BigEndian.Uint64(k)) }
