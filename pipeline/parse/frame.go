package parse

import (
	"bytes"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"io"

	"github.com/fxamacker/cbor/v2"

	"github.com/lodedb/lode"
)

// The frame that parent and worker speak. DESIGN.md holds the byte table.
const (
	frameMagic    = "LPW1"
	frameHeadSize = 16

	frameRequest = 1 // parent to worker: head, then content
	frameResult  = 2 // worker to parent: silver text
	frameFailure = 3 // worker to parent: a coded error
)

// maxHeadBytes bounds a request head and a failure.
const maxHeadBytes = 64 << 10

// maxResultBytes bounds a result frame: the text once and its ways back several times over.
const maxResultBytes = 256 << 20

// maxResultItems bounds each array of a result before memory is set aside for it.
const maxResultItems = 2_000_000

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

var errFrame = errors.New("damaged frame")

// request is the head of a request frame.
type request struct {
	MediaType string `cbor:"1,keyasint"`
	Name      string `cbor:"2,keyasint,omitempty"`
	Limits    Limits `cbor:"3,keyasint"`
}

// failure is a coded error on its way out of the worker.
type failure struct {
	Code    lode.Code `cbor:"1,keyasint"`
	Field   string    `cbor:"2,keyasint,omitempty"`
	Value   string    `cbor:"3,keyasint,omitempty"`
	Message string    `cbor:"4,keyasint"`
	Hint    string    `cbor:"5,keyasint,omitempty"`
	Final   bool      `cbor:"6,keyasint,omitempty"` // the worker ends after this answer
}

// reply is what a worker answers: silver text or an error.
type reply struct {
	silver *lode.SilverText
	err    *lode.Error
	final  bool
}

// writeFrame sends one frame whose payload is the parts in a row.
func writeFrame(w io.Writer, kind byte, parts ...[]byte) error {
	size := 0
	for _, part := range parts {
		size += len(part)
	}
	head := make([]byte, 0, frameHeadSize)
	head = append(head, frameMagic...)
	head = append(head, kind, 0, 0, 0)
	head = binary.LittleEndian.AppendUint32(head, uint32(size))
	sum := crc32.Update(0, castagnoli, head)
	for _, part := range parts {
		sum = crc32.Update(sum, castagnoli, part)
	}
	head = binary.LittleEndian.AppendUint32(head, sum)
	if _, err := w.Write(head); err != nil {
		return err
	}
	for _, part := range parts {
		if _, err := w.Write(part); err != nil {
			return err
		}
	}
	return nil
}

// readFrame receives one frame whose payload is at most limit bytes. Memory grows with the
// bytes that arrive, not with the length that the frame claims. The error is io.EOF where
// the stream ends between frames.
func readFrame(r io.Reader, limit int64) (kind byte, payload []byte, err error) {
	var head [frameHeadSize]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return 0, nil, err
	}
	size := int64(binary.LittleEndian.Uint32(head[8:]))
	if string(head[:4]) != frameMagic || head[5]|head[6]|head[7] != 0 || size > limit {
		return 0, nil, errFrame
	}
	var body bytes.Buffer
	body.Grow(int(min(size, 1<<20)) + bytes.MinRead)
	if n, err := io.Copy(&body, io.LimitReader(r, size)); err != nil {
		return 0, nil, err
	} else if n < size {
		return 0, nil, io.ErrUnexpectedEOF
	}
	sum := crc32.Update(crc32.Checksum(head[:12], castagnoli), castagnoli, body.Bytes())
	if sum != binary.LittleEndian.Uint32(head[12:]) {
		return 0, nil, errFrame
	}
	return head[4], body.Bytes(), nil
}

func writeRequest(w io.Writer, in Input) error {
	head, err := cbor.Marshal(request{MediaType: in.MediaType, Name: lode.CutValue(in.Name), Limits: in.Limits})
	if err != nil {
		return err
	}
	size := binary.LittleEndian.AppendUint32(nil, uint32(len(head)))
	return writeFrame(w, frameRequest, size, head, in.Content)
}

func decodeRequest(payload []byte) (Input, error) {
	if len(payload) < 4 {
		return Input{}, errFrame
	}
	size := binary.LittleEndian.Uint32(payload)
	payload = payload[4:]
	if size > maxHeadBytes || int(size) > len(payload) {
		return Input{}, errFrame
	}
	var head request
	if err := unmarshal(payload[:size], &head); err != nil {
		return Input{}, err
	}
	return Input{Content: payload[size:], MediaType: head.MediaType, Name: head.Name, Limits: head.Limits}, nil
}

func writeResult(w io.Writer, silver *lode.SilverText) error {
	payload, err := cbor.Marshal(silver)
	if err != nil {
		return err
	}
	if len(payload) > maxResultBytes {
		return writeFailure(w, TooLarge("result_bytes", maxResultBytes), false)
	}
	return writeFrame(w, frameResult, payload)
}

func writeFailure(w io.Writer, cause error, final bool) error {
	out := failure{Code: lode.CodeOf(cause), Message: "parser failed"}
	var coded *lode.Error
	if errors.As(cause, &coded) {
		out = failure{Code: coded.Code, Field: coded.Field, Value: coded.Value, Message: coded.Message, Hint: coded.Hint}
	}
	out.Final = final
	out.cut()
	payload, err := cbor.Marshal(out)
	if err != nil {
		return err
	}
	return writeFrame(w, frameFailure, payload)
}

func (f *failure) cut() {
	for _, s := range []*string{&f.Field, &f.Value, &f.Message, &f.Hint} {
		*s = lode.CutValue(*s)
	}
}

// coded returns the failure as an error. A worker has no business with codes other than
// those of parsing.
func (f *failure) coded() *lode.Error {
	f.cut()
	switch f.Code {
	case lode.CodeMalformed, lode.CodeTooLarge, lode.CodeUnsupportedMedia, lode.CodeInvalid, lode.CodeTimeout, lode.CodeNoText:
	default:
		f.Code = lode.CodeInternal
	}
	return &lode.Error{Code: f.Code, Field: f.Field, Value: f.Value, Message: f.Message, Hint: f.Hint}
}

// readReply receives a result or a failure.
func readReply(r io.Reader) (reply, error) {
	kind, payload, err := readFrame(r, maxResultBytes)
	if err != nil {
		return reply{}, err
	}
	switch kind {
	case frameResult:
		silver := new(lode.SilverText)
		if err := unmarshal(payload, silver); err != nil {
			return reply{}, err
		}
		return reply{silver: silver}, nil
	case frameFailure:
		var f failure
		if err := unmarshal(payload, &f); err != nil {
			return reply{}, err
		}
		return reply{err: f.coded(), final: f.Final}, nil
	}
	return reply{}, errFrame
}

// unmarshal decodes with bounds on what a hostile payload may make us set aside.
func unmarshal(payload []byte, v any) error {
	mode, err := cbor.DecOptions{
		MaxArrayElements: maxResultItems + 1,
		MaxMapPairs:      64,
		MaxNestedLevels:  8,
		DupMapKey:        cbor.DupMapKeyEnforcedAPF,
		IndefLength:      cbor.IndefLengthForbidden,
		TagsMd:           cbor.TagsForbidden,
	}.DecMode()
	if err != nil {
		return err
	}
	if err := mode.Unmarshal(payload, v); err != nil {
		return errFrame
	}
	return nil
}
