package v1

import "github.com/lodedb/lode"

// Span is a half-open range of bytes.
type Span struct {
	Start int `json:"start" doc:"First byte." example:"128"`
	End   int `json:"end" doc:"The byte after the last." example:"512"`
}

// SilverLayer is the canonical text of a document with the way back to its bytes.
type SilverLayer struct {
	DocumentID lode.DocID   `json:"document_id" doc:"Outside id of the document." example:"guide/install.md"`
	Version    lode.Version `json:"version" doc:"Version of the document." example:"1"`
	Hash       lode.Hash    `json:"hash" doc:"SHA-256 of the text."`
	Title      string       `json:"title,omitempty" doc:"Title found in the document."`
	Language   string       `json:"language,omitempty" doc:"BCP 47 tag that the document declares." example:"en"`
	Pages      int          `json:"pages,omitempty" doc:"Number of pages, in formats that have pages."`
	Text       string       `json:"text" doc:"The canonical text."`
	Sections   []Section    `json:"sections" doc:"The text cut into sections, in reading order."`
	SourceMap  []SourceRun  `json:"source_map" doc:"Where each run of the text came from, in order of the text."`
	Flags      []Flag       `json:"flags,omitempty" doc:"What the parser holds for hidden from readers and kept."`
}

// Section is a block of canonical text that belongs together.
type Section struct {
	Kind  lode.SectionKind `json:"kind" doc:"What the section is." enum:"heading,paragraph,list,table,code" example:"paragraph"`
	Level int              `json:"level,omitempty" doc:"Level of a heading, 1 to 6." example:"2"`
	Path  []string         `json:"path,omitempty" doc:"Headings above, outermost first."`
	Page  int              `json:"page,omitempty" doc:"Page, from 1, in formats that have pages."`
	Span  Span             `json:"span" doc:"Where the section is in the canonical text."`
}

// SourceRun maps a run of canonical text to the bytes it came from.
type SourceRun struct {
	Silver Span   `json:"silver" doc:"Range of the canonical text."`
	Bronze Span   `json:"bronze" doc:"Range of the bytes as received."`
	Kind   string `json:"kind" doc:"exact: the same bytes; decoded: the same characters in another encoding or escape; page: extracted from a page." enum:"exact,decoded,page" example:"exact"`
}

// GoldLayer is the chunks of a document.
type GoldLayer struct {
	DocumentID lode.DocID   `json:"document_id" doc:"Outside id of the document." example:"guide/install.md"`
	Version    lode.Version `json:"version" doc:"Version of the document." example:"1"`
	Hash       lode.Hash    `json:"hash" doc:"Hash over the chunks."`
	Chunks     []Chunk      `json:"chunks" doc:"The chunks in reading order."`
}

// Chunk is a passage that is embedded, searched and cited.
type Chunk struct {
	ID         lode.ChunkID `json:"id" doc:"Names the chunk for ever." example:"ch-12-1-0"`
	DocumentID lode.DocID   `json:"document_id" doc:"Outside id of the document." example:"guide/install.md"`
	Version    lode.Version `json:"version" doc:"Version of the document." example:"1"`
	Text       string       `json:"text" doc:"Exactly the canonical text in span."`
	Span       Span         `json:"span" doc:"Where the chunk is in the canonical text."`
	Path       []string     `json:"path,omitempty" doc:"Headings above, outermost first."`
	Page       int          `json:"page,omitempty" doc:"Page where the chunk begins, in formats that have pages."`
	Tokens     int          `json:"tokens" doc:"Tokens of the text." example:"312"`
	Header     *ChunkHeader `json:"header,omitempty" doc:"What stands above the text for a reader: the header of the table that the chunk begins inside of."`
	Flags      []Flag       `json:"flags,omitempty" doc:"What in the text a model should not be trusted with."`
}

// ChunkHeader is text from further above in the same document.
type ChunkHeader struct {
	Text string `json:"text" doc:"Exactly the canonical text in span." example:"name | size"`
	Span Span   `json:"span" doc:"Where the header is in the canonical text."`
}

// Flag marks text that is hidden from readers of the source or gives orders to a model. It never
// changes what is found or shown.
type Flag struct {
	Kind lode.FlagKind `json:"kind" doc:"What is the matter." enum:"hidden,instruction" example:"instruction"`
	Span Span          `json:"span" doc:"Where it is in the canonical text."`
	Rule string        `json:"rule" doc:"What found it." example:"override/en"`
}

// Trace follows a chunk back to the bytes it came from, with every hash recomputed.
type Trace struct {
	Verified   bool         `json:"verified" doc:"Every check held." example:"true"`
	Collection string       `json:"collection" doc:"Name of the collection." example:"docs"`
	Document   Document     `json:"document" doc:"The document, at the version of the chunk."`
	Chunk      Chunk        `json:"chunk" doc:"The chunk."`
	Bronze     BronzeSpan   `json:"bronze" doc:"The bytes as received that the chunk came from."`
	Runs       []Run        `json:"runs" doc:"What was done on the way, stage by stage."`
	Checks     []TraceCheck `json:"checks" doc:"Each link of the chain, recomputed from stored bytes."`
}

// BronzeSpan is a range of the bytes as received.
type BronzeSpan struct {
	Hash lode.Hash `json:"hash" doc:"SHA-256 of the bytes as received."`
	Span Span      `json:"span" doc:"Range of those bytes."`
}

// TraceCheck is one link of the chain.
type TraceCheck struct {
	Name   string `json:"name" doc:"What was compared." example:"bronze hash"`
	OK     bool   `json:"ok" doc:"It held." example:"true"`
	Detail string `json:"detail,omitempty" doc:"What differed."`
}
