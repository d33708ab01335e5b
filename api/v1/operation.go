package v1

import (
	"time"

	"github.com/lodedb/lode"
)

// Operation is what is known of a write that had a key, or of an upload with wait=false.
type Operation struct {
	ID         string          `json:"id" doc:"Names the operation." example:"op-5f0c7a9d3b1e4f6a8c2d9e0b7a6f5c41"`
	Kind       string          `json:"kind" doc:"What was asked for; selection is a patch or deletion of very many documents." enum:"create_collection,update_collection,delete_collection,upload,retry,delete,put_vectors,patch,selection,put_evaluation,delete_evaluation,feedback" example:"upload"`
	State      string          `json:"state" doc:"running: documents are being processed. incomplete: parts of the request were refused before they were recorded, are still on their way, or were cut off; repeating it under its key completes it. failed: something in it was refused or failed. done: all of it took effect." enum:"running,incomplete,failed,done" example:"running"`
	Collection string          `json:"collection,omitempty" doc:"Name of the collection; missing when it is gone." example:"docs"`
	Parts      int             `json:"parts" doc:"Parts in which the request is carried out: documents of an upload, steps of a long list." example:"2"`
	Recorded   int             `json:"recorded" doc:"Parts that were carried out." example:"2"`
	Count      int             `json:"count,omitempty" doc:"Documents, ids or vectors in those parts." example:"2"`
	AcceptedAt time.Time       `json:"accepted_at" doc:"When its first part was carried out."`
	FinishedAt *time.Time      `json:"finished_at,omitempty" doc:"When it came to its end; missing before, and when that is not known any more."`
	Items      []OperationItem `json:"items,omitempty" doc:"Of an upload or a retry every document; of other writes what was refused."`
}

// OperationItem is one document of an operation, or an id or vector that was refused.
type OperationItem struct {
	Index   int          `json:"index" doc:"Place of the document in the request; of an id or vector, its place among those that were recorded." example:"0"`
	State   string       `json:"state" doc:"gone: the version was replaced or deleted since, or may not be seen any more." enum:"running,failed,done,gone" example:"done"`
	ID      lode.DocID   `json:"id,omitempty" doc:"Outside id of the document." example:"guide/install.md"`
	Outcome lode.Outcome `json:"outcome,omitempty" doc:"What the upload changed; missing when it was refused." enum:"created,updated,unchanged,metadata" example:"created"`
	Version lode.Version `json:"version,omitempty" doc:"Version that the bytes became, or had already." example:"1"`
	Title   string       `json:"title,omitempty" doc:"Title found in the document, once it is ready."`
	Chunks  int          `json:"chunks,omitempty" doc:"Chunks made of it, once it is ready." example:"12"`
	Error   *ItemError   `json:"error,omitempty" doc:"Why it was refused, or put into quarantine."`
}

// The states of an operation and of its items.
const (
	OperationRunning    = "running"
	OperationIncomplete = "incomplete"
	OperationFailed     = "failed"
	OperationDone       = "done"
	OperationGone       = "gone" // of an item
)
