// Package server is one running node: it opens the parts in order, joins their interfaces,
// listens, reports health, and closes everything in reverse.
//
// The command, the bench and the tests all start nodes through [Open], so what they run is
// what production runs. The order is
//
//	listener (answers /healthz, everything else is 503 while the node opens)
//	storage     the data folder is locked, its formats are checked
//	collection  graphs of sealed segments are mapped, the other indexes are rebuilt from storage;
//	            large collections go on with that in the background (loading.go)
//	parse pool  no process is started before the first document
//	raft        elects; commands that were committed but not applied are applied
//	pipeline    resumes pending documents when this node leads
//	api         the handler takes over from the one that said "starting"
//
// The file join.go holds every adapter between packages that stand on one floor and may
// not know each other; parsers.go and embedders.go choose implementations with a switch
// (providers.go has what is configured of those over HTTP, weights.go what words are worth to the
// built-in one, embedding.go answers for all of them), and graphs.go makes the graphs of sealed segments, in the background. It, the building of segments'
// files and the copying of the catalogue go as fast as searches beside them allow (pace.go). The
// other background work (sealing, merging, expiry, pruning of histories, sweeping) is in tasks.go,
// the reading of sealed files for damage in scrub.go.
//
// # Limits
//
// A disk that does not answer ends the node (disk.go): calls on files are watched one by one,
// and work that depends on the disk otherwise by asking it now and then. Data may not grow
// beyond what disk, folder and memory have room for (room.go, memory.go); the refusal comes
// before anything is stored, and monitor.go looks after the reserve and the way back. Request
// bodies are bounded together (uploads.go). usage.go reports all of it.
//
// Files of this package in the data folder, none of which holds data:
//
//	RESERVE     part of the disk's reserve, given up when the disk is full
//	RESERVE.start   room to open the log on a full disk, given up by a start
//	LOADING     there while the data is loaded; counts starts that died of it
//	probe.tmp   asks the disk whether it answers
//
// [Config] is plain data. Flags, environment and files are the business of cmd/lode.
package server
