// Package collection is one node's collections: the state machine under the replicated log,
// and the searches over its state.
//
// # What it owns
//
// The [Engine] decodes commands, applies them to storage and keeps the in-memory indexes in
// step. Every write goes the same way:
//
//	caller -> Engine method (validates, fixes ids of the actor, times, vectors)
//	       -> command -> Proposer -> log, quorum
//	       -> Engine.Apply on every node: one storage transaction, then publication
//	       -> typed result -> caller
//
// Apply decides everything that depends on the state: what a submission means, whether a
// job still holds, who may touch what. It is deterministic: no clock, no randomness, no
// parsing, nothing but the command and the stored state. Every search reads a published
// snapshot and never waits for a write.
//
// The key types:
//
//	Engine       all of it; New builds the indexes from storage, they are derived
//	Entry, Fatal what the log hands in, and the result that stops the node
//	View         a collection as one principal sees it at one moment: the searches by vector, in
//	             dense and sparse spaces, and by words, and the rows behind their answers; the
//	             moment may lie within the collection's history (ViewAsOf)
//	EarlyView    the same of a large collection that a start has not loaded yet, for vectors alone
//	Selection    documents by ids and filter, for patches and deletions
//	Events       callbacks about changes, for metrics, audit and the queue of jobs
//	Operation    what is known of a write that had a key
//	Graphs       what makes and opens the graphs of sealed segments; the server has one
//
// Beside a sealed segment lie, derived, a graph of its vectors ([Engine.BuildGraphs]) and its words
// ([Engine.BuildWords]): both are searched in their files, and a start reads nothing that they have.
//
// # What it leaves to others
//
// How entries are replicated (raft), how records lie on disk (storage), how vectors and
// words are searched (index and its kinds, index/bm25/segment), how bytes become chunks with vectors
// (pipeline), how two searches become one answer (retrieval), who a principal is and where
// its labels come from (api). The engine knows no HTTP, no consensus, no embedding model.
//
// # Versions of a document
//
//	submit ──> pending ──complete──> ready     the older ready version is dropped
//	             │  ▲                          in the same step
//	           fail  retry, or the same
//	             ▼  │   bytes again
//	          quarantined
//
// An older ready version stays searchable until a newer one is committed. Other bytes while
// a version is pending or in quarantine take its place. Jobs are fenced by epochs: claim
// and retry start the next one, and what comes under an older epoch is refused with
// [lode.CodeSuperseded].
//
// Metadata and readers belong to a content. While an older content is shown, those of the
// newer one wait with it; readers that wait narrow access at once, and never widen it.
//
// # Writes that happen once
//
// A write whose [lode.Write] has a key is proposed as a named command: Apply looks up what is
// kept under the name, and either answers with it or carries the command out and keeps its
// outcome, in one transaction. The last [KeptOperations] of each client are kept. [Engine.Operation]
// tells what became of such a write.
//
// # Commands
//
// A log entry is a sealed block (package internal/seal) of kind 0x43 ("C") and at most
// [MaxCommandBytes] long. Its payload, integers little endian:
//
//	offset  size  field
//	0       2     type
//	2       2     version of the payload
//	4             payload, CBOR in core deterministic encoding, keys are integers
//
// The types; a type or version that a build does not know is [Fatal]:
//
//	 1  init cluster       id, key for outside ids
//	 2  create collection  settings with fingerprint and time, weights of words; the id is given by
//	                       Apply
//	 3  delete collection  collection
//	 4  submit             collection, actor, id, uri, media type, blob, size, metadata,
//	                       readers, time, run of the receive stage
//	 5  claim              job
//	 6  stage silver       job, part, data
//	 7  stage chunks       job, chunks with vectors
//	 8  complete           completion: title, hashes and counts of what is staged, runs, time
//	 9  fail               job, failure, runs
//	10  retry              collection, actor, id, time
//	11  delete documents   collection, actor, kind, ids, time
//	12  put points         collection, actor, time, points
//	13  named              operation; type, version and payload of a command 2, 3, 4, 10, 11,
//	                       12, 14, 15, 16, 17, 19, 23 or 24
//	14  tune               collection, change of the settings that shape no data, time
//	15  patch documents    collection, selection, patch, time
//	16  delete selected    collection, selection, time; with another time only what has expired by then
//	17  note selected      collection, outcome of a write about a selection that took several commands
//	18  prune history      collection, time: what ended then or before is forgotten, as much as one
//	                       command may
//	19  put evaluation     collection, evaluation set: name, blob, size, hash, counts, time
//	20  seal segment       collection
//	21  sealed segment     collection, segment, hash and size of its file, of a merge too
//	22  merge segments     collection, inputs
//	23  delete evaluation  collection, name
//	24  put feedback       collection, actor, document, judgement: question, hash, span, grade, answer, time
//
// A selection is an actor, a kind, ids or numbers of documents, and a filter as JSON that they must
// match when the command is applied.
//
// Older versions of a payload are read too. Submit and put points are at 4: version 2 added
// conditions on the version, 3 expiry and metadata with objects and null, 4 a language and vectors in
// named spaces, which are version 2 of create collection and stage chunks. Delete documents is at 3:
// conditions, then a time. Tune is at 3 and delete selected at 2, with a time and then language and
// glossary, which are version 4 of create collection, after a history and weights. Complete is at 2, with a
// language. All others are at 1.
//
// An actor is the principal with its labels: access is decided by Apply, against the state
// that the command meets.
//
// # Concurrency
//
// All methods may be called at the same time, but Apply and Restore come from one
// goroutine, in log order. See DESIGN.md for how snapshots are published.
package collection
