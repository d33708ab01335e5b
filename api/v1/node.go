package v1

import "time"

// NodeInfo describes the node that answers.
type NodeInfo struct {
	NodeID    string    `json:"node_id" doc:"Name of the node in its cluster." example:"n1"`
	Version   string    `json:"version" doc:"Version of the program." example:"v0.1.0"`
	Commit    string    `json:"commit,omitempty" doc:"Commit it was built from."`
	GoVersion string    `json:"go_version" doc:"Compiler it was built with." example:"go1.26.8"`
	OS        string    `json:"os" doc:"Operating system." example:"linux"`
	Arch      string    `json:"arch" doc:"Processor architecture." example:"amd64"`
	Kernel    string    `json:"kernel" doc:"Distance kernel in use." example:"avx2"`
	Role      string    `json:"role,omitempty" doc:"Role in the replicated log." example:"leader"`
	StartedAt time.Time `json:"started_at" doc:"When the node started."`
}

// Readiness says whether the node can serve, and if not, why.
type Readiness struct {
	Ready   bool     `json:"ready" doc:"The node serves." example:"true"`
	Reasons []Reason `json:"reasons" doc:"What it still waits for; empty when ready."`
	// Restrictions are no reason to send nobody here: reads and deletes go on.
	Restrictions []Reason `json:"restrictions,omitempty" doc:"What a node that is ready does not do, as writes that make the data grow when its disk is full."`
}

// Reason is one thing that keeps a node from serving.
type Reason struct {
	Name   string `json:"name" doc:"The part that is not ready." example:"raft"`
	Detail string `json:"detail" doc:"What it waits for." example:"no leader"`
}

// Health says that the process answers.
type Health struct {
	Status string `json:"status" doc:"Always ok." enum:"ok" example:"ok"`
}

// MaxBreaches bounds the breaches that one check lists; the rest are counted.
const MaxBreaches = 1000

// CheckReport lists what a walk over everything stored found wrong.
type CheckReport struct {
	OK       bool     `json:"ok" doc:"No breach was found." example:"true"`
	Count    int      `json:"count" doc:"Number of breaches." example:"0"`
	Breaches []Breach `json:"breaches" doc:"The first 1000 of them."`
}

// Breach is one promise that stored data breaks.
type Breach struct {
	Where string `json:"where" doc:"The object." example:"blob 4e1243bd22c66e76…"`
	What  string `json:"what" doc:"What is wrong with it." example:"checksum differs"`
}
