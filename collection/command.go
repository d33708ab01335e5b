package collection

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/fxamacker/cbor/v2"

	"github.com/lodedb/lode"
	lexical "github.com/lodedb/lode/index/bm25/segment"
	"github.com/lodedb/lode/internal/seal"
)

// MaxCommandBytes bounds one command with its envelope: hashicorp/raft suggests to keep
// log entries at or below this size, and what is larger travels in parts.
const MaxCommandBytes = 512 << 10

// headRoom is left of MaxCommandBytes for everything in a command that is not its parts:
// envelope, header, job, and an actor of at most maxActorBytes.
const headRoom = 80 << 10

// maxActorBytes bounds the labels of the principal that a command carries.
const maxActorBytes = 64 << 10

// kindCommand marks the envelope of a command.
const kindCommand seal.Kind = 'C'

// commandType says what a command does. Numbers are never reused.
type commandType uint16

const (
	typeInitCluster      commandType = 1
	typeCreateCollection commandType = 2
	typeDeleteCollection commandType = 3
	typeSubmit           commandType = 4
	typeClaim            commandType = 5
	typeStageSilver      commandType = 6
	typeStageChunks      commandType = 7
	typeComplete         commandType = 8
	typeFail             commandType = 9
	typeRetry            commandType = 10
	typeDeleteDocuments  commandType = 11
	typePutPoints        commandType = 12
	typeSealSegment      commandType = 20
	typeSealedSegment    commandType = 21
	typeMergeSegments    commandType = 22
	typeNamed            commandType = 13
	typeTune             commandType = 14
	typePatchDocuments   commandType = 15
	typeDeleteSelected   commandType = 16
	typeNoteSelected     commandType = 17
	typePruneHistory     commandType = 18
	typePutEvaluation    commandType = 19
	typeDeleteEvaluation commandType = 23
	typePutFeedback      commandType = 24
)

// version is that of the payloads that are written. A payload that changes gets a new number,
// and Apply keeps reading the older ones.
func (t commandType) version() uint16 {
	switch t {
	case typePutPoints: // 2: conditions on the version; 3: expiry, metadata with objects and null; 4: named vectors
		return 4
	case typeSubmit: // 2: conditions on the version; 3: expiry, metadata with objects and null; 4: a language
		return 4
	case typeDeleteDocuments: // 2: conditions on the version; 3: a time
		return 3
	case typeCreateCollection: // 2: named vectors; 3: history, weights of words; 4: language, glossary
		return 4
	case typeStageChunks: // 2: named vectors
		return 2
	case typeComplete: // 2: a language
		return 2
	case typeTune: // 2: a time, history; 3: language, glossary
		return 3
	case typeDeleteSelected: // 2: a time
		return 2
	}
	return 1
}

// grows reports whether a command stores more than it removes, and may be refused for want
// of room. The others end work that was admitted or make room.
func (t commandType) grows() bool {
	switch t {
	case typeCreateCollection, typeSubmit, typeStageSilver, typeStageChunks, typePutPoints, typePatchDocuments, typePutEvaluation, typePutFeedback:
		return true
	}
	return false
}

// command is the payload of one log entry.
type command interface{ commandType() commandType }

type initCluster struct {
	ID    string `cbor:"1,keyasint"`
	IDKey []byte `cbor:"2,keyasint"`
}

type createCollection struct {
	Collection lode.Collection `cbor:"1,keyasint"` // its ID is given by Apply
	Weights    []byte          `cbor:"2,keyasint,omitempty"`
}

type deleteCollection struct {
	Collection lode.CollectionID `cbor:"1,keyasint"`
}

// tune changes what may change of a collection's settings.
type tune struct {
	Collection lode.CollectionID `cbor:"1,keyasint"`
	Change     lode.TuningChange `cbor:"2,keyasint"`
	At         time.Time         `cbor:"3,keyasint"`
}

