package v1

import (
	"time"

	"github.com/lodedb/lode"
)

// PathBackups is where backups of the node are made and listed.
const PathBackups = "/v1/backups"

// QueryFull asks for a backup that writes every object again.
const QueryFull = "full"

// Backup is a backup in the repository of the node.
type Backup struct {
	ID            string    `json:"id" doc:"Names the backup for verify and restore; ids sort by time." example:"20260304T050607.089Z-0123456789abcdef"`
	Cluster       string    `json:"cluster" doc:"Identity of the cluster whose state it is."`
	NodeID        string    `json:"node_id" doc:"Node that made it."`
	Index         uint64    `json:"index" doc:"Last log entry in it." example:"1042"`
	Term          uint64    `json:"term" doc:"Term of that entry." example:"3"`
	CatalogHash   lode.Hash `json:"catalog_hash" doc:"Hash of the records of the catalogue at that entry; rows have their own."`
	CreatedAt     time.Time `json:"created_at" doc:"When it was complete."`
	Version       string    `json:"version" doc:"Version of the program that made it." example:"v0.1.0"`
	Objects       int       `json:"objects" doc:"Files that it consists of." example:"215"`
	Bytes         int64     `json:"bytes" doc:"Their content." example:"73400320"`
	Uploaded      int       `json:"uploaded" doc:"Files that had to be written for it; 0 in lists." example:"12"`
	UploadedBytes int64     `json:"uploaded_bytes" doc:"Their content; 0 in lists." example:"1048576"`
	Damaged       string    `json:"damaged,omitempty" doc:"Why its manifest cannot be read; then only the id is known."`
}

// BackupList lists backups.
type BackupList struct {
	Backups []Backup `json:"backups" doc:"Newest first."`
}
