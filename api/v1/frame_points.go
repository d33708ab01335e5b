package v1

import (
	"encoding/binary"
	"math"
	"slices"
	"time"

	"github.com/lodedb/lode"
)

// MaxPoints is the number of raw vectors in one write.
const MaxPoints = 10_000

// PointsFrame is a write of raw vectors: "LVPT". The numbers of the head are the bytes of
// ids, texts and metadata, and a zero. Readers and conditions on versions are for JSON.
type PointsFrame struct {
	Points []FramePoint // 1 to MaxPoints of one dimension
}

// FramePoint is a raw vector of a [PointsFrame].
type FramePoint struct {
	ID       lode.DocID
	Vector   lode.Vector
	Text     string
	Metadata []byte // JSON; empty: none
	// ExpiresAt is when the point ends, in whole microseconds; nil: never.
	ExpiresAt *time.Time
}

// never is what a point without expiry has in the column of expiries: microseconds since 1970.
const never = math.MinInt64

func (p *FramePoint) checkExpiry() error {
	if t := p.ExpiresAt; t != nil && (t.UnixMicro() == never || !time.UnixMicro(t.UnixMicro()).Equal(*t)) {
		return lode.Invalid("expires_at", t, "a frame has times of whole microseconds")
	}
	return nil
}

// pointBytes is the fixed part of a point: the lengths of what it has in the columns. With
// expiries it has expiryBytes more.
const (
	pointBytes  = 12
	expiryBytes = 8
)

// Append appends the frame, with columns for what any of the points has.
func (p *PointsFrame) Append(b []byte) ([]byte, error) {
	dim, err := sameDim(func(yield func(lode.Vector) bool) {
		for i := range p.Points {
			if !yield(p.Points[i].Vector) {
				return
			}
		}
	})
	if err != nil {
		return nil, err
	}
	h := head{dim: uint32(dim), count: uint32(len(p.Points))}
	var ids, texts, metadata int
	for i := range p.Points {
		point := &p.Points[i]
		ids, texts, metadata = ids+len(point.ID), texts+len(point.Text), metadata+len(point.Metadata)
		if err := point.checkExpiry(); err != nil {
			return nil, err
		}
		if point.ExpiresAt != nil {
			h.parts |= FrameExpiry
		}
	}
	if largest := max(ids, texts, metadata); int64(largest) > math.MaxUint32 {
		return nil, lode.FieldError(lode.CodeTooLarge, "points", largest, "the points do not fit a frame")
	}
	if texts > 0 {
		h.parts |= FrameTexts
	}
	if metadata > 0 {
		h.parts |= FrameMetadata
	}
	h.numbers = [4]uint32{uint32(ids), uint32(texts), uint32(metadata)}
	b = slices.Grow(b, frameHead+len(p.Points)*(pointBytes+expiryBytes+4*dim)+ids+texts+metadata)
	return p.appendColumns(h.append(b, magicPoints), h.parts), nil
}

func (p *PointsFrame) appendColumns(b []byte, parts FrameParts) []byte {
	for i := range p.Points {
		point := &p.Points[i]
		b = binary.LittleEndian.AppendUint32(b, uint32(len(point.ID)))
		b = binary.LittleEndian.AppendUint32(b, uint32(len(point.Text)))
		b = binary.LittleEndian.AppendUint32(b, uint32(len(point.Metadata)))
	}
	for i := range p.Points {
		b = lode.AppendVector(b, p.Points[i].Vector)
	}
	if parts&FrameExpiry != 0 {
		b = p.appendExpiries(b)
	}
	for i := range p.Points {
		b = append(b, p.Points[i].ID...)
	}
	for i := range p.Points {
		b = append(b, p.Points[i].Text...)
	}
	for i := range p.Points {
		b = append(b, p.Points[i].Metadata...)
	}
	return b
}

func (p *PointsFrame) appendExpiries(b []byte) []byte {
	for i := range p.Points {
		at := int64(never)
		if t := p.Points[i].ExpiresAt; t != nil {
			at = t.UnixMicro()
		}
		b = binary.LittleEndian.AppendUint64(b, uint64(at))
	}
	return b
}

// ParsePointsFrame reads a write. Whether ids, texts, metadata and vectors can be stored is
// left to the caller, who reports each point on its own.
func ParsePointsFrame(b []byte) (*PointsFrame, error) {
	h, f, err := openFrame(b, magicPoints)
	if err != nil {
		return nil, err
	}
	if err := h.unused(3); err != nil {
		return nil, err
	}
	if err := h.checkDim(); err != nil {
		return nil, err
	}
	if err := h.checkCount(MaxPoints); err != nil {
		return nil, err
	}
	ids, texts, metadata := h.numbers[0], h.numbers[1], h.numbers[2]
	if h.parts&FrameVectors != 0 || h.parts&FrameTexts == 0 && texts > 0 || h.parts&FrameMetadata == 0 && metadata > 0 {
		return nil, lode.Invalid("flags", uint8(h.parts), "the flags do not say what the frame has")
	}
	fixed := pointBytes + 4*uint64(h.dim)
	if h.parts&FrameExpiry != 0 {
		fixed += expiryBytes
	}
	err = f.want(fixed*uint64(h.count), uint64(ids), uint64(texts), uint64(metadata))
	if err != nil {
		return nil, err
	}
	return readPoints(&h, f)
}

func readPoints(h *head, f *frame) (*PointsFrame, error) {
	each := make([]lengths, h.count)
	var ids, texts, metadata uint64
	for i := range each {
		each[i] = lengths{id: f.number(), text: f.number(), metadata: f.number()}
		ids, texts, metadata = ids+uint64(each[i].id), texts+uint64(each[i].text), metadata+uint64(each[i].metadata)
	}
	if err := checkColumn("ids", ids, h.numbers[0]); err != nil {
		return nil, err
	}
	if err := checkColumn("texts", texts, h.numbers[1]); err != nil {
		return nil, err
	}
	if err := checkColumn("metadata", metadata, h.numbers[2]); err != nil {
		return nil, err
	}
	p := &PointsFrame{Points: make([]FramePoint, h.count)}
	for i, v := range f.vectors(len(each), int(h.dim)) {
		p.Points[i].Vector = v
	}
	for i := 0; i < len(each) && h.parts&FrameExpiry != 0; i++ {
		if micros := f.long(); micros != never {
			at := time.UnixMicro(micros).UTC()
			p.Points[i].ExpiresAt = &at
		}
	}
	for i := range each {
		p.Points[i].ID = lode.DocID(f.take(int(each[i].id)))
	}
	for i := range each {
		p.Points[i].Text = string(f.take(int(each[i].text)))
	}
	for i := range each {
		p.Points[i].Metadata = slices.Clone(f.take(int(each[i].metadata)))
	}
	return p, nil
}