type submit struct {
	Collection lode.CollectionID `cbor:"1,keyasint"`
	Actor      actor             `cbor:"2,keyasint"`
	ID         lode.DocID        `cbor:"3,keyasint"`
	URI        string            `cbor:"4,keyasint,omitempty"`
	MediaType  string            `cbor:"5,keyasint"`
	Blob       lode.Hash         `cbor:"6,keyasint"`
	Size       int64             `cbor:"7,keyasint"`
	Metadata   lode.Metadata     `cbor:"8,keyasint,omitempty"`
	Readers    []string          `cbor:"9,keyasint,omitempty"`
	At         time.Time         `cbor:"10,keyasint"`
	Run        lode.Run          `cbor:"11,keyasint"`
	IfVersion  *lode.Version     `cbor:"12,keyasint,omitempty"`
	ExpiresAt  *time.Time        `cbor:"13,keyasint,omitempty"`
	Language   string            `cbor:"14,keyasint,omitempty"`
}

func (c *submit) facts() lode.Facts {
	return lode.Facts{Metadata: c.Metadata, Readers: c.Readers, ExpiresAt: c.ExpiresAt}
}

type claim struct {
	Job lode.Job `cbor:"1,keyasint"`
}

type stageSilver struct {
	Job  lode.Job `cbor:"1,keyasint"`
	Part int      `cbor:"2,keyasint"`
	Data []byte   `cbor:"3,keyasint"`
}

type stageChunks struct {
	Job    lode.Job          `cbor:"1,keyasint"`
	Chunks []cbor.RawMessage `cbor:"2,keyasint"` // each a lode.StagedChunk

	decoded []lode.StagedChunk // of Chunks, by decode
}

type complete struct {
	Completion lode.Completion `cbor:"1,keyasint"`
}

type fail struct {
	Job     lode.Job     `cbor:"1,keyasint"`
	Failure lode.Failure `cbor:"2,keyasint"`
	Runs    []lode.Run   `cbor:"3,keyasint,omitempty"`
}

type retry struct {
	Collection lode.CollectionID `cbor:"1,keyasint"`
	Actor      actor             `cbor:"2,keyasint"`
	ID         lode.DocID        `cbor:"3,keyasint"`
	At         time.Time         `cbor:"4,keyasint"`
}

type deleteDocuments struct {
	Collection lode.CollectionID `cbor:"1,keyasint"`
	Actor      actor             `cbor:"2,keyasint"`
	Kind       lode.Kind         `cbor:"3,keyasint"`
	IDs        []lode.DocID      `cbor:"4,keyasint"`
	IfVersions []*lode.Version   `cbor:"5,keyasint,omitempty"` // none, or one for each id
	At         time.Time         `cbor:"6,keyasint"`
}

// selection is a Selection in the log: by ids, or by the numbers that its filter gave. Either
// must match the filter when the command is applied.
type selection struct {
	Actor  actor        `cbor:"1,keyasint"`
	Kind   lode.Kind    `cbor:"2,keyasint"`
	IDs    []lode.DocID `cbor:"3,keyasint,omitempty"`
	Nos    []lode.DocNo `cbor:"4,keyasint,omitempty"`
	Filter []byte       `cbor:"5,keyasint,omitempty"` // as JSON; none matches everything

	filter lode.Filter // by decode
}

func (s *selection) decode() error {
	if len(s.Filter) == 0 {
		return nil
	}
	return json.Unmarshal(s.Filter, &s.filter)
}

// patchDocuments changes what owners say of documents; their versions and rows stay.
type patchDocuments struct {
	Collection lode.CollectionID `cbor:"1,keyasint"`
	Selection  selection         `cbor:"2,keyasint"`
	Patch      lode.Patch        `cbor:"3,keyasint"`
	At         time.Time         `cbor:"4,keyasint"`
}

// deleteSelected removes documents; with a time those alone that have expired by then.
type deleteSelected struct {
	Collection lode.CollectionID `cbor:"1,keyasint"`
	Selection  selection         `cbor:"2,keyasint"`
	ExpiredAt  *time.Time        `cbor:"3,keyasint,omitempty"`
	At         time.Time         `cbor:"4,keyasint"`
}

