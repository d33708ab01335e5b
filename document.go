package lode

import "time"

// Kind separates documents from raw vectors; each has its own space of outside ids.
type Kind uint8

// The kinds.
const (
	KindDocument Kind = 1
	KindVector   Kind = 2
)

// DocState is where a document's newest version is.
type DocState string

// The states of the newest version. An older version stays searchable until a newer one is
// ready; [Document.Current] names it.
const (
	StatePending     DocState = "pending"     // accepted; being parsed, chunked or embedded
	StateReady       DocState = "ready"       // searchable
	StateQuarantined DocState = "quarantined" // failed; [Failure] says where and why
)

// Document is one document of a collection, or one raw vector.
type Document struct {
	No         DocNo        `cbor:"1,keyasint"`
	Collection CollectionID `cbor:"2,keyasint"`
	Kind       Kind         `cbor:"3,keyasint"`
	ID         DocID        `cbor:"4,keyasint"`
	Metadata   Metadata     `cbor:"5,keyasint,omitempty"`
	Readers    []string     `cbor:"6,keyasint,omitempty"`
	// Newest is the latest version that was accepted, Current the one that search shows (0:
	// none yet). They differ while a change is being processed or after it failed.
	Newest  Version `cbor:"7,keyasint"`
	Current Version `cbor:"8,keyasint"`
	// Slot is hash(outside id) mod 4096, stored so that data can be spread over groups later.
	Slot      uint16    `cbor:"9,keyasint"`
	CreatedAt time.Time `cbor:"10,keyasint"`
	UpdatedAt time.Time `cbor:"11,keyasint"`
	// ExpiresAt is when the document ends of itself; nil: never.
	ExpiresAt *time.Time `cbor:"12,keyasint,omitempty"`
	// Shown is since when the document is shown as it is, where its collection keeps a history;
	// nil: since before that.
	Shown *Moment `cbor:"13,keyasint,omitempty"`
}

// Expired reports whether the document has ended at a time: from its ExpiresAt on.
func (d *Document) Expired(now time.Time) bool {
	return d.ExpiresAt != nil && !now.Before(*d.ExpiresAt)
}

// ValidateExpiry checks when something ends; nil is never. A time in the past is allowed: it
// ends at once. What is stored and sent has four digits for the year.
func ValidateExpiry(at *time.Time) error {
	if at == nil {
		return nil
	}
	if year := at.UTC().Year(); at.IsZero() || year < 1 || year > 9999 {
		return Invalid("expires_at", at, "expires_at must be a time of the years 1 to 9999")
	}
	return nil
}

// DocVersion is one content that a document has had.
type DocVersion struct {
	Doc        DocNo     `cbor:"1,keyasint"`
	Version    Version   `cbor:"2,keyasint"`
	State      DocState  `cbor:"3,keyasint"`
	Blob       Hash      `cbor:"4,keyasint"` // of the bronze bytes
	Size       int64     `cbor:"5,keyasint"` // of the bronze bytes
	URI        string    `cbor:"6,keyasint,omitempty"`
	MediaType  string    `cbor:"7,keyasint"`
	ReceivedAt time.Time `cbor:"8,keyasint"`
	// Epoch fences the job that processes this version: it grows each time a job is started
	// again, and work under an older epoch is refused.
	Epoch uint32 `cbor:"9,keyasint"`
	// The rest is set when the version becomes ready, Failure when it is quarantined.
	Title     string    `cbor:"10,keyasint,omitempty"`
	Silver    Hash      `cbor:"11,keyasint"`
	Gold      Hash      `cbor:"12,keyasint"`
	Chunks    int       `cbor:"13,keyasint"`
	FirstRow  RowID     `cbor:"14,keyasint"` // rows FirstRow … FirstRow+Chunks-1
	Runs      []Run     `cbor:"15,keyasint,omitempty"`
	Failure   *Failure  `cbor:"16,keyasint,omitempty"`
	UpdatedAt time.Time `cbor:"17,keyasint"`
	// Metadata, Readers and ExpiresAt are set only while an older version is shown and this one
	// is not ready: they become the document's at the commit, together with the content.
	Metadata Metadata `cbor:"18,keyasint,omitempty"`
	Readers  []string `cbor:"19,keyasint,omitempty"`
	// Segment holds the rows and the silver, staged or shown. It is 0 while there are none.
	Segment   SegmentID  `cbor:"20,keyasint,omitempty"`
	ExpiresAt *time.Time `cbor:"21,keyasint,omitempty"`
	// Kept marks a version that is shown no more and stays for the history of the collection.
	Kept bool `cbor:"22,keyasint,omitempty"`
	// Language is that of the text, by whose rules its words are found: two letters of ISO 639-1,
	// or [LanguageNone] for one without rules. Empty is English. Until the version is ready it is
	// what the submission said.
	Language string `cbor:"23,keyasint,omitempty"`
}

