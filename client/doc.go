// Package client calls Lode's HTTP API from Go.
//
// A [Client] has one method for each route, named like the OpenAPI operation, with the
// wire types of package v1 going in and coming out. It owns connections, retries and the
// reading of errors; it knows nothing of what the server does with a request. Clients are
// safe for use by many goroutines.
//
// # Errors
//
// Every error is or wraps a [lode.Error], so callers branch on [lode.CodeOf]. An answer
// with problem details keeps its code, field, value and hint; a server that cannot be
// reached is unavailable. A batch answers with one result for each item, and a failed item
// is not an error of the call.
//
// # Retries
//
// A request that was not carried out is repeated with growing pauses, or after the seconds
// that the server asks for: connections refused, and the codes overloaded and unavailable.
// When a connection breaks later, or the server cannot say what became of a write, reads and
// writes are repeated: every write has an Idempotency-Key, made by the call and kept over its
// retries, under which it takes effect once ([WithKey] gives one of your own). A write of which
// no attempt was answered is outcome_unknown, and the hint says how to ask for it. Only the
// making of a backup is not repeated.
//
// # Uploads
//
// [Client.UploadDocuments] streams files as multipart/form-data without holding them in
// memory; a file is opened again when the request is repeated. [Client.UploadAll] cuts any
// number of files into requests below the server's limit on bodies.
package client
