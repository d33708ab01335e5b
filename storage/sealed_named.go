package storage

import (
	"context"
	"fmt"
	"slices"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/internal/seal"
)

// sealedRow is everything of a row but its own vector. Without vectors in named spaces it is
// written as the chunk alone.
type sealedRow struct {
	lode.Chunk                   // 1 to 6, and from 9 on
	Vectors    map[string][]byte `cbor:"7,keyasint,omitempty"`
	Sparse     map[string][]byte `cbor:"8,keyasint,omitempty"`
}

func makeSealedRow(s *lode.StagedChunk) ([]byte, error) {
	return encMode.Marshal(&sealedRow{Chunk: s.Chunk, Vectors: s.Vectors, Sparse: s.Sparse})
}

func parseSealedRow(b []byte) (*lode.StagedChunk, error) {
	s := new(lode.StagedChunk)
	if plainRecord(b, &s.Chunk) {
		return s, nil // as most rows: it has no vectors in named spaces
	}
	var r sealedRow
	err := decodePayload(b, &r)
	return &lode.StagedChunk{Chunk: r.Chunk, Vectors: r.Vectors, Sparse: r.Sparse}, err
}

// Named calls fn, in order of rows, with the rows that have vectors in named spaces: Chunk, Vectors
// and Sparse of them. It reads all blocks of rows in the mapping, each compared with its checksum;
// damage is [lode.CodeCorrupt].
func (r *SealedRows) Named(ctx context.Context, fn func(row int, s *lode.StagedChunk) error) error {
	for i := range r.dir.blocks() {
		if err := ctx.Err(); err != nil {
			return err
		}
		rows, first, err := r.readRows(i)
		if err != nil {
			r.health.note(err)
			return fmt.Errorf("%s: block %d of rows: %w", r.name, i, err)
		}
		for at, b := range rows {
			s, err := parseSealedRow(b)
			if err != nil {
				return fmt.Errorf("%s: row %d: %w", r.name, int(first)+at, err)
			}
			if len(s.Vectors)+len(s.Sparse) == 0 {
				continue
			}
			if err := fn(int(first)+at, s); err != nil {
				return err
			}
		}
	}
	return nil
}

// readRows reads a block of rows out of the mapping.
func (r *SealedRows) readRows(block int) (rows [][]byte, first uint32, err error) {
	offset, length, first := r.dir.block(block)
	var sealed []byte
	if fault := faultless(func() { sealed = slices.Clone(r.mapping.Bytes()[offset:][:length]) }); fault != nil {
		return nil, 0, fault
	}
	payload, err := seal.Open(kindRowBlock, sealed)
	if err != nil {
		return nil, 0, err
	}
	rows, err = splitRows(payload)
	return rows, first, err
}
