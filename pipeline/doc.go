// Package pipeline takes a document from received bytes to searchable chunks.
//
// # The path
//
//	Submit   validate -> media type -> blob durable -> log -> queue       (receive)
//	worker   bronze   -> parse -> silver -> chunk -> gold -> embed        (nothing is visible)
//	         stage the parts, then one Complete                           (commit)
//
// Submit returns when the bytes are durable and the job is in the log: from then on no
// crash loses the document. The queue holds the names of jobs only; a worker reads the
// bytes from the blob store, which verifies their hash, so a backlog of any size costs a
// few bytes for each document.
//
// # Jobs
//
// A [lode.Job] is the right to process one version of a document, fenced by its epoch. The
// node that leads the log calls [Pipeline.Start]; jobs that were pending are claimed one by
// one under a new epoch, and whatever an earlier owner still sends is refused by the log
// with [lode.CodeSuperseded]. [Pipeline.Stop] cancels the work and waits for it; the jobs
// stay in the log.
//
// A job ends in one of three ways:
//
//	ready         Complete made its chunks visible and hid the older version
//	quarantined   a stage failed: stage, code and reason are recorded, the bytes stay, the
//	              older version stays searchable, Retry starts it again
//	dropped       a newer version or another owner took over, or the document was deleted
//
// A log that is unavailable, overloaded or of unknown outcome never fails a document: the
// worker keeps the computed parts and tries again with growing pauses until it gets
// through or is stopped.
//
// # Runs and traces
//
// Each stage records a [lode.Run] whose input and output hashes join it to the next:
//
//	receive          -> blob
//	parse    blob    -> silver     configuration: parser version
//	chunk    silver  -> gold       configuration: chunker fingerprint
//	embed    gold    -> vectors    configuration: embedder fingerprint
//	commit   gold, vectors -> gold
//
// [Pipeline.Trace] recomputes every link from stored bytes.
//
// # What it leaves to others
//
// How a format is parsed (pipeline/parse), how text is cut (chunker) and embedded (embed),
// how state is stored, replicated and searched (collection and below), who may call
// (api). It meets them as the functions and interfaces of [Options]. It keeps no state of
// its own: what it knows after a restart is what the log says. See DESIGN.md.
package pipeline