// noteSelected is the outcome of a write about a selection that needed several commands.
type noteSelected struct {
	Collection lode.CollectionID `cbor:"1,keyasint"`
	Matched    int               `cbor:"2,keyasint"`
	Changed    int               `cbor:"3,keyasint"`
	Items      int               `cbor:"4,keyasint"`
	Refused    []refusal         `cbor:"5,keyasint,omitempty"`
}

// pruneHistory forgets what ended at a time or before, as much of it as one command may.
type pruneHistory struct {
	Collection lode.CollectionID `cbor:"1,keyasint"`
	Until      time.Time         `cbor:"2,keyasint"`
}

type putPoints struct {
	Collection lode.CollectionID `cbor:"1,keyasint"`
	Actor      actor             `cbor:"2,keyasint"`
	At         time.Time         `cbor:"3,keyasint"`
	Points     []cbor.RawMessage `cbor:"4,keyasint"` // each a point

	decoded     []point          // of Points, by decode
	preparedFor *lode.Collection // what is ready in the points holds for these settings
	language    string           // of their texts: by the state that the command meets
}

// sealSegment closes the growing segment of a collection.
type sealSegment struct {
	Collection lode.CollectionID `cbor:"1,keyasint"`
}

// sealedSegment says in which file a closed segment lies on every node.
type sealedSegment struct {
	Collection lode.CollectionID `cbor:"1,keyasint"`
	Segment    lode.SegmentID    `cbor:"2,keyasint"`
	Hash       lode.Hash         `cbor:"3,keyasint"`
	Bytes      int64             `cbor:"4,keyasint"`
}

// mergeSegments begins a segment that takes the place of sealed ones.
type mergeSegments struct {
	Collection lode.CollectionID `cbor:"1,keyasint"`
	Inputs     []lode.SegmentID  `cbor:"2,keyasint"`
}

// point is a lode.Point in the log.
type point struct {
	ID       lode.DocID    `cbor:"1,keyasint"`
	Vector   []byte        `cbor:"2,keyasint"`
	Text     string        `cbor:"3,keyasint,omitempty"`
	Metadata lode.Metadata `cbor:"4,keyasint,omitempty"`
	Readers  []string      `cbor:"5,keyasint,omitempty"`

	IfVersion *lode.Version `cbor:"6,keyasint,omitempty"`
	ExpiresAt *time.Time    `cbor:"7,keyasint,omitempty"`

	// Vectors and Sparse are those in named spaces, as in lode.StagedChunk.
	Vectors map[string][]byte `cbor:"8,keyasint,omitempty"`
	Sparse  map[string][]byte `cbor:"9,keyasint,omitempty"`

	ready struct { // by prepare
		vectors  pointVectors
		refusal  *lode.Error
		words    lexical.Row
		language string // of the words
	}
}

func (p *point) facts() lode.Facts {
	return lode.Facts{Metadata: p.Metadata, Readers: p.Readers, ExpiresAt: p.ExpiresAt}
}

func (*initCluster) commandType() commandType      { return typeInitCluster }
func (*createCollection) commandType() commandType { return typeCreateCollection }
func (*deleteCollection) commandType() commandType { return typeDeleteCollection }
func (*submit) commandType() commandType           { return typeSubmit }
func (*claim) commandType() commandType            { return typeClaim }
func (*stageSilver) commandType() commandType      { return typeStageSilver }
func (*stageChunks) commandType() commandType      { return typeStageChunks }
func (*complete) commandType() commandType         { return typeComplete }
func (*fail) commandType() commandType             { return typeFail }
func (*retry) commandType() commandType            { return typeRetry }
func (*deleteDocuments) commandType() commandType  { return typeDeleteDocuments }
func (*putPoints) commandType() commandType        { return typePutPoints }
func (*sealSegment) commandType() commandType      { return typeSealSegment }
func (*sealedSegment) commandType() commandType    { return typeSealedSegment }
func (*mergeSegments) commandType() commandType    { return typeMergeSegments }
func (*named) commandType() commandType            { return typeNamed }
func (*tune) commandType() commandType             { return typeTune }
func (*patchDocuments) commandType() commandType   { return typePatchDocuments }
func (*deleteSelected) commandType() commandType   { return typeDeleteSelected }
func (*noteSelected) commandType() commandType     { return typeNoteSelected }
func (*pruneHistory) commandType() commandType     { return typePruneHistory }

