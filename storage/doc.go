// Package storage keeps the durable truth of one node: the catalogue of collections,
// documents and versions, the segments with their rows, and the blobs they were made from. Everything that is
// searchable can be rebuilt from here; nothing here is ever asked of an index.
//
// It owns the data folder, the formats in it, snapshots, and the checker. It leaves to
// others what a log entry means (package collection), who may see what, how vectors are
// searched, and consensus; package raft keeps its own files in a folder that this package
// hands to it.
//
// # Types
//
//	Store   the open folder; Update applies a log entry, View reads one moment
//	Tx      a transaction: the only way to read or write records
//	Blobs   files under the SHA-256 of their content
//	Breach  something that Check found
//
// A Store is driven by the replicated log. [Store.Update] is one transaction: what a log
// entry changes and its position happen together, in memory; a flusher makes many of them
// durable together, within [Options.FlushInterval]. After a crash the store is at its last
// flush, and the log is applied again from [Store.Flushed] on, so an entry is never lost and
// never applied twice. Whatever is written depends on the entry and the state alone; there
// is no clock and no chance in it, so that [Store.StateHash] is equal on all nodes.
//
// # Data folder
//
//	LOCK                 advisory lock with the PID of the owner
//	NODE                 identity of the node and format of the folder, written last and once
//	PLAN                 what an exchange of several files has still to do
//	catalog.db           the catalogue, a bbolt file
//	segments/1-2.growing     segment 2 of collection 1 while it grows, a bbolt file
//	segments/<sha256>.segment a sealed segment
//	segments/<sha256>.index   a graph over it, derived, of this node alone
//	segments/<sha256>.1.index the same over the vectors of its first named space
//	segments/<sha256>.words.index the words of its rows, likewise
//	blobs/ab/<sha256>    a blob, in the shard of the first byte of its hash
//	blobs/tmp/           blobs that are being written
//	raft/                the log's own files
//	models/, embeddings/ of embed/local and embed/service; nothing here looks into them
//	*.tmp                unfinished files, removed at the next open
//
// # Catalogue
//
// Buckets, with what their keys and values are. Integers in keys are big endian. Values are
// deterministic CBOR in an envelope of package seal. No text of users is ever a key: names
// and outside ids are found by a keyed hash, and the plain form in the value is compared.
//
//	local                                 of this node; not in the state hash
//	cluster                               identity, id key, counters
//	collections   id                      lode.Collection
//	names         hash of the name        name, collection id
//	data/<id>/documents   document        lode.Document
//	data/<id>/ids         hash of the id  kind, id, document
//	data/<id>/versions    document, version           lode.DocVersion
//	data/<id>/segments    segment         Segment
//	data/<id>/members     segment, document, version  what a sealed file is built from
//	data/<id>/quarantine  document        nothing
//	data/<id>/counters                    last row, last segment, growing segment
//	data/<id>/past        log entry, document         what was shown until then, see Past
//	data/<id>/model                       weights of words, for its embedder
//	jobs          collection, document, version       lode.Job
//	blobs         hash                    number of versions that refer to it
//	operations    client's key, part      outcome of a write that has a key
//	operation order  client, place        which of them is dropped next
//
// # Segments
//
// A version that is staged has a place ([Tx.Place]) in the growing segment of its collection:
// its rows and silver go to that file. [Tx.Seal] closes it, [Store.BuildSegment] makes the
// sealed file, the same on every node, and [Tx.PutSealed] names it. [Tx.Merge] begins a
// segment that takes the place of sealed ones, which is built and named in the same manner;
// versions go on naming the segment they were staged in, and [Tx.Home] says which has them.
//
// A collection with a history keeps what it showed ([Tx.PutPast]) and the versions that nothing else
// shows, as members of their segments, until [Tx.PrunePast].
//
// [Store.Scrub] reads sealed files now and then and refuses what is damaged; [Tx.MapSealed]
// gives searches their vectors in mapped memory, which [SealedRows.Check] vouches for.
//
// Byte tables, version numbers and their history are in docs/format; the reasons are in
// DESIGN.md.
//
// # Errors
//
// Missing objects are [lode.CodeNotFound], damage and unknown versions [lode.CodeCorrupt],
// a full disk [lode.CodeNoStorage], a folder in use or an entry applied before
// [lode.CodeConflict], a store that is closed or had to stop writing
// [lode.CodeUnavailable]. Damaged pages, of which bbolt only panics, become errors too.
package storage
