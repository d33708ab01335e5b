package api

import (
	"net/http"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/api/v1"
)

// SegmentInfo describes a segment of a collection on this node.
type SegmentInfo struct {
	ID        lode.SegmentID
	State     string // growing, sealing or sealed
	Versions  int    // of documents and raw vectors that lie in it and count
	Pending   int    // are being staged in it
	Bytes     int64  // staged
	FileBytes int64  // of the sealed file, 0 before
	Hash      lode.Hash
	Rows      int   // that searches see
	Graph     int64 // bytes of the graph of this node; 0: its rows are compared one by one
	Words     int64 // bytes of the file of words of this node; 0: they are in memory
}

func (s *service) listSegments(w http.ResponseWriter, r *http.Request, p lode.Principal) error {
	name, err := pathCollection(r)
	if err != nil {
		return err
	}
	if err := s.barrier(r); err != nil {
		return err
	}
	all, err := s.Backend.Collections.Segments(r.Context(), p, name)
	if err != nil {
		return err
	}
	list := v1.SegmentList{Segments: make([]v1.Segment, len(all))}
	for i, m := range all {
		list.Segments[i] = v1.Segment{
			ID: m.ID, State: m.State, Versions: m.Versions, Pending: m.Pending, Bytes: m.Bytes,
			FileBytes: m.FileBytes, Rows: m.Rows, Graph: m.Graph, Words: m.Words,
		}
		if !m.Hash.IsZero() {
			list.Segments[i].Hash = &all[i].Hash
		}
	}
	return writeJSON(w, http.StatusOK, list)
}

func (s *service) sealSegment(w http.ResponseWriter, r *http.Request, p lode.Principal) error {
	name, err := pathCollection(r)
	if err != nil {
		return err
	}
	id, err := s.Backend.Collections.Seal(r.Context(), p, name)
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, v1.Sealed{Segment: id})
}
