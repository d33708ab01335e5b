package v1

import (
	"encoding/binary"
	"math"
	"slices"

	"github.com/lodedb/lode"
)

// HitsFrame answers a search for vectors: "LVSA". The head has the number of searches and of
// dimensions (0 without vectors); its numbers are the hits of all searches together and the
// bytes of ids, texts and metadata.
type HitsFrame struct {
	Parts   FrameParts
	Results [][]FrameHit // of each search, best first
}

// FrameHit is one hit of a [HitsFrame].
type FrameHit struct {
	Chunk    lode.ChunkID
	Score    float32
	Kind     lode.Kind
	ID       lode.DocID
	Text     string
	Metadata []byte // JSON; empty: none
	Vector   lode.Vector
}

// hitBytes is the fixed part of a hit.
const hitBytes = 32

// Append appends the frame. Columns that Parts does not name are left out.
func (r *HitsFrame) Append(b []byte) ([]byte, error) {
	h := head{parts: r.Parts, count: uint32(len(r.Results))}
	hits := 0
	var ids, texts, metadata int
	for _, result := range r.Results {
		hits += len(result)
		for i := range result {
			ids += len(result[i].ID)
			texts += len(r.text(&result[i]))
			metadata += len(r.metadata(&result[i]))
		}
	}
	if r.Parts&FrameVectors != 0 && hits > 0 {
		dim, err := sameDim(r.vectors)
		if err != nil {
			return nil, err
		}
		h.dim = uint32(dim)
	}
	if largest := max(hits, ids, texts, metadata); int64(largest) > math.MaxUint32 {
		return nil, lode.FieldError(lode.CodeTooLarge, "response", largest, "the answer does not fit a frame")
	}
	h.numbers = [4]uint32{uint32(hits), uint32(ids), uint32(texts), uint32(metadata)}
	b = slices.Grow(b, frameHead+4*len(r.Results)+hits*(hitBytes+4*int(h.dim))+ids+texts+metadata)
	return r.appendColumns(h.append(b, magicHits)), nil
}

func (r *HitsFrame) text(h *FrameHit) string {
	if r.Parts&FrameTexts == 0 {
		return ""
	}
	return h.Text
}

func (r *HitsFrame) metadata(h *FrameHit) []byte {
	if r.Parts&FrameMetadata == 0 {
		return nil
	}
	return h.Metadata
}

func (r *HitsFrame) each(yield func(*FrameHit) bool) {
	for _, result := range r.Results {
		for i := range result {
			if !yield(&result[i]) {
				return
			}
		}
	}
}

func (r *HitsFrame) vectors(yield func(lode.Vector) bool) {
	r.each(func(h *FrameHit) bool { return yield(h.Vector) })
}

func (r *HitsFrame) appendColumns(b []byte) []byte {
	for _, result := range r.Results {
		b = binary.LittleEndian.AppendUint32(b, uint32(len(result)))
	}
	for h := range r.each {
		b = binary.LittleEndian.AppendUint64(b, uint64(h.Chunk.Doc))
		b = binary.LittleEndian.AppendUint32(b, uint32(h.Chunk.Version))
		b = binary.LittleEndian.AppendUint32(b, h.Chunk.Ordinal)
		b = binary.LittleEndian.AppendUint32(b, math.Float32bits(h.Score))
		b = binary.LittleEndian.AppendUint16(b, uint16(len(h.ID)))
		b = append(b, byte(h.Kind), 0)
		b = binary.LittleEndian.AppendUint32(b, uint32(len(r.text(h))))
		b = binary.LittleEndian.AppendUint32(b, uint32(len(r.metadata(h))))
	}
	if r.Parts&FrameVectors != 0 {
		for h := range r.each {
			b = lode.AppendVector(b, h.Vector)
		}
	}
	for h := range r.each {
		b = append(b, h.ID...)
	}
	for h := range r.each {
		b = append(b, r.text(h)...)
	}
	for h := range r.each {
		b = append(b, r.metadata(h)...)
	}
	return b
}

