package backup

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/storage"
)

// segment is the file of a segment. A sealed one never changes and is one object under its
// hash; a growing one is cut as the catalogue is.
type segment struct {
	_          struct{} `cbor:",toarray"`
	Collection lode.CollectionID
	ID         lode.SegmentID
	State      storage.SegmentState
	Hash       lode.Hash // of the file
	Bytes      int64     // of the file
	Chunks     []lode.Hash
}

func (s *segment) sealed() bool { return s.State == storage.SegmentSealed }

// is reports whether the segment is the one that a catalogue names.
func (s *segment) is(ref storage.SegmentRef) bool {
	if s.Collection != ref.Collection || s.ID != ref.ID || s.State != ref.State {
		return false
	}
	return !s.sealed() || s.Hash == ref.Hash && s.Bytes == ref.FileBytes
}

func (s *segment) String() string { return fmt.Sprintf("segment %d-%d", s.Collection, s.ID) }

// pieces are a file that was cut into objects of one size; the last one may be shorter.
type pieces struct {
	hashes []lode.Hash
	bytes  int64 // of the file
	size   int64 // of a piece
}

// length returns the length of the i-th piece.
func (p pieces) length(i int) int64 { return min(p.size, p.bytes-int64(i)*p.size) }

func (p pieces) whole() bool { return p.bytes > 0 && (p.bytes+p.size-1)/p.size == int64(len(p.hashes)) }

// catalogue is the file of the catalogue.
func (m *manifest) catalogue() pieces { return pieces{m.Chunks, m.Bytes, int64(m.ChunkBytes)} }

// growing is the file of a segment that is not sealed.
func (m *manifest) growing(s *segment) pieces { return pieces{s.Chunks, s.Bytes, int64(m.ChunkBytes)} }

func (m *manifest) validateSegments(wrong func(string) error) error {
	for i := range m.Segments {
		s := &m.Segments[i]
		if i > 0 && compareSegments(&m.Segments[i-1], s) >= 0 {
			return wrong("order of the segments")
		}
		switch s.State {
		case storage.SegmentSealed:
			if s.Bytes <= 0 || len(s.Chunks) > 0 {
				return wrong(s.String() + " is sealed and in pieces, or empty")
			}
		case storage.SegmentGrowing, storage.SegmentSealing:
			if !m.growing(s).whole() {
				return wrong("number of the pieces of " + s.String())
			}
		default:
			return wrong("state of " + s.String())
		}
	}
	return nil
}

func compareSegments(a, b *segment) int {
	return cmp.Or(cmp.Compare(a.Collection, b.Collection), cmp.Compare(a.ID, b.ID))
}

// sameSegments reports whether the manifest lists exactly the segments that a catalogue
// refers to. Those in which nothing was ever put have no file.
func (m *manifest) sameSegments(refs []storage.SegmentRef) bool {
	listed := m.Segments
	for _, ref := range refs {
		if !hasFile(ref) {
			continue
		}
		if len(listed) == 0 || !listed[0].is(ref) {
			return false
		}
		listed = listed[1:]
	}
	return len(listed) == 0
}

func hasFile(ref storage.SegmentRef) bool { return ref.State == storage.SegmentSealed || ref.Bytes > 0 }

// segment returns the one that a catalogue names, nil when the manifest does not list it.
func (m *manifest) segment(ref storage.SegmentRef) *segment {
	i, found := slices.BinarySearchFunc(m.Segments, ref, func(s segment, ref storage.SegmentRef) int {
		return compareSegments(&s, &segment{Collection: ref.Collection, ID: ref.ID})
	})
	if !found || !m.Segments[i].is(ref) {
		return nil
	}
	return &m.Segments[i]
}
