package storage

import (
	"bytes"
	"fmt"

	"github.com/lodedb/lode"
)

func (s *shelfCheck) versions() {
	walk(s.checker, s.bucket(versionsBucket), func(k []byte, v *lode.DocVersion) {
		where := s.at("document %d, version %d", v.Doc, v.Version)
		if !v.Blob.IsZero() {
			s.refs[v.Blob]++
		}
		d := s.holder(where, v)
		switch {
		case !bytes.Equal(k, versionKey(v.Doc, v.Version)):
			s.breach(where, "stands under key %x", k)
			return
		case d == nil:
			s.breach(where, "belongs to no document")
			return
		case v.Version > d.Newest:
			s.breach(where, "is newer than version %d, the newest of its document", d.Newest)
		}
		s.hold(v)
		bronze, ok := s.bronze(where, v)
		switch v.State {
		case lode.StateReady:
			s.ready(where, d, v, bronze, ok)
		case lode.StatePending:
			s.pending(where, v)
		case lode.StateQuarantined:
			s.partless(where, v)
		default:
			s.breach(where, "is in no known state")
		}
	})
}

// hold counts a version for its segment.
func (s *shelfCheck) hold(v *lode.DocVersion) {
	if v.Segment == 0 {
		return
	}
	held := s.held[v.Segment]
	if held == nil {
		held = &Segment{}
		s.held[v.Segment] = held
	}
	if v.State == lode.StateReady {
		held.Members, held.Rows = held.Members+1, held.Rows+int64(v.Chunks)
	} else {
		held.Pending++
	}
}

// bronze returns the bytes as received; ok is false when there are none to be had.
func (s *shelfCheck) bronze(where string, v *lode.DocVersion) (content []byte, ok bool) {
	if v.Blob.IsZero() {
		return nil, false
	}
	content, ok = s.content(where, v.Blob)
	if ok && int64(len(content)) != v.Size {
		s.breach(where, "has %d bytes, its blob has %d", v.Size, len(content))
	}
	return content, ok
}

// content reads a blob that something refers to.
func (s *shelfCheck) content(where string, blob lode.Hash) (content []byte, ok bool) {
	content, err := s.blobs.Get(s.ctx, blob)
	if s.ctx.Err() != nil {
		return nil, false
	}
	if err != nil {
		s.unproven = append(s.unproven, unproven{blob: blob, breach: Breach{Where: where, What: err.Error()}})
		return nil, false
	}
	return content, true
}

// pending versions may have parts already; they must have the job that makes the rest.
func (s *shelfCheck) pending(where string, v *lode.DocVersion) {
	j := find[lode.Job](s.tx.top(jobsBucket), jobKey(lode.Job{Collection: s.col.ID, Doc: v.Doc, Version: v.Version}))
	if j == nil {
		s.breach(where, "is pending and has no job")
	}
}

// partless versions have been given up, and so have their parts.
func (s *shelfCheck) partless(where string, v *lode.DocVersion) {
	if v.Segment != 0 {
		s.breach(where, "is %s and has a place in segment %d", v.State, v.Segment)
	}
}

// ready versions must have everything, each layer as the one before it says.
func (s *shelfCheck) ready(where string, d *lode.Document, v *lode.DocVersion, bronze []byte, haveBronze bool) {
	if v.Chunks > 0 {
		s.rows = append(s.rows, rowRange{first: v.FirstRow, count: v.Chunks, where: where})
	}
	silver := s.silver(where, d, v)
	if silver != nil && haveBronze {
		if err := silver.Verify(bronze); err != nil {
			s.breach(where, "silver does not fit bronze: %v", err)
		}
	}
	chunks := s.chunks(where, v, silver)
	if chunks != nil && (d.Kind == lode.KindDocument || !v.Gold.IsZero()) && lode.GoldHash(chunks) != v.Gold {
		s.breach(where, "chunks do not have the hash of the gold layer")
	}
}

