package api

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strconv"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/api/v1"
)

// codedError gives the coded form of any error. One without a code becomes internal with a
// neutral message; its text is for the log only.
func codedError(err error) *lode.Error {
	var coded *lode.Error
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &coded):
		return coded
	case errors.As(err, &tooLarge):
		return lode.FieldError(lode.CodeTooLarge, "body", tooLarge.Limit, "request body is larger than %d bytes", tooLarge.Limit)
	case errors.Is(err, context.Canceled):
		return &lode.Error{Code: lode.CodeCanceled, Message: "the caller left", Err: err}
	case errors.Is(err, context.DeadlineExceeded):
		return &lode.Error{Code: lode.CodeTimeout, Message: "the deadline passed before the work was done", Err: err}
	}
	return &lode.Error{Code: lode.CodeInternal, Message: "internal error", Err: err}
}

// bodyError gives the coded form of an error met while reading a request body.
func bodyError(err error) *lode.Error {
	var timeout net.Error
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded), errors.As(err, &timeout) && timeout.Timeout():
		return &lode.Error{Code: v1.CodeSlowBody, Field: "body", Message: "request body stopped or arrives too slowly", Err: err}
	case errors.Is(err, io.ErrUnexpectedEOF):
		return &lode.Error{Code: lode.CodeMalformed, Field: "body", Message: "request body ends early", Err: err}
	}
	coded := codedError(err)
	if coded.Code == lode.CodeInternal { // the connection broke, or its chunks are not HTTP
		return &lode.Error{Code: lode.CodeMalformed, Field: "body", Message: "request body cannot be read", Err: err}
	}
	return coded
}

// problem answers with err and returns its code. Failures of ours are logged here, once.
func (s *service) problem(w http.ResponseWriter, r *http.Request, err error) lode.Code {
	coded := codedError(err)
	info := v1.InfoOf(coded.Code)
	id := requestID(r.Context())
	if coded.Code == lode.CodeInternal || coded.Code == lode.CodeCorrupt || info.Code != coded.Code {
		s.log.LogAttrs(r.Context(), slog.LevelError, "request failed",
			slog.String("request_id", id), slog.String("code", string(info.Code)), slog.String("error", err.Error()))
	}
	if info.Code == lode.CodeInternal {
		coded = &lode.Error{Code: lode.CodeInternal, Message: "internal error",
			Hint: "the log of the node holds the rest under this request_id"}
	}
	writeProblem(w, coded, id)
	return info.Code
}

// writeProblem sends the problem details of e.
func writeProblem(w http.ResponseWriter, e *lode.Error, requestID string) {
	p := v1.NewProblem(e, requestID)
	switch {
	case v1.InfoOf(e.Code).Retry:
		w.Header().Set("Retry-After", strconv.Itoa(retryAfterSeconds))
	case p.Status == http.StatusUnauthorized:
		w.Header().Set("WWW-Authenticate", "Bearer")
	case e.Code == v1.CodeSlowBody:
		w.Header().Set("Connection", "close")
	}
	w.Header().Set("Cache-Control", "no-store")
	body, err := json.Marshal(p)
	if err != nil { // not possible: strings and one integer
		panic(err)
	}
	writeBytes(w, p.Status, v1.MediaTypeProblem, append(body, '\n'))
}

// retryAfterSeconds is what overloaded and starting nodes ask callers to wait.
const retryAfterSeconds = 1
