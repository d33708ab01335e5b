package v1

// NodeUsage is what a node uses, and the limits that are in force on it.
type NodeUsage struct {
	NodeID     string       `json:"node_id" doc:"Name of the node in its cluster."`
	Writes     WriteState   `json:"writes" doc:"Whether data may grow."`
	Memory     MemoryUsage  `json:"memory" doc:"Memory of the node's process; parsers are processes of their own."`
	Disk       DiskUsage    `json:"disk" doc:"The data folder and the file system that it lies on."`
	Requests   RequestUsage `json:"requests" doc:"Requests and their bodies."`
	Goroutines int          `json:"goroutines" doc:"Goroutines of the process." example:"41"`
	OpenFiles  int          `json:"open_files,omitempty" doc:"Open files and connections of the process, where the system tells." example:"37"`
	FileLimit  int64        `json:"file_limit,omitempty" doc:"Most files that the process may open, where the system tells." example:"1048576"`
}

// WriteState says whether data may grow. Deletes are never refused.
type WriteState struct {
	Accepted bool     `json:"accepted" doc:"Writes that make the data grow are taken." example:"true"`
	Reasons  []Reason `json:"reasons" doc:"What has run out, where they are not."`
}

// MemoryUsage is the memory of a process, in bytes.
type MemoryUsage struct {
	Limit       int64             `json:"limit" doc:"Memory that the node keeps within; 0 is no limit." example:"8589934592"`
	DataLimit   int64             `json:"data_limit" doc:"Share of the limit for data; at it, writes that grow are refused. 0 is no limit." example:"5153960755"`
	Data        int64             `json:"data" doc:"What is held in memory, request bodies aside, as the collector last saw it." example:"61865984"`
	Resident    int64             `json:"resident,omitempty" doc:"Anonymous memory that the system counts for the process, without files that are mapped; where the system tells." example:"98566144"`
	Heap        int64             `json:"heap" doc:"Objects on the heap, dead ones included." example:"73400320"`
	Indexes     int64             `json:"indexes" doc:"About what all indexes hold." example:"50331648"`
	Collections []CollectionUsage `json:"collections" doc:"The same by collection, in order of name."`
}

// CollectionUsage is the memory of one collection.
type CollectionUsage struct {
	Name    string `json:"name" doc:"Name of the collection." example:"docs"`
	Rows    int    `json:"rows" doc:"Rows in the indexes, deleted ones that were not compacted away included." example:"2417"`
	Dense   int64  `json:"dense" doc:"Bytes of the exact index of vectors that no graph holds." example:"4950016"`
	Lexical int64  `json:"lexical" doc:"Bytes of the index of words, but for those of sealed segments that lie in files." example:"1300000"`
	Graphs  int64  `json:"graphs" doc:"Bytes of the graphs of sealed segments: files that are mapped and searched in place, which the system keeps in memory as far as there is room." example:"0"`
	Words   int64  `json:"words" doc:"Bytes of the words of sealed segments: files that are mapped and searched in place, as graphs are." example:"0"`
}

// DiskUsage is the disk of a node, in bytes.
type DiskUsage struct {
	Limit     int64     `json:"limit" doc:"Most that the data folder may take; 0 is no limit but the disk's own." example:"0"`
	Used      int64     `json:"used" doc:"What the data folder takes: the sum of its parts." example:"73400320"`
	Parts     DiskParts `json:"parts" doc:"What each part of the folder takes."`
	Files     int       `json:"files" doc:"Files in the data folder." example:"130"`
	Free      int64     `json:"free" doc:"Free on the file system." example:"91000000000"`
	Total     int64     `json:"total" doc:"Size of the file system." example:"256000000000"`
	Reserve   int64     `json:"reserve" doc:"What data may not grow into: room for deletes and the log." example:"536870912"`
	Log       CallTimes `json:"log" doc:"Appends to the log, their sync included."`
	Catalogue CallTimes `json:"catalogue" doc:"Commits of the catalogue, their sync included."`
	FileSyncs CallTimes `json:"file_syncs" doc:"Syncs of files and folders with received bytes."`
	CallLimit int64     `json:"call_limit_ns" doc:"Longest time that a call on the disk may take before the node stops, in nanoseconds." example:"10000000000"`
}

// DiskParts are the parts of a data folder, in bytes of the disk.
type DiskParts struct {
	Catalogue int64 `json:"catalogue" doc:"Documents, chunks and vectors." example:"33554432"`
	Segments  int64 `json:"segments" doc:"Files of sealed segments." example:"0"`
	Blobs     int64 `json:"blobs" doc:"Documents as received." example:"6291456"`
	Log       int64 `json:"log" doc:"The replicated log." example:"16777216"`
	Snapshots int64 `json:"snapshots" doc:"Snapshots of the log." example:"0"`
	Reserve   int64 `json:"reserve" doc:"Held so that a full disk leaves room for deletes; given up when needed." example:"16777216"`
	Other     int64 `json:"other" doc:"Everything else." example:"8192"`
}

// CallTimes are the times of the newest calls on the disk.
type CallTimes struct {
	Calls int   `json:"calls" doc:"How many calls the times are of, at most 1024." example:"1024"`
	P50   int64 `json:"p50_ns" doc:"Half of the calls took no longer, in nanoseconds." example:"210000"`
	P99   int64 `json:"p99_ns" doc:"All but one in a hundred took no longer, in nanoseconds." example:"1900000"`
}

// RequestUsage is about requests that are being answered.
type RequestUsage struct {
	BodyLimit int64 `json:"body_limit" doc:"Most bytes of request bodies in memory; more are answered with 429." example:"536870912"`
	Bodies    int64 `json:"bodies" doc:"Bytes of request bodies in memory." example:"0"`
	Refused   int64 `json:"refused" doc:"Bodies that were refused for want of room since the start." example:"0"`
	Waiting   int   `json:"waiting" doc:"Documents waiting to be processed." example:"0"`
	Running   int   `json:"running" doc:"Documents being processed." example:"0"`
}
