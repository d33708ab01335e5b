package v1

import (
	"time"

	"github.com/lodedb/lode"
)

// MaxBatchDocuments bounds the documents of one upload, MaxBatchIDs the ids of one
// deletion, MaxBatchPoints the raw vectors of one request.
const (
	MaxBatchDocuments = 1000
	MaxBatchIDs       = 1000
	MaxBatchPoints    = 10_000
)

// UploadDocuments hands in documents. Every document needs content or content_base64.
type UploadDocuments struct {
	Documents []DocumentUpload `json:"documents" doc:"The documents; each is reported on its own." minItems:"1" maxItems:"1000"`
}

// DocumentUpload is one document handed in.
type DocumentUpload struct {
	ID            lode.DocID    `json:"id,omitempty" doc:"Outside id, unique in the collection; the default is the URI, else the hash of the content. Any text without control characters." maxLength:"1024" example:"guide/install.md"`
	URI           string        `json:"uri,omitempty" doc:"Where the bytes came from; shown in citations." maxLength:"4096" example:"https://example.org/guide/install.md"`
	MediaType     string        `json:"media_type,omitempty" doc:"Declared media type; the content decides." example:"text/markdown"`
	Name          string        `json:"name,omitempty" doc:"File name, a hint for the media type." example:"install.md"`
	Content       *string       `json:"content,omitempty" doc:"The document as text."`
	ContentBase64 []byte        `json:"content_base64,omitempty" doc:"The document as bytes in standard base64."`
	Metadata      lode.Metadata `json:"metadata,omitempty" doc:"Keys with strings, numbers, booleans, nulls, objects of these, or lists of all these; nested at most 8 deep."`
	Readers       []string      `json:"readers,omitempty" doc:"Labels of who may see the document; none: everyone." maxItems:"256"`
	ExpiresAt     *time.Time    `json:"expires_at,omitempty" doc:"When the document ends of itself; a time in the past ends it at once." example:"2030-01-01T00:00:00Z"`
	Language      string        `json:"language,omitempty" doc:"Language of the text: two letters of ISO 639-1, or none for one without rules. The default is what the document declares, else what the text is seen to be in, else that of the collection." pattern:"^([a-z]{2}|none)$" example:"de"`
	IfVersion     *lode.Version `json:"if_version,omitempty" doc:"Take the document only while this is its newest version; 0: only while there is none. Then a change of metadata, readers or URI alone becomes a new version too." minimum:"0" example:"3"`
}

// DocumentPart describes the file that follows it in a multipart upload.
type DocumentPart struct {
	ID        lode.DocID    `json:"id,omitempty" doc:"Outside id; the default is the URI, else the file name, else the hash of the content." maxLength:"1024" example:"guide/install.md"`
	URI       string        `json:"uri,omitempty" doc:"Where the bytes came from; shown in citations." maxLength:"4096"`
	MediaType string        `json:"media_type,omitempty" doc:"Declared media type; the default is the Content-Type of the file part." example:"application/pdf"`
	Name      string        `json:"name,omitempty" doc:"File name, a hint for the media type; the default is that of the file part." example:"install.pdf"`
	Metadata  lode.Metadata `json:"metadata,omitempty" doc:"Keys with strings, numbers, booleans, nulls, objects of these, or lists of all these; nested at most 8 deep."`
	Readers   []string      `json:"readers,omitempty" doc:"Labels of who may see the document; none: everyone." maxItems:"256"`
	ExpiresAt *time.Time    `json:"expires_at,omitempty" doc:"When the document ends of itself; a time in the past ends it at once." example:"2030-01-01T00:00:00Z"`
	Language  string        `json:"language,omitempty" doc:"Language of the text: two letters of ISO 639-1, or none for one without rules. The default is what the document declares, else what the text is seen to be in, else that of the collection." pattern:"^([a-z]{2}|none)$" example:"de"`
	IfVersion *lode.Version `json:"if_version,omitempty" doc:"Take the document only while this is its newest version; 0: only while there is none. Then a change of metadata, readers or URI alone becomes a new version too." minimum:"0" example:"3"`
}

// DocumentResults reports each document of an upload, in the order of the request.
type DocumentResults struct {
	Items     []DocumentResult `json:"items" doc:"One entry for each document of the request, in its order."`
	Operation string           `json:"operation,omitempty" doc:"Id under which the upload can be asked for; set for one with a key or with wait=false." example:"op-5f0c7a9d3b1e4f6a8c2d9e0b7a6f5c41"`
}

// DocumentResult is what became of one uploaded document. It failed when Error is set.
type DocumentResult struct {
	ID      lode.DocID    `json:"id,omitempty" doc:"Outside id; missing when the document was refused before it had one." example:"guide/install.md"`
	Outcome lode.Outcome  `json:"outcome,omitempty" doc:"What the upload changed; missing when it was refused." enum:"created,updated,unchanged,metadata" example:"created"`
	Version lode.Version  `json:"version,omitempty" doc:"Version that the bytes became, or had already." example:"1"`
	State   lode.DocState `json:"state,omitempty" doc:"State of that version." enum:"pending,ready,quarantined" example:"ready"`
	Title   string        `json:"title,omitempty" doc:"Title found in the document, once it is ready."`
	Chunks  int           `json:"chunks,omitempty" doc:"Chunks made of it, once it is ready." example:"12"`
	Error   *ItemError    `json:"error,omitempty" doc:"Why the document was refused, or put into quarantine."`
}

