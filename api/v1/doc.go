// Package v1 is the versioned contract of Lode's HTTP API: the JSON types that travel, the
// table of error codes and the paths. The api package serves it, the client package calls
// it, and the OpenAPI document is reflected from it.
//
// # What holds for every type
//
// Wire types are not storage types: a change of how something is stored does not show here.
// Members are snake_case. A member that has no value is left out, never null; a request
// that says null is refused, but for metadata, where null is a value, and expires_at of a patch,
// where it stands for never. A member that a request may leave out is marked omitempty (or
// is a pointer, where zero is a value of its own: an explicit k of 0 is an error, a missing
// k is the default). Byte ranges are half open and count bytes of UTF-8 or of the file.
// Hashes are SHA-256 in lower-case hex. Times are RFC 3339 in UTC. Unknown members of a
// request are refused; clients must accept unknown members of a response, since members may
// be added within v1. Nothing is renamed or removed within v1.
//
// Struct tags carry the documentation: doc, example, enum, minimum and so on become the
// JSON Schema of the field. A test demands a doc tag on every field.
//
// # Errors
//
// A failed request answers with [Problem], an RFC 9457 problem details object. Its code is
// stable and listed in errors.go with the status it is sent with. A request about several
// things reports each failing one as an [ItemError] and answers 207.
//
// # Paths
//
// Outside ids may hold any character, slashes included. In a path an id is ONE segment,
// percent-encoded: the document "guide/a b.md" is at …/documents/guide%2Fa%20b.md. The
// functions in paths.go build paths; [EscapeID] is the rule alone.
package v1