// ParseHitsFrame reads an answer.
func ParseHitsFrame(b []byte) (*HitsFrame, error) {
	h, f, err := openFrame(b, magicHits)
	if err != nil {
		return nil, err
	}
	if err := h.checkCount(lode.MaxSearches); err != nil {
		return nil, err
	}
	hits, ids, texts, metadata := h.numbers[0], h.numbers[1], h.numbers[2], h.numbers[3]
	switch {
	case h.parts&FrameVectors == 0 && h.dim != 0 || h.dim > lode.MaxDim || h.parts&FrameVectors != 0 && hits > 0 && h.dim == 0:
		return nil, lode.Invalid("dim", h.dim, "dim must be 1 to %d in a frame with vectors, 0 in others", lode.MaxDim)
	case hits > lode.MaxSearches*lode.MaxK:
		return nil, lode.Invalid("hits", hits, "the frame has %d hits, the limit is %d", hits, lode.MaxSearches*lode.MaxK)
	}
	err = f.want(4*uint64(h.count), (hitBytes+4*uint64(h.dim))*uint64(hits), uint64(ids), uint64(texts), uint64(metadata))
	if err != nil {
		return nil, err
	}
	return readHits(&h, f)
}

func readHits(h *head, f *frame) (*HitsFrame, error) {
	counts := f.take(4 * int(h.count))
	all, lengths, err := readFixed(h, f)
	if err != nil {
		return nil, err
	}
	if h.parts&FrameVectors != 0 {
		for i, v := range f.vectors(len(all), int(h.dim)) {
			all[i].Vector = v
		}
	}
	ids, texts, metadata := string(f.take(int(h.numbers[1]))), string(f.take(int(h.numbers[2]))), slices.Clone(f.rest)
	for i := range all {
		n := lengths[i]
		all[i].ID, ids = lode.DocID(ids[:n.id]), ids[n.id:]
		all[i].Text, texts = texts[:n.text], texts[n.text:]
		all[i].Metadata, metadata = metadata[:n.metadata:n.metadata], metadata[n.metadata:]
	}
	r := &HitsFrame{Parts: h.parts, Results: make([][]FrameHit, h.count)}
	for i := range r.Results {
		n := binary.LittleEndian.Uint32(counts[4*i:])
		if uint64(n) > uint64(len(all)) {
			return nil, lode.FieldError(lode.CodeMalformed, "hits", n, "search %d has more hits than the frame", i)
		}
		r.Results[i], all = all[:n:n], all[n:]
	}
	if len(all) > 0 {
		return nil, lode.FieldError(lode.CodeMalformed, "hits", len(all), "hits that belong to no search")
	}
	return r, nil
}

// lengths are those of what a row has in the columns of bytes.
type lengths struct{ id, text, metadata uint32 }

// readFixed reads the fixed parts of all hits and checks the lengths that they say.
func readFixed(h *head, f *frame) ([]FrameHit, []lengths, error) {
	hits := make([]FrameHit, h.numbers[0])
	each := make([]lengths, len(hits))
	var ids, texts, metadata uint64
	for i := range hits {
		b := f.take(hitBytes)
		hits[i] = FrameHit{
			Chunk: lode.ChunkID{
				Doc: lode.DocNo(binary.LittleEndian.Uint64(b)), Version: lode.Version(binary.LittleEndian.Uint32(b[8:])), Ordinal: binary.LittleEndian.Uint32(b[12:]),
			},
			Score: math.Float32frombits(binary.LittleEndian.Uint32(b[16:])), Kind: lode.Kind(b[22]),
		}
		n := lengths{uint32(binary.LittleEndian.Uint16(b[20:])), binary.LittleEndian.Uint32(b[24:]), binary.LittleEndian.Uint32(b[28:])}
		if kind := hits[i].Kind; kind != lode.KindDocument && kind != lode.KindVector || b[23] != 0 {
			return nil, nil, lode.FieldError(lode.CodeMalformed, "kind", b[22], "hit %d is of no known kind", i)
		}
		each[i] = n
		ids, texts, metadata = ids+uint64(n.id), texts+uint64(n.text), metadata+uint64(n.metadata)
	}
	if err := checkColumn("ids", ids, h.numbers[1]); err != nil {
		return nil, nil, err
	}
	if err := checkColumn("texts", texts, h.numbers[2]); err != nil {
		return nil, nil, err
	}
	return hits, each, checkColumn("metadata", metadata, h.numbers[3])
}