// silver returns the decoded silver of a version, nil when it has none or a bad one.
func (s *shelfCheck) silver(where string, d *lode.Document, v *lode.DocVersion) *lode.SilverText {
	raw, err := s.tx.SilverParts(s.col.ID, v)
	if lode.IsCode(err, lode.CodeNotFound) {
		if d.Kind == lode.KindDocument || !v.Silver.IsZero() {
			s.breach(where, "has no silver")
		}
		return nil
	}
	if err != nil {
		s.breach(where, "%v", err)
		return nil
	}
	silver, err := DecodeSilver(raw)
	if err != nil {
		s.breach(where, "%v", err)
		return nil
	}
	if silver.Hash() != v.Silver {
		s.breach(where, "text does not have the hash of the silver layer")
	}
	return silver
}

// chunks returns the rows of a version, nil when they are not complete.
func (s *shelfCheck) chunks(where string, v *lode.DocVersion, silver *lode.SilverText) []lode.Chunk {
	chunks := make([]lode.Chunk, 0, max(0, min(v.Chunks, 1<<16)))
	err := s.tx.Chunks(s.col.ID, v, func(r *lode.StagedChunk) error {
		where := fmt.Sprintf("%s, row %d", where, len(chunks))
		if want := (lode.ChunkID{Doc: v.Doc, Version: v.Version, Ordinal: uint32(len(chunks))}); r.Chunk.ID != want {
			return lode.Errorf(lode.CodeCorrupt, "row %d is missing, found %s", len(chunks), r.Chunk.ID)
		}
		if len(r.Vector) != 4*s.col.Dim {
			s.breach(where, "vector has %d bytes, the collection has %d dimensions", len(r.Vector), s.col.Dim)
		}
		if named, err := r.Named(); err != nil {
			s.breach(where, "%v", err)
		} else if err := named.ValidateFor(s.col); err != nil {
			s.breach(where, "a vector does not fit the collection: %v", err)
		}
		if silver != nil && !r.Chunk.Quotes(silver.Text) {
			s.breach(where, "text is not the silver text at %v", r.Chunk.Span)
		}
		chunks = append(chunks, r.Chunk)
		return s.ctx.Err()
	})
	if err != nil {
		s.breach(where, "%v", err)
		return nil
	}
	if len(chunks) != v.Chunks {
		s.breach(where, "has %d rows, not %d", len(chunks), v.Chunks)
		return nil
	}
	return chunks
}

// jobs checks that each job has a pending version of its epoch.
func (c *checker) jobs() {
	walk(c, c.tx.top(jobsBucket), func(k []byte, j *lode.Job) {
		where := fmt.Sprintf("job of collection %d, document %d, version %d", j.Collection, j.Doc, j.Version)
		if !bytes.Equal(k, jobKey(*j)) {
			c.breach(where, "stands under key %x", k)
			return
		}
		v, err := c.tx.Version(j.Collection, j.Doc, j.Version)
		switch {
		case lode.IsCode(err, lode.CodeNotFound):
			c.breach(where, "has no version")
		case err != nil: // reported with the records
		case v.State != lode.StatePending || v.Epoch != j.Epoch:
			c.breach(where, "has epoch %d, its version is %s in epoch %d", j.Epoch, v.State, v.Epoch)
		}
	})
}

// references checks the counted references against the stored ones.
func (c *checker) references() {
	walk(c, c.tx.top(blobsBucket), func(k []byte, r *blobRecord) {
		h := lode.Hash(k)
		if r.Refs != c.refs[h] {
			c.breach("blob "+h.String(), "has %d references, %d versions and evaluations refer to it", r.Refs, c.refs[h])
		}
	})
	for h, n := range c.refs {
		if c.tx.top(blobsBucket).get(h[:]) == nil {
			c.breach("blob "+h.String(), "has no reference, %d versions and evaluations refer to it", n)
		}
	}
}
