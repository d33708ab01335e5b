package v1

import "github.com/lodedb/lode"

// Codes that only the HTTP surface uses, beside those of the root package.
const (
	CodeMethodNotAllowed lode.Code = "method_not_allowed" // the path exists, the method does not
	CodeSlowBody         lode.Code = "slow_body"          // the request body arrives slower than the minimum rate
)

// StatusClientGone is recorded when the caller left before the answer; nobody receives it.
const StatusClientGone = 499

// CodeInfo documents one error code.
type CodeInfo struct {
	Code    lode.Code
	Status  int    // the HTTP status it is sent with
	Title   string // of the problem
	Meaning string // what happened and what the caller can do
	Retry   bool   // the request was not carried out and may be repeated later
}

// codes is the one table from code to status.
var codes = []CodeInfo{
	{lode.CodeInvalid, 400, "Invalid value",
		"A value breaks a rule; field and value say which. Correct it; repeating does not help.", false},
	{lode.CodeUnknownField, 400, "Unknown field",
		"The request holds a member or query parameter that does not exist; field is its path.", false},
	{lode.CodeMalformed, 400, "Malformed request",
		"The bytes are not what they claim to be: broken JSON, multipart, UTF-8 or base64. The detail holds the position.", false},
	{lode.CodeUnauthorized, 401, "Unauthorized",
		"The caller is not known or may not do this.", false},
	{lode.CodeNotFound, 404, "Not found",
		"The object named by field and value does not exist, or the caller may not see it.", false},
	{CodeMethodNotAllowed, 405, "Method not allowed",
		"The path exists but not with this method; the Allow header lists those that do.", false},
	{CodeSlowBody, 408, "Request body too slow",
		"The request body stopped or arrived slower than the minimum rate, and was cut.", false},
	{lode.CodeConflict, 409, "Conflict",
		"The object exists already, its settings differ from those asked for, or the Idempotency-Key was used for another request.", false},
	{lode.CodeSuperseded, 409, "Superseded",
		"A newer version has taken over while the request was carried out.", false},
	{lode.CodePrecondition, 412, "Precondition failed",
		"A condition of the request does not hold: the object is at another version than if_version says. Read it again, and decide anew.", false},
	{lode.CodeTooLarge, 413, "Too large",
		"A declared limit is exceeded; field names it.", false},
	{lode.CodeUnsupportedMedia, 415, "Unsupported media type",
		"The Content-Type of the request, or the media type of a document, is not supported.", false},
	{lode.CodeNoText, 422, "No text",
		"The document is whole but holds no text, as a redirect stub or a scan without a text layer.", false},
	{lode.CodeOverloaded, 429, "Overloaded",
		"A limit on concurrent work or memory is reached; repeat after the seconds in Retry-After.", true},
	{lode.CodeCanceled, StatusClientGone, "Client left",
		"The caller left before the answer. Seen in logs and metrics only.", false},
	{lode.CodeInternal, 500, "Internal error",
		"A bug or a broken machine. The node's log holds the rest under request_id.", false},
	{lode.CodeCorrupt, 500, "Corrupt data",
		"Stored bytes do not match their checksum or hash. Run a check; restore or rebuild what it names.", false},
	{lode.CodeProvider, 502, "Embedding provider failed",
		"The embedding provider of the collection failed or is unreachable.", false},
	{lode.CodeUnavailable, 503, "Unavailable",
		"The node is starting, stopping or without a leader; repeat after the seconds in Retry-After.", true},
	{lode.CodeTimeout, 504, "Timed out",
		"A deadline passed before the work was done.", false},
	{lode.CodeOutcomeUnknown, 504, "Outcome unknown",
		"The write may or may not have happened. Ask for its operation, or repeat it under the same Idempotency-Key: then it happens once.", false},
	{lode.CodeNoStorage, 507, "Insufficient storage",
		"The disk or the memory of the node has no room for more data; detail says which. Nothing was written. Reads and deletes go on, and writes are taken again once there is room.", false},
}

// Codes returns the table of all codes.
func Codes() []CodeInfo { return append([]CodeInfo(nil), codes...) }

// InfoOf returns the entry of a code, that of [lode.CodeInternal] for one that is not in
// the table.
func InfoOf(code lode.Code) CodeInfo {
	internal := CodeInfo{}
	for _, info := range codes {
		if info.Code == code {
			return info
		}
		if info.Code == lode.CodeInternal {
			internal = info
		}
	}
	return internal
}

// Problem is the answer to a request that failed, as application/problem+json (RFC 9457).
type Problem struct {
	Type      string    `json:"type" doc:"Identifies the kind of problem: urn:lode:error: and the code." example:"urn:lode:error:invalid"`
	Title     string    `json:"title" doc:"The kind of problem in words; the same for every problem of a code." example:"Invalid value"`
	Status    int       `json:"status" doc:"The HTTP status of the answer." example:"400"`
	Detail    string    `json:"detail" doc:"What went wrong this time." example:"k must be 1 to 10000"`
	Code      lode.Code `json:"code" doc:"What to branch on; see the table of codes." example:"invalid"`
	Field     string    `json:"field,omitempty" doc:"Path of the offending member or parameter." example:"k"`
	Value     string    `json:"value,omitempty" doc:"The offending value as text, cut to a short prefix." example:"0"`
	Hint      string    `json:"hint,omitempty" doc:"The next step, where one is known."`
	RequestID string    `json:"request_id,omitempty" doc:"Names the request in the node's log." example:"JXZ5T7KQ3N2V4B6M8P9R"`
}

// ItemError says why one part of a batch failed.
type ItemError struct {
	Code   lode.Code  `json:"code" doc:"What to branch on; see the table of codes." example:"invalid"`
	Detail string     `json:"detail" doc:"What went wrong." example:"document is empty"`
	Field  string     `json:"field,omitempty" doc:"Path of the offending member, from the request's root." example:"documents[3].content"`
	Value  string     `json:"value,omitempty" doc:"The offending value as text, cut to a short prefix."`
	Hint   string     `json:"hint,omitempty" doc:"The next step, where one is known."`
	Stage  lode.Stage `json:"stage,omitempty" doc:"Where processing failed, for a document in quarantine." enum:"receive,parse,chunk,embed,commit" example:"parse"`
}

// TypeOf is the problem type of a code.
func TypeOf(code lode.Code) string { return "urn:lode:error:" + string(code) }

// NewProblem describes e for the caller of the request.
func NewProblem(e *lode.Error, requestID string) Problem {
	info := InfoOf(e.Code)
	return Problem{
		Type: TypeOf(info.Code), Title: info.Title, Status: info.Status, Detail: e.Message, Code: info.Code,
		Field: e.Field, Value: e.Value, Hint: e.Hint, RequestID: requestID,
	}
}

// Err is the error that the problem tells about.
func (p *Problem) Err() *lode.Error {
	return &lode.Error{Code: p.Code, Field: p.Field, Value: p.Value, Message: p.Detail, Hint: p.Hint}
}

// NewItemError describes e as a part of a batch.
func NewItemError(e *lode.Error) *ItemError {
	return &ItemError{Code: InfoOf(e.Code).Code, Detail: e.Message, Field: e.Field, Value: e.Value, Hint: e.Hint}
}

// Err is the error that the item tells about.
func (i *ItemError) Err() *lode.Error {
	return &lode.Error{Code: i.Code, Field: i.Field, Value: i.Value, Message: i.Detail, Hint: i.Hint}
}
