package lode

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"
)

// Code says what kind of failure an [Error] is. Codes are part of the public API: clients
// branch on them, so a code is never renamed.
type Code string

// The codes, from the caller's mistakes to ours.
const (
	CodeInvalid          Code = "invalid"              // a value breaks a rule; Field and Value say which
	CodeUnknownField     Code = "unknown_field"        // the request holds a field that does not exist
	CodeMalformed        Code = "malformed"            // the bytes are not what they claim to be (JSON, multipart, PDF)
	CodeUnsupportedMedia Code = "unsupported_media"    // no parser for this media type
	CodeNoText           Code = "no_text"              // the document is whole but holds no text
	CodeTooLarge         Code = "too_large"            // a declared limit is exceeded
	CodeNotFound         Code = "not_found"            // the named object does not exist
	CodeConflict         Code = "conflict"             // the object exists already, or its settings differ
	CodePrecondition     Code = "precondition"         // a condition of the request, as if_version, does not hold
	CodeUnauthorized     Code = "unauthorized"         // no principal, or one that may not do this
	CodeSuperseded       Code = "superseded"           // a newer version or job epoch has taken over
	CodeTimeout          Code = "timeout"              // a deadline passed before the work was done
	CodeCanceled         Code = "canceled"             // the caller left
	CodeOverloaded       Code = "overloaded"           // a concurrency or memory limit is reached; try again later
	CodeNoStorage        Code = "insufficient_storage" // no room on the disk or in memory for more data; reads and deletes go on
	CodeUnavailable      Code = "unavailable"          // no leader, still starting, or shutting down
	CodeOutcomeUnknown   Code = "outcome_unknown"      // the write may or may not have happened; ask before repeating
	CodeProvider         Code = "provider"             // an embedding provider failed or is unreachable
	CodeCorrupt          Code = "corrupt"              // stored bytes do not match their checksum or hash
	CodeInternal         Code = "internal"             // a bug or a broken machine; the log holds the rest
)

// maxErrorValue bounds how much of an offending value an error repeats, in bytes.
const maxErrorValue = 120

// Error is a failure that a caller can act on: a stable code, the field and value it is
// about, and where one is known the next step in Hint. It never carries document text or
// secrets; Value is cut to a short prefix.
type Error struct {
	Code    Code
	Field   string // path of the offending field, e.g. "filter.and[1].gte"; empty when none
	Value   string // the offending value as text, cut; empty when none
	Message string // lower case, no trailing full stop
	Hint    string // the next step for the reader; optional
	Err     error  // the cause; optional, never shown to remote callers
}

// Error returns the message with field, value, hint and cause.
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString(e.Message)
	if e.Field != "" {
		fmt.Fprintf(&b, " (field %q", e.Field)
		if e.Value != "" {
			fmt.Fprintf(&b, ", value %q", e.Value)
		}
		b.WriteByte(')')
	}
	if e.Hint != "" {
		b.WriteString("; " + e.Hint)
	}
	if e.Err != nil {
		b.WriteString(": " + e.Err.Error())
	}
	return b.String()
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// Errorf makes an [Error] without a field. A %w verb sets the cause.
func Errorf(code Code, format string, args ...any) *Error {
	wrapped := fmt.Errorf(format, args...)
	e := &Error{Code: code, Message: wrapped.Error()}
	if cause := errors.Unwrap(wrapped); cause != nil {
		e.Err = cause
		e.Message = strings.TrimSuffix(strings.TrimSuffix(e.Message, cause.Error()), ": ")
	}
	return e
}

// Invalid makes a [CodeInvalid] error about a field and the value it was given.
func Invalid(field string, value any, format string, args ...any) *Error {
	return FieldError(CodeInvalid, field, value, format, args...)
}

// FieldError makes an error of the given code about a field and the value it was given.
func FieldError(code Code, field string, value any, format string, args ...any) *Error {
	return &Error{Code: code, Field: field, Value: CutValue(fmt.Sprint(value)), Message: fmt.Sprintf(format, args...)}
}

// NotFound makes a [CodeNotFound] error: NotFound("collection", "docs").
func NotFound(what string, name any) *Error {
	return FieldError(CodeNotFound, what, name, "%s does not exist", what)
}

// WithHint returns a copy of e that names the next step.
func (e *Error) WithHint(hint string) *Error {
	c := *e
	c.Hint = hint
	return &c
}

// In returns a copy of e whose field path is prefixed with parent: an error about "gte"
// in("filter.and[1]") is about "filter.and[1].gte".
func (e *Error) In(parent string) *Error {
	c := *e
	switch {
	case c.Field == "":
		c.Field = parent
	case strings.HasPrefix(c.Field, "["):
		c.Field = parent + c.Field
	default:
		c.Field = parent + "." + c.Field
	}
	return &c
}

// asError gives the coded form of an error that this package made.
func asError(err error) *Error {
	if e, ok := err.(*Error); ok {
		return e
	}
	return &Error{Code: CodeInvalid, Message: err.Error(), Err: err}
}

// CodeOf returns the code of the first [Error] in err's chain, [CodeInternal] for any
// other error, and "" for nil.
func CodeOf(err error) Code {
	if err == nil {
		return ""
	}
	var e *Error
	if errors.As(err, &e) {
		return e.Code
	}
	return CodeInternal
}

// IsCode reports whether err carries the code.
func IsCode(err error, code Code) bool { return err != nil && CodeOf(err) == code }

// CutValue shortens a value for an error or a log line to a valid UTF-8 prefix.
func CutValue(s string) string {
	s = strings.ToValidUTF8(s, "\uFFFD")
	if len(s) <= maxErrorValue {
		return s
	}
	cut := maxErrorValue
	for !utf8.RuneStart(s[cut]) {
		cut--
	}
	return s[:cut] + "…"
}
