package storage

import (
	"bytes"
	"fmt"
	"sync"

	"github.com/fxamacker/cbor/v2"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/internal/seal"
)

// Kinds of envelope that this package writes. A number is never given to another kind.
const (
	kindFormat        seal.Kind = 0x20 // formatRecord
	kindApplied       seal.Kind = 0x21 // appliedRecord
	kindCluster       seal.Kind = 0x22 // clusterRecord
	kindCounter       seal.Kind = 0x23 // counterRecord
	kindCollection    seal.Kind = 0x24 // lode.Collection
	kindName          seal.Kind = 0x25 // nameRecord
	kindDocument      seal.Kind = 0x26 // lode.Document
	kindOutsideID     seal.Kind = 0x27 // outsideIDRecord
	kindVersion       seal.Kind = 0x28 // lode.DocVersion
	kindRow           seal.Kind = 0x29 // lode.StagedChunk
	kindSilverPart    seal.Kind = 0x2A // a piece of what EncodeSilver returns
	kindJob           seal.Kind = 0x2B // lode.Job
	kindQuarantine    seal.Kind = 0x2C // nothing
	kindBlobRefs      seal.Kind = 0x2D // blobRecord
	kindSegment       seal.Kind = 0x2E // segmentRecord
	kindMember        seal.Kind = 0x2F // memberRecord
	kindBlob          seal.Kind = 0x30 // stream: bytes as received
	kindSnapshot      seal.Kind = 0x31 // snapshotHeader
	kindCatalogue     seal.Kind = 0x32 // stream: a catalogue file
	kindGrowing       seal.Kind = 0x33 // growingRecord
	kindDirectory     seal.Kind = 0x34 // directory of a sealed segment
	kindRowBlock      seal.Kind = 0x35 // rows of a sealed segment
	kindSilver        seal.Kind = 0x36 // silver of a version in a sealed segment
	kindPlan          seal.Kind = 0x37 // plan
	kindPast          seal.Kind = 0x3A // Past
	kindWeights       seal.Kind = 0x3B // weightsRecord
	kindEvaluation    seal.Kind = 0x3C // Evaluation
	kindFeedback      seal.Kind = 0x3D // Feedback
	kindFeedbackOrder seal.Kind = 0x3E // feedbackOrder
)

// MaxRecordBytes bounds an encoded record of the catalogue.
const MaxRecordBytes = 16 << 20

// growingVersion is the format version of a growing segment; its history is in
// docs/format/segment.md.
const growingVersion = 1

type (
	growingRecord struct {
		Version    int               `cbor:"1,keyasint"`
		Collection lode.CollectionID `cbor:"2,keyasint"`
		Segment    lode.SegmentID    `cbor:"3,keyasint"`
	}
	formatRecord struct {
		Version int `cbor:"1,keyasint"`
	}
	appliedRecord struct {
		Index uint64 `cbor:"1,keyasint"`
		Term  uint64 `cbor:"2,keyasint"`
	}
	clusterRecord struct {
		ID    string `cbor:"1,keyasint"`
		IDKey []byte `cbor:"2,keyasint"`
	}
	counterRecord struct {
		Last uint64 `cbor:"1,keyasint"` // given out
	}
	nameRecord struct {
		Name string            `cbor:"1,keyasint"`
		ID   lode.CollectionID `cbor:"2,keyasint"`
	}
	outsideIDRecord struct {
		Kind lode.Kind  `cbor:"1,keyasint"`
		ID   lode.DocID `cbor:"2,keyasint"`
		No   lode.DocNo `cbor:"3,keyasint"`
	}
	weightsRecord struct {
		Data []byte `cbor:"1,keyasint"`
	}
	blobRecord struct {
		Refs uint64 `cbor:"1,keyasint"`
	}
)

// The codec is immutable; both modes are safe for concurrent use.
var (
	encMode = mustEncMode()
	decMode = mustDecMode()
)

// mustEncMode gives core deterministic encoding: equal values have equal bytes on every
// node.
func mustEncMode() cbor.UserBufferEncMode {
	options := cbor.CoreDetEncOptions()
	options.Time = cbor.TimeRFC3339NanoUTC
	mode, err := options.UserBufferEncMode()
	if err != nil {
		panic(err)
	}
	return mode
}

