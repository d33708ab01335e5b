package v1

import "github.com/lodedb/lode"

// SegmentList lists the segments of a collection, oldest first.
type SegmentList struct {
	Segments []Segment `json:"segments" doc:"The segments, oldest first."`
}

// Segment is a part of a collection: rows in one file.
type Segment struct {
	ID        lode.SegmentID `json:"id" doc:"Number of the segment in its collection." example:"3"`
	State     string         `json:"state" doc:"growing: new rows go there; sealing: it takes none any more; sealed: it is a file that does not change." enum:"growing,sealing,sealed" example:"sealed"`
	Versions  int            `json:"versions" doc:"Versions of documents and raw vectors that lie in it." example:"812"`
	Pending   int            `json:"pending" doc:"Versions that are being processed into it." example:"0"`
	Bytes     int64          `json:"bytes" doc:"Bytes that were written to it, of versions that are gone too." example:"67108864"`
	FileBytes int64          `json:"file_bytes,omitempty" doc:"Size of the sealed file." example:"66060288"`
	Hash      *lode.Hash     `json:"hash,omitempty" doc:"SHA-256 of the sealed file, the same on every node."`
	Rows      int            `json:"rows" doc:"Rows that searches see on this node." example:"20480"`
	Words     int64          `json:"words" doc:"Bytes of the file of its words on this node; 0: they are in memory." example:"5242880"`
	Graph     int64          `json:"graph" doc:"Bytes of the graph over the file on this node; 0: the rows are compared one by one." example:"11010048"`
}

// Sealed answers a request to seal.
type Sealed struct {
	Segment lode.SegmentID `json:"segment" doc:"The segment that was sealed; 0: there was nothing to seal." example:"3"`
}