// newCommand returns an empty payload of the type, nil for a type that this build does not
// know.
func newCommand(t commandType) command {
	switch t {
	case typeInitCluster:
		return new(initCluster)
	case typeCreateCollection:
		return new(createCollection)
	case typeDeleteCollection:
		return new(deleteCollection)
	case typeSubmit:
		return new(submit)
	case typeClaim:
		return new(claim)
	case typeStageSilver:
		return new(stageSilver)
	case typeStageChunks:
		return new(stageChunks)
	case typeComplete:
		return new(complete)
	case typeFail:
		return new(fail)
	case typeRetry:
		return new(retry)
	case typeDeleteDocuments:
		return new(deleteDocuments)
	case typePutPoints:
		return new(putPoints)
	case typeSealSegment:
		return new(sealSegment)
	case typeSealedSegment:
		return new(sealedSegment)
	case typeMergeSegments:
		return new(mergeSegments)
	case typeNamed:
		return new(named)
	case typeTune:
		return new(tune)
	case typePatchDocuments:
		return new(patchDocuments)
	case typeDeleteSelected:
		return new(deleteSelected)
	case typeNoteSelected:
		return new(noteSelected)
	case typePruneHistory:
		return new(pruneHistory)
	case typePutEvaluation:
		return new(putEvaluation)
	case typeDeleteEvaluation:
		return new(deleteEvaluation)
	case typePutFeedback:
		return new(putFeedback)
	}
	return nil
}

// actor is the principal behind a command: what it may touch is decided by Apply, against
// the state that the command meets.
type actor struct {
	ID     string   `cbor:"1,keyasint"`
	All    bool     `cbor:"2,keyasint,omitempty"`
	Labels []string `cbor:"3,keyasint,omitempty"`
}

func actorOf(p lode.Principal) actor {
	return actor{ID: p.ID, All: p.SeesAll(), Labels: p.Labels}
}

func (a actor) principal() lode.Principal {
	if a.All {
		return lode.AllSeeing(a.ID)
	}
	return lode.Principal{ID: a.ID, Labels: a.Labels}
}

// codec is how payloads are written and read: deterministic out, strict in.
type codec struct {
	enc cbor.UserBufferEncMode
	dec cbor.DecMode
}

func newCodec() (codec, error) {
	encoding := cbor.CoreDetEncOptions()
	encoding.Time = cbor.TimeRFC3339NanoUTC
	enc, err := encoding.UserBufferEncMode()
	if err != nil {
		return codec{}, fmt.Errorf("command encoding: %w", err)
	}
	decoding := cbor.DecOptions{
		DupMapKey:         cbor.DupMapKeyEnforcedAPF,
		IndefLength:       cbor.IndefLengthForbidden,
		TagsMd:            cbor.TagsForbidden,
		ExtraReturnErrors: cbor.ExtraDecErrorUnknownField,
		UTF8:              cbor.UTF8RejectInvalid,
	}
	dec, err := decoding.DecMode()
	if err != nil {
		return codec{}, fmt.Errorf("command decoding: %w", err)
	}
	return codec{enc: enc, dec: dec}, nil
}

// encode makes a log entry of the command, and decodes that again. What this build could not
// read back is refused: an entry that Apply cannot decode would stop every node.
func (c codec) encode(cmd command) (entry []byte, decoded command, err error) {
	b := encodeBuffers.Get().(*bytes.Buffer)
	defer func() {
		b.Reset()
		encodeBuffers.Put(b)
	}()
	head := binary.LittleEndian.AppendUint16(b.AvailableBuffer(), uint16(cmd.commandType()))
	b.Write(binary.LittleEndian.AppendUint16(head, cmd.commandType().version()))
	if err := c.enc.MarshalToBuffer(cmd, b); err != nil {
		return nil, nil, lode.Errorf(lode.CodeInternal, "encode command %d: %w", cmd.commandType(), err)
	}
	entry = seal.Seal(kindCommand, b.Bytes())
	if len(entry) > MaxCommandBytes {
		return nil, nil, lode.Errorf(lode.CodeTooLarge, "the write needs a log entry of %d bytes, the limit is %d", len(entry), MaxCommandBytes)
	}
	if decoded, err = c.decode(entry); err != nil {
		return nil, nil, lode.Errorf(lode.CodeInvalid, "the write cannot be represented in the log: %w", err)
	}
	return entry, decoded, nil
}

