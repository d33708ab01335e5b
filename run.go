package lode

import "time"

// Stage is a step of the path from bytes to searchable chunks.
type Stage string

// The stages in order.
const (
	StageReceive Stage = "receive" // bytes made durable
	StageParse   Stage = "parse"   // bronze to silver
	StageChunk   Stage = "chunk"   // silver to chunks
	StageEmbed   Stage = "embed"   // chunks to vectors
	StageCommit  Stage = "commit"  // staged parts made visible
)

// Run records one execution of a stage: what went in, what came out, under which
// configuration, and how long it took. Inputs and outputs are hashes, so that a chain of
// runs can be verified from a chunk down to the bytes that were received.
type Run struct {
	Stage    Stage            `cbor:"1,keyasint" json:"stage"`
	Start    time.Time        `cbor:"2,keyasint" json:"start"`
	Duration time.Duration    `cbor:"3,keyasint" json:"duration_ns"`
	Inputs   []Hash           `cbor:"4,keyasint,omitempty" json:"inputs,omitempty"`
	Outputs  []Hash           `cbor:"5,keyasint,omitempty" json:"outputs,omitempty"`
	Config   string           `cbor:"6,keyasint,omitempty" json:"config,omitempty"` // fingerprint, e.g. "markdown/1"
	Counts   map[string]int64 `cbor:"7,keyasint,omitempty" json:"counts,omitempty"`
}

// Trace follows one chunk back to the bytes it came from.
type Trace struct {
	Collection string
	Document   Document
	Version    DocVersion
	Chunk      Chunk
	Bronze     Span  // byte range in the bronze blob
	Runs       []Run // in order of the stages
	Checks     []TraceCheck
}

// Verified reports whether every check held.
func (t *Trace) Verified() bool {
	for _, c := range t.Checks {
		if !c.OK {
			return false
		}
	}
	return len(t.Checks) > 0
}

// Cited is what a citation names: a chunk, and spans of the canonical text of its version, in the
// order that they are shown in. Without spans it is the text of the chunk, below its header.
type Cited struct {
	Chunk ChunkID
	Spans []Span
}

// Quotation is what a citation leads to.
type Quotation struct {
	Found bool   // the chunk is there, and whoever asks may see it
	Kind  Kind   // what it belongs to, where it is found
	Text  string // of the spans, a line end between two; none where one is outside
	// Verified says that every check of [Trace] held; Reason why it does not, or why nothing is
	// found.
	Verified bool
	Reason   string
}

// TraceCheck is one link of the chain, recomputed from stored bytes.
type TraceCheck struct {
	Name   string `json:"name"`
	OK     bool   `json:"ok"`
	Detail string `json:"detail,omitempty"` // what differed
}
