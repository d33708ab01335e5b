package lode

import "time"

// Job is the right to process one version of a document. Epoch fences it: work handed in
// under an older epoch than the version's is refused with [CodeSuperseded].
type Job struct {
	Collection CollectionID `cbor:"1,keyasint"`
	Doc        DocNo        `cbor:"2,keyasint"`
	Version    Version      `cbor:"3,keyasint"`
	Epoch      uint32       `cbor:"4,keyasint"`
}

// Accepted is a submission whose bytes are durable: what the log is told about it.
type Accepted struct {
	Collection string
	ID         DocID
	URI        string
	MediaType  string // as detected
	Blob       Hash
	Size       int64
	Metadata   Metadata
	Readers    []string
	ExpiresAt  *time.Time
	Language   string // as of the [Submission]
	ReceivedAt time.Time
	Run        Run      // of the receive stage
	IfVersion  *Version // as of the [Submission]
	Write      Write
}

// StagedChunk is a chunk with its vectors, fixed before the log.
type StagedChunk struct {
	Chunk  Chunk  `cbor:"1,keyasint"`
	Vector []byte `cbor:"2,keyasint"` // little-endian float32, see [AppendVector]
	// Vectors and Sparse are those in named spaces, see [NamedVectors.Pack].
	Vectors map[string][]byte `cbor:"3,keyasint,omitempty"`
	Sparse  map[string][]byte `cbor:"4,keyasint,omitempty"`
}

// Named returns the vectors that the chunk has in named spaces.
func (s *StagedChunk) Named() (NamedVectors, error) { return UnpackVectors(s.Vectors, s.Sparse) }

// Completion makes the staged parts of a version visible and hides the older one.
type Completion struct {
	Job         Job       `cbor:"1,keyasint"`
	Title       string    `cbor:"2,keyasint,omitempty"`
	Silver      Hash      `cbor:"3,keyasint"`
	SilverParts int       `cbor:"4,keyasint"`
	Gold        Hash      `cbor:"5,keyasint"`
	Chunks      int       `cbor:"6,keyasint"`
	Runs        []Run     `cbor:"7,keyasint,omitempty"`
	At          time.Time `cbor:"8,keyasint"`
	Language    string    `cbor:"9,keyasint,omitempty"` // see [DocVersion]
}
