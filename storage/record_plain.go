package storage

import (
	"math"
	"time"

	"github.com/lodedb/lode"
)

// A search reads a version and a chunk for each row that it returns, and every transaction
// where it stands. The general decoder finds fields by reflection, and fills hashes byte by
// byte: it took more of the time than all the rest of such a read. So these records have a
// reader of their own. It knows the form that encodeRecord gives them and nothing else: on
// anything that it does not expect, a new field, another form of a number, damage, it gives up
// and the general decoder decides. So what it accepts, that one accepts with the same result.

// plainRecord reads the records that are read most; done is false for others, and for those
// that the general decoder must look at: v is as it was then.
func plainRecord(payload []byte, v any) (done bool) {
	r := plainReader{b: payload}
	switch v := v.(type) {
	case *lode.Chunk:
		plainChunk(&r, v)
		return r.done() || undo(v)
	case *sealedRow:
		plainSealedRow(&r, v)
		return r.done() || undo(v)
	case *lode.DocVersion:
		plainVersion(&r, v)
		return r.done() || undo(v)
	case *Segment:
		plainSegment(&r, v)
		return r.done() || undo(v)
	case *appliedRecord:
		plainApplied(&r, v)
		return r.done() || undo(v)
	}
	return false
}

// undo makes what was read in part new again.
func undo[T any](v *T) bool {
	*v = *new(T)
	return false
}

func plainChunk(r *plainReader, c *lode.Chunk) {
	for f := r.fields(); r.next(&f); {
		plainChunkField(r, f.key, c)
	}
}

func plainChunkField(r *plainReader, key uint64, c *lode.Chunk) {
	switch key {
	case 1:
		plainChunkID(r, &c.ID)
	case 2:
		c.Text = r.text()
	case 3:
		plainSpan(r, &c.Span)
	case 4:
		n := r.items()
		for c.Path = make([]string, 0, n.room()); r.more(&n); {
			c.Path = append(c.Path, r.text())
		}
	case 5:
		c.Page = r.int()
	case 6:
		c.Tokens = r.int()
	case 10:
		c.Header = new(lode.ChunkHeader)
		plainHeader(r, c.Header)
	case 9:
		n := r.items()
		for c.Flags = make([]lode.TextFlag, 0, n.room()); r.more(&n); {
			c.Flags = append(c.Flags, lode.TextFlag{})
			plainFlag(r, &c.Flags[len(c.Flags)-1])
		}
	default:
		r.failed = true
	}
}

func plainHeader(r *plainReader, h *lode.ChunkHeader) {
	for f := r.fields(); r.next(&f); {
		switch f.key {
		case 1:
			plainSpan(r, &h.Span)
		case 2:
			h.Text = r.text()
		default:
			r.failed = true
		}
	}
}

func plainFlag(r *plainReader, flag *lode.TextFlag) {
	for f := r.fields(); r.next(&f); {
		switch f.key {
		case 1:
			flag.Kind = lode.FlagKind(r.word(string(lode.FlagHidden), string(lode.FlagInstruction)))
		case 2:
			plainSpan(r, &flag.Span)
		case 3:
			flag.Rule = r.text()
		default:
			r.failed = true
		}
	}
}

// plainSealedRow reads a chunk with its vectors in named spaces.
func plainSealedRow(r *plainReader, s *sealedRow) {
	for f := r.fields(); r.next(&f); {
		switch f.key {
		case 7:
			s.Vectors = r.named()
		case 8:
			s.Sparse = r.named()
		default:
			plainChunkField(r, f.key, &s.Chunk)
		}
	}
}

func plainChunkID(r *plainReader, id *lode.ChunkID) {
	for f := r.fields(); r.next(&f); {
		switch f.key {
		case 1:
			id.Doc = lode.DocNo(r.uint())
		case 2:
			id.Version = lode.Version(r.uint32())
		case 3:
			id.Ordinal = r.uint32()
		default:
			r.failed = true
		}
	}
}

func plainSpan(r *plainReader, s *lode.Span) {
	for f := r.fields(); r.next(&f); {
		switch f.key {
		case 1:
			s.Start = r.int()
		case 2:
			s.End = r.int()
		default:
			r.failed = true
		}
	}
}