// Failure says why a version is in quarantine.
type Failure struct {
	Stage  Stage     `cbor:"1,keyasint" json:"stage"`
	Code   Code      `cbor:"2,keyasint" json:"code"`
	Reason string    `cbor:"3,keyasint" json:"reason"`
	At     time.Time `cbor:"4,keyasint" json:"at"`
}

// Submission is a document as a client hands it in.
type Submission struct {
	Collection string
	ID         DocID  // empty: the URI, else the hash of the content
	URI        string // where the bytes came from; optional
	MediaType  string // as declared; optional, the content decides
	Name       string // file name, a hint for the media type; optional
	Content    []byte
	Metadata   Metadata
	Readers    []string
	ExpiresAt  *time.Time // when the document ends of itself; nil: never
	// Language is that of the text, for whoever knows it; see [DocVersion]. Else the document
	// says, or the text tells, or it is that of the collection.
	Language string
	// IfVersion makes the submission conditional on the document's newest version; 0 stands
	// for no document. The default, nil, is no condition.
	IfVersion *Version
	Write     Write
}

// Outcome says what a submission changed.
type Outcome string

// The outcomes.
const (
	OutcomeCreated   Outcome = "created"   // a new document
	OutcomeUpdated   Outcome = "updated"   // a new version of a known document
	OutcomeUnchanged Outcome = "unchanged" // the same bytes, metadata and readers: nothing was done
	OutcomeMetadata  Outcome = "metadata"  // the same bytes; metadata or readers were replaced
)

// Receipt acknowledges a submission: the bytes are durable and the job is in the log.
type Receipt struct {
	Doc     DocNo
	ID      DocID
	Version Version
	Epoch   uint32
	Outcome Outcome
	// Replayed marks the receipt of a [Write] that was carried out before.
	Replayed bool
}

// MaxURIBytes bounds a source URI.
const MaxURIBytes = 4096

// Validate checks the fields that do not depend on the content.
func (s *Submission) Validate() error {
	if err := ValidateCollectionName(s.Collection); err != nil {
		return err
	}
	if s.ID != "" {
		if err := s.ID.Validate(); err != nil {
			return err
		}
	}
	if s.URI != "" {
		if err := validateLabel("uri", s.URI, MaxURIBytes); err != nil {
			return err
		}
	}
	if len(s.Content) == 0 {
		return Invalid("content", "", "document is empty")
	}
	if err := s.Metadata.Validate(); err != nil {
		return err
	}
	if err := ValidateReaders(s.Readers); err != nil {
		return err
	}
	if s.Language != "" {
		if err := ValidateLanguage(s.Language); err != nil {
			return err
		}
	}
	return ValidateExpiry(s.ExpiresAt)
}

// Point is a raw vector with what belongs to it.
type Point struct {
	ID        DocID
	Vector    Vector
	Text      string // optional; makes the point searchable by words too
	Metadata  Metadata
	Readers   []string
	ExpiresAt *time.Time // when the point ends of itself; nil: never
	// IfVersion makes a write of the point conditional, as that of [Submission]. Version is
	// set on points that are read.
	IfVersion *Version
	Version   Version
	// Vectors and Sparse are those in named spaces of the collection. Any may be left out: the
	// point is not found in that space then.
	Vectors map[string]Vector
	Sparse  map[string]SparseVector
}

// Named returns the vectors that the point has in named spaces.
func (p *Point) Named() NamedVectors { return NamedVectors{Dense: p.Vectors, Sparse: p.Sparse} }

// MaxPointTextBytes bounds the text of a raw vector, so that a point fits one log entry.
const MaxPointTextBytes = 64 << 10