// encodeBuffers are for encode; commands are bounded, and so are they.
var encodeBuffers = sync.Pool{New: func() any { return new(bytes.Buffer) }}

// decode reads a log entry.
func (c codec) decode(b []byte) (command, error) {
	payload, err := seal.Open(kindCommand, b)
	if err != nil {
		return nil, fmt.Errorf("open command: %w", err)
	}
	if len(payload) < 4 {
		return nil, fmt.Errorf("command has %d bytes, its header alone needs 4", len(payload))
	}
	return c.decodePayload(commandType(binary.LittleEndian.Uint16(payload)), binary.LittleEndian.Uint16(payload[2:]), payload[4:])
}

func (c codec) decodePayload(t commandType, version uint16, payload []byte) (command, error) {
	cmd := newCommand(t)
	if cmd == nil {
		return nil, fmt.Errorf("command type %d is unknown to this build: start a newer one", t)
	}
	if version < 1 || version > t.version() {
		return nil, fmt.Errorf("command type %d has version %d, this build reads 1 to %d: start a newer one", t, version, t.version())
	}
	if err := c.dec.Unmarshal(payload, cmd); err != nil {
		return nil, fmt.Errorf("decode command type %d: %w", t, err)
	}
	if err := c.decodeItems(cmd); err != nil {
		return nil, err
	}
	return cmd, nil
}

// decodeItems decodes the items of a batch, so that a command is known to be readable as a
// whole before its first item is applied.
func (c codec) decodeItems(cmd command) (err error) {
	switch cmd := cmd.(type) {
	case *stageChunks:
		cmd.decoded, err = decodeAll[lode.StagedChunk](c, cmd.Chunks)
	case *putPoints:
		cmd.decoded, err = decodeAll[point](c, cmd.Points)
	case *deleteDocuments:
		if n := len(cmd.IfVersions); n != 0 && n != len(cmd.IDs) {
			err = fmt.Errorf("%d conditions for %d ids", n, len(cmd.IDs))
		}
	case *patchDocuments:
		err = cmd.Selection.decode()
	case *deleteSelected:
		err = cmd.Selection.decode()
	case *noteSelected:
		err = checkRefusals(cmd.Refused, cmd.Items)
	case *named:
		cmd.inner, err = c.decodeInner(cmd)
	}
	return err
}

func decodeAll[T any](c codec, raw []cbor.RawMessage) ([]T, error) {
	items := make([]T, len(raw))
	for i := range raw {
		if err := c.dec.Unmarshal(raw[i], &items[i]); err != nil {
			return nil, fmt.Errorf("decode item %d: %w", i, err)
		}
	}
	return items, nil
}

// groupItems bounds the items of one command, and so the outcome that is kept of it.
const groupItems = 2048

// group splits encoded items into runs that fit one command each. The same items are always
// split in the same way: a repeated write finds its parts by number.
func group(items []cbor.RawMessage) [][]cbor.RawMessage {
	var groups [][]cbor.RawMessage
	size := 0
	for _, item := range items {
		if len(groups) == 0 || size+len(item) > MaxCommandBytes-headRoom || len(groups[len(groups)-1]) == groupItems {
			groups, size = append(groups, nil), 0
		}
		last := len(groups) - 1
		groups[last] = append(groups[last], item)
		size += len(item)
	}
	return groups
}

// normalReaders brings reader labels, a set, into one order without repeats.
func normalReaders(readers []string) []string {
	if len(readers) == 0 {
		return nil
	}
	sorted := slices.Clone(readers)
	slices.Sort(sorted)
	return slices.Compact(sorted)
}