// Document is one document with the state of its newest version.
type Document struct {
	ID             lode.DocID    `json:"id" doc:"Outside id." example:"guide/install.md"`
	State          lode.DocState `json:"state" doc:"State of the newest version." enum:"pending,ready,quarantined" example:"ready"`
	Version        lode.Version  `json:"version" doc:"Newest version." example:"2"`
	CurrentVersion lode.Version  `json:"current_version,omitempty" doc:"Version that search shows; missing when there is none yet." example:"2"`
	URI            string        `json:"uri,omitempty" doc:"Where the bytes came from."`
	MediaType      string        `json:"media_type" doc:"Media type, as detected from the content." example:"text/markdown"`
	Title          string        `json:"title,omitempty" doc:"Title found in the document."`
	Language       string        `json:"language,omitempty" doc:"Language by whose rules its words are found; missing: English, or not decided yet." example:"de"`
	Size           int64         `json:"size" doc:"Bytes as received." example:"5120"`
	Bronze         *lode.Hash    `json:"bronze,omitempty" doc:"SHA-256 of the bytes as received."`
	Silver         *lode.Hash    `json:"silver,omitempty" doc:"SHA-256 of the canonical text, once ready."`
	Gold           *lode.Hash    `json:"gold,omitempty" doc:"Hash over the chunks, once ready."`
	Chunks         int           `json:"chunks,omitempty" doc:"Chunks of the newest version." example:"12"`
	Metadata       lode.Metadata `json:"metadata,omitempty" doc:"What the owner says about the document."`
	Readers        []string      `json:"readers,omitempty" doc:"Labels of who may see the document; none: everyone."`
	ExpiresAt      *time.Time    `json:"expires_at,omitempty" doc:"When the document ends of itself; missing: never." example:"2030-01-01T00:00:00Z"`
	Failure        *Failure      `json:"failure,omitempty" doc:"Why the newest version is in quarantine."`
	Runs           []Run         `json:"runs,omitempty" doc:"What was done to the newest version, stage by stage; only when one document is asked for."`
	ReceivedAt     time.Time     `json:"received_at" doc:"When the newest version was received."`
	CreatedAt      time.Time     `json:"created_at" doc:"When the document was first received."`
	UpdatedAt      time.Time     `json:"updated_at" doc:"When the document last changed."`
}

// Failure says why a version is in quarantine.
type Failure struct {
	Stage  lode.Stage `json:"stage" doc:"Where it failed." enum:"receive,parse,chunk,embed,commit" example:"parse"`
	Code   lode.Code  `json:"code" doc:"What to branch on; see the table of codes." example:"malformed"`
	Reason string     `json:"reason" doc:"Why it failed." example:"the file has no page tree"`
	At     time.Time  `json:"at" doc:"When it failed."`
}

// Run records one execution of a stage.
type Run struct {
	Stage      lode.Stage       `json:"stage" doc:"The stage." enum:"receive,parse,chunk,embed,commit" example:"chunk"`
	Start      time.Time        `json:"start" doc:"When it began."`
	DurationNS int64            `json:"duration_ns" doc:"How long it took, in nanoseconds." example:"1830000"`
	Inputs     []lode.Hash      `json:"inputs,omitempty" doc:"Hashes of what went in."`
	Outputs    []lode.Hash      `json:"outputs,omitempty" doc:"Hashes of what came out."`
	Config     string           `json:"config,omitempty" doc:"Fingerprint of the configuration." example:"markdown/1"`
	Counts     map[string]int64 `json:"counts,omitempty" doc:"Figures of the stage by name."`
}

// DocumentList is a page of documents in the order they were first received.
type DocumentList struct {
	Documents  []Document `json:"documents" doc:"The documents of this page."`
	NextCursor string     `json:"next_cursor,omitempty" doc:"Cursor of the next page; missing on the last."`
}

// DeleteIDs asks for the deletion of several documents or raw vectors: those with the ids that
// also match the filter, or without ids all that match.
type DeleteIDs struct {
	IDs    []lode.DocID `json:"ids,omitzero" doc:"Outside ids. Ids or a filter are needed." maxItems:"1000"`
	Filter *lode.Filter `json:"filter,omitempty" doc:"Condition on metadata or ids; an empty one, {\"and\": []}, deletes everything."`
}

// DeleteResults says what became of a deletion.
type DeleteResults struct {
	Matched int            `json:"matched" doc:"Documents or raw vectors that were selected and that the caller may see." example:"2"`
	Deleted int            `json:"deleted" doc:"Of them were deleted." example:"2"`
	Items   []DeleteResult `json:"items" doc:"One entry for each id of the request, in its order; none without ids."`
}

// DeleteResult is what became of one id. It failed when Error is set.
type DeleteResult = SelectedItem

// RetryResult acknowledges that a version is processed again.
type RetryResult struct {
	ID        lode.DocID   `json:"id" doc:"Outside id." example:"guide/install.md"`
	Version   lode.Version `json:"version" doc:"The version that is processed again." example:"1"`
	Epoch     uint32       `json:"epoch" doc:"Counts the attempts; work of an earlier attempt is discarded." example:"2"`
	Operation string       `json:"operation" doc:"Id under which the processing can be asked for." example:"op-5f0c7a9d3b1e4f6a8c2d9e0b7a6f5c41"`
}
