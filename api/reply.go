package api

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/api/v1"
)

// A client has writeGrace and then one second for each writeRate bytes to take an answer.
const (
	writeGrace = 30 * time.Second
	writeRate  = 64 << 10
)

// writeJSON answers with v. It is encoded first, so that an answer is whole or an error.
func writeJSON(w http.ResponseWriter, status int, v any) error {
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return fmt.Errorf("encode %T: %w", v, err)
	}
	writeBytes(w, status, v1.MediaTypeJSON, buf.Bytes())
	return nil
}

// writeBytes answers with a body. An error of writing means that the caller is gone, and
// there is nobody to tell.
func writeBytes(w http.ResponseWriter, status int, mediaType string, body []byte) {
	allowed := writeGrace + time.Duration(len(body)/writeRate)*time.Second
	_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(allowed))
	w.Header().Set("Content-Type", mediaType)
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	_, _ = w.Write(body)
}

// batchStatus is the status of an answer about several things.
func batchStatus(failed bool) int {
	if failed {
		return http.StatusMultiStatus
	}
	return http.StatusOK
}

// itemError turns the error of the i-th item of a list into its entry, with the path from
// the request's root. Failures of ours are logged and lose their text, as anywhere.
func (s *service) itemError(r *http.Request, list string, i int, err error) *v1.ItemError {
	coded := codedError(err)
	if v1.InfoOf(coded.Code).Code == lode.CodeInternal {
		s.log.ErrorContext(r.Context(), "request failed in part", "request_id", requestID(r.Context()), "item", i, "error", err.Error())
		coded = &lode.Error{Code: lode.CodeInternal, Message: "internal error",
			Hint: "the log of the node holds the rest under request_id " + requestID(r.Context())}
	}
	return v1.NewItemError(inItem(list, i, coded))
}

// inItem names the item that an error is about, unless it is about the collection, which
// the path names, or the key of the request.
func inItem(list string, i int, coded *lode.Error) *lode.Error {
	if coded.Field == "collection" || aboutKey(coded) {
		return coded
	}
	return coded.In(fmt.Sprintf("%s[%d]", list, i))
}
