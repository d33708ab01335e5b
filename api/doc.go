// Package api serves Lode over HTTP.
//
// It owns routes, the strict reading of requests, the writing of answers, problem details,
// the OpenAPI document and the limits that keep one caller from harming others. It leaves
// the work to the [Backend], interfaces that it declares here in terms of the root nouns
// and that the server package fills in. It knows no engine.
//
// # One table of routes
//
// routes.go lists every route with its parameters, body, answers and error codes. The chi
// router and the OpenAPI 3.1 document are both made from that table, with JSON Schemas
// reflected from the wire types of package v1, so the document cannot describe a route that
// does not exist or miss one that does. Handlers are grouped by resource, one file each,
// and have one shape: decode, call, encode, or return an error.
//
// # Requests
//
// A body is read to its end, then decoded in one pass (json.go) that refuses unknown,
// repeated and null members, wrong types, broken UTF-8 and trailing data, and names the
// path and value of what it refuses. Nothing is stored before the whole request is known
// to be readable. Unknown query parameters are refused too.
//
// Outside ids may hold slashes. Paths are matched in the form they were sent, before
// decoding, so an id is one percent-encoded segment whatever is in it.
//
// # Writes
//
// The table says which routes write. Those take an Idempotency-Key and hand it on as a
// [lode.Write] with a hash of the request; all others refuse it. The hash is of route, path,
// query and body as sent; of an upload, of its documents. The answer names the operation in a
// header before the handler runs, so that an error names it too. See write.go.
//
// # Answers
//
// Errors become problem details in one place (problem.go) with the status from the table
// in package v1. An error without a code is ours: it is logged once with the request id
// and the caller sees a neutral text. A request about several things answers 207 when some
// failed, with an entry for each; a request about one thing answers with its problem.
//
// # Searches for vectors
//
// They are asked thousands of times a second, so what they cost beside the search counts.
// Their body is read into a kept buffer; a vector is decoded at once where it is plain
// (json_vector.go) and by the strict decoder where it is not, which then says what is wrong;
// hits are written by hand (hits.go) and held by a test against encoding/json. A deadline is a
// moment that is looked at, without a timer (context.go). A request is counted and logged before
// its answer leaves: flushed earlier it wakes the caller's thread while this one is still at
// work, and on few cores the change of threads costs more than the line of the log. Bodies may be
// frames instead of JSON (docs/wire.md).
//
// # Limits
//
// Headers must arrive within 5 s (see [NewServer]), bodies must keep a minimum rate and end
// at a limit, all bodies together have a memory budget, at most so many requests are served
// at a time, and every request has a deadline. Answers must be taken within 30 s plus a
// second for every 64 KiB. A caller that leaves cancels its request's context. Web pages of
// other origins may not use a browser to change anything.
//
// Logs carry the route's pattern, never the path, query or body: those are users' text.
package api