// Bounds of what records hold.
const (
	maxArrayElements = 1 << 20
	maxMapPairs      = 1 << 16
)

// mustDecMode refuses what the encoder never writes. Text that is not UTF-8 is let through:
// what was stored must stay readable.
func mustDecMode() cbor.DecMode {
	mode, err := cbor.DecOptions{
		DupMapKey:         cbor.DupMapKeyEnforcedAPF,
		MaxNestedLevels:   32, // the deepest metadata takes 19: a document, its map, two for each level, a scalar
		MaxArrayElements:  maxArrayElements,
		MaxMapPairs:       maxMapPairs,
		IndefLength:       cbor.IndefLengthForbidden,
		TagsMd:            cbor.TagsForbidden,
		ExtraReturnErrors: cbor.ExtraDecErrorUnknownField,
		UTF8:              cbor.UTF8DecodeInvalid,
	}.DecMode()
	if err != nil {
		panic(err)
	}
	return mode
}

// encodeRecord seals v. A record that decodeRecord would refuse for its size or shape is
// never made.
func encodeRecord(kind seal.Kind, v any) (sealed []byte, err error) {
	err = encodePayload(v, func(payload []byte) error {
		sealed = seal.Seal(kind, payload)
		return nil
	})
	return sealed, err
}

// encodePayload calls use with what encodeRecord seals; it is valid during the call only.
func encodePayload(v any, use func(payload []byte) error) error {
	buf := encodeBuffers.Get().(*bytes.Buffer)
	defer func() {
		if buf.Cap() <= maxKeptBuffer {
			buf.Reset()
			encodeBuffers.Put(buf)
		}
	}()
	if err := encMode.MarshalToBuffer(v, buf); err != nil {
		return fmt.Errorf("encode record: %w", err)
	}
	payload := buf.Bytes()
	if len(payload) > MaxRecordBytes {
		return lode.Errorf(lode.CodeTooLarge, "record has %d bytes, the limit is %d", len(payload), MaxRecordBytes)
	}
	if err := decMode.Wellformed(payload); err != nil {
		return lode.Errorf(lode.CodeTooLarge, "record is too large to be read again: %w", err)
	}
	return use(payload)
}

// encodeBuffers are for encodePayload. Large ones are left to the collector.
var encodeBuffers = sync.Pool{New: func() any { return new(bytes.Buffer) }}

const maxKeptBuffer = 64 << 10

// decodeRecord opens a sealed record into v, which shares no memory with b.
func decodeRecord(kind seal.Kind, b []byte, v any) error {
	payload, err := seal.Open(kind, b)
	if err != nil {
		return err
	}
	return decodePayload(payload, v)
}

// decodePayload is decodeRecord for a payload. v is new.
func decodePayload(payload []byte, v any) error {
	if plainRecord(payload, v) {
		return nil
	}
	if err := decMode.Unmarshal(payload, v); err != nil {
		return lode.Errorf(lode.CodeCorrupt, "decode record: %w", err)
	}
	return nil
}

// checkCanonical reports whether b is what encodeRecord makes of v: a record that differs
// would make nodes differ that hold the same.
func checkCanonical(kind seal.Kind, b []byte, v any) error {
	again, err := encodeRecord(kind, v)
	if err != nil {
		return err
	}
	if !bytes.Equal(again, b) {
		return lode.Errorf(lode.CodeCorrupt, "record is not in its canonical form")
	}
	return nil
}

// getRecord returns the record at key, nil when there is none.
func getRecord[T any](b bucket, kind seal.Kind, key []byte) (*T, error) {
	return parseRecord[T](kind, key, b.get(key))
}

// parseRecord decodes what was found at key; nil is none.
func parseRecord[T any](kind seal.Kind, key, raw []byte) (*T, error) {
	if raw == nil {
		return nil, nil
	}
	v := new(T)
	if err := decodeRecord(kind, raw, v); err != nil {
		return nil, recordError(kind, key, err)
	}
	return v, nil
}

func putRecord(b bucket, kind seal.Kind, key []byte, v any) error {
	raw, err := encodeRecord(kind, v)
	if err != nil {
		return recordError(kind, key, err)
	}
	b.put(key, raw)
	return nil
}

func recordError(kind seal.Kind, key []byte, err error) error {
	return fmt.Errorf("record of kind %#x at key %x: %w", uint8(kind), key, err)
}