// plainVersion leaves those that have failed or wait to the general decoder.
func plainVersion(r *plainReader, v *lode.DocVersion) {
	for f := r.fields(); r.next(&f); {
		switch f.key {
		case 1:
			v.Doc = lode.DocNo(r.uint())
		case 2:
			v.Version = lode.Version(r.uint32())
		case 3:
			v.State = lode.DocState(r.word(string(lode.StateReady)))
		case 4:
			v.Blob = r.hash()
		case 5:
			v.Size = int64(r.int())
		case 6:
			v.URI = r.text()
		case 7:
			v.MediaType = r.text()
		case 8:
			v.ReceivedAt = r.time()
		case 9:
			v.Epoch = r.uint32()
		case 10:
			v.Title = r.text()
		default:
			plainReady(r, f.key, v)
		}
	}
}

// plainReady reads a field that is set when a version becomes ready.
func plainReady(r *plainReader, key uint64, v *lode.DocVersion) {
	switch key {
	case 11:
		v.Silver = r.hash()
	case 12:
		v.Gold = r.hash()
	case 13:
		v.Chunks = r.int()
	case 14:
		v.FirstRow = lode.RowID(r.uint())
	case 15:
		n := r.items()
		for v.Runs = make([]lode.Run, 0, n.room()); r.more(&n); {
			v.Runs = append(v.Runs, lode.Run{})
			plainRun(r, &v.Runs[len(v.Runs)-1])
		}
	case 17:
		v.UpdatedAt = r.time()
	case 20:
		v.Segment = lode.SegmentID(r.uint())
	case 21:
		at := r.time()
		v.ExpiresAt, r.failed = &at, r.failed || at.IsZero()
	case 23:
		v.Language = r.text()
	default:
		r.failed = true
	}
}

func plainRun(r *plainReader, run *lode.Run) {
	for f := r.fields(); r.next(&f); {
		switch f.key {
		case 1:
			run.Stage = lode.Stage(r.word(string(lode.StageReceive), string(lode.StageParse), string(lode.StageChunk), string(lode.StageEmbed), string(lode.StageCommit)))
		case 2:
			run.Start = r.time()
		case 3:
			run.Duration = time.Duration(r.int())
		case 4:
			run.Inputs = r.hashes()
		case 5:
			run.Outputs = r.hashes()
		case 6:
			run.Config = r.text()
		case 7:
			run.Counts = r.counts()
		default:
			r.failed = true
		}
	}
}

func plainSegment(r *plainReader, s *Segment) {
	for f := r.fields(); r.next(&f); {
		switch f.key {
		case 1:
			s.ID = lode.SegmentID(r.uint())
		case 2:
			s.State = SegmentState(r.upTo(math.MaxUint8))
		case 3:
			s.Pending = r.int()
		case 4:
			s.Members = r.int()
		case 5:
			s.Bytes = int64(r.int())
		case 6:
			s.ClosedAt = r.uint()
		case 7:
			s.Hash = r.hash()
		case 8:
			s.FileBytes = int64(r.int())
		case 9:
			s.PutAt = r.uint()
		default:
			plainMerged(r, f.key, s)
		}
	}
}

// plainMerged reads a field that has to do with merges.
func plainMerged(r *plainReader, key uint64, s *Segment) {
	switch key {
	case 10:
		n := r.items()
		for s.Inputs = make([]lode.SegmentID, 0, n.room()); r.more(&n); {
			s.Inputs = append(s.Inputs, lode.SegmentID(r.uint()))
		}
	case 11:
		s.Into = lode.SegmentID(r.uint())
	case 12:
		s.Rows = int64(r.int())
	case 13:
		s.FileRows = int64(r.int())
	default:
		r.failed = true
	}
}

func plainApplied(r *plainReader, a *appliedRecord) {
	for f := r.fields(); r.next(&f); {
		switch f.key {
		case 1:
			a.Index = r.uint()
		case 2:
			a.Term = r.uint()
		default:
			r.failed = true
		}
	}
}
