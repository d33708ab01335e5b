package provider

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/lodedb/lode"
)

// failure is why an attempt gave no answer.
type failure struct {
	code     lode.Code // the default is CodeProvider
	reason   string
	hint     string
	again    bool          // whether another attempt may help
	refused  bool          // whether the request itself is at fault
	after    time.Duration // that the provider asks to wait
	attempts int
	note     string // why there were no more attempts
}

func (c *Client) error(f *failure) error {
	code := f.code
	if code == "" {
		code = lode.CodeProvider
	}
	message := fmt.Sprintf("%s %s: %s", c.o.Kind, c.host, f.reason)
	if f.attempts > 1 {
		message += fmt.Sprintf(", after %d attempts", f.attempts)
	}
	if f.note != "" {
		message += "; " + f.note
	}
	e := &lode.Error{Code: code, Message: message, Hint: f.hint}
	if f.refused {
		e.Err = ErrRefused
	}
	return e
}

// transportFailure explains an error of the HTTP client. ctx is that of the attempt.
func transportFailure(ctx context.Context, timeout time.Duration, err error, secret secrets) *failure {
	if ctx.Err() == context.DeadlineExceeded {
		return &failure{reason: fmt.Sprintf("no full answer within %v", timeout), again: true}
	}
	var wrapped *url.Error
	if errors.As(err, &wrapped) {
		err = wrapped.Err // without the address
	}
	var own *lode.Error // the node does not let the request out
	if errors.As(err, &own) {
		return &failure{reason: own.Message, hint: own.Hint}
	}
	var certificate *tls.CertificateVerificationError
	reason := secret.short(err.Error())
	if reason == "" {
		reason = "the connection failed"
	}
	return &failure{reason: reason, again: !errors.As(err, &certificate)}
}

// statusFailure explains an answer other than 200.
func statusFailure(response *http.Response, secret secrets) *failure {
	const most = 16 << 10
	body, _ := io.ReadAll(io.LimitReader(response.Body, most)) // a broken message is no message
	told := providerMessage(body)
	status := response.StatusCode
	f := &failure{
		reason:  fmt.Sprintf("status %d", status),
		again:   status == http.StatusRequestTimeout || status == http.StatusConflict || status == http.StatusTooManyRequests || status >= 500,
		refused: status == http.StatusBadRequest || status == http.StatusRequestEntityTooLarge || status == http.StatusUnprocessableEntity,
		after:   max(retryAfter(response.Header, time.Now()), told.after),
	}
	switch {
	case status >= 300 && status < 400:
		f.reason += ", redirects are refused"
	case status == http.StatusUnauthorized || status == http.StatusForbidden || told.key:
		f.hint, f.refused = "check the provider's API key", false
	case status == http.StatusNotFound:
		f.hint = "check the provider's base URL and model"
	case status == http.StatusRequestEntityTooLarge || isTooLong(told.kind, told.message):
		f.code = lode.CodeTooLarge
	case told.kind == "insufficient_quota":
		f.again = false
	}
	switch response.Header.Get("X-Should-Retry") {
	case "true":
		f.again = true
	case "false":
		f.again = false
	}
	for _, detail := range []string{secret.short(told.kind), secret.short(told.message)} {
		if detail != "" {
			f.reason += ", " + detail
		}
	}
	return f
}

// tooLong are parts of what providers say of texts that are too long, in lower case.
var tooLong = []string{
	"maximum context length", "maximum input length", // OpenAI, vLLM
	"too many tokens", "input is too long", // Cohere, Jina
	"context length", "context window", // Voyage, llama.cpp
	"input token count", // Gemini
}

func isTooLong(kind, message string) bool {
	message = strings.ToLower(message)
	return kind == "context_length_exceeded" || slices.ContainsFunc(tooLong, func(part string) bool { return strings.Contains(message, part) })
}

// told is what a provider says of a failure.
type told struct {
	kind, message string
	after         time.Duration // that it asks to wait, in the body
	key           bool          // the key is at fault, whatever the status
}

// providerMessage reads the error forms in use: {"error":{"message","code","type","status"}},
// {"error":"…","error_type":"…"}, {"message":"…"} and {"detail":"…"}. Nothing else of a body
// is shown.
func providerMessage(body []byte) told {
	var outer struct {
		Error           json.RawMessage `json:"error"`
		Message, Detail any
		Type            any `json:"error_type"` // of TEI
	}
	if json.Unmarshal(body, &outer) != nil {
		return told{}
	}
	var inner struct {
		Message, Code, Type, Status any
		Details                     json.RawMessage
	}
	if json.Unmarshal(outer.Error, &inner) == nil {
		t := told{kind: firstText(inner.Code, inner.Type, inner.Status), message: firstText(inner.Message)}
		var details []geminiDetail
		_ = json.Unmarshal(inner.Details, &details) // others have none, or other ones
		for _, d := range details {
			wait, _ := time.ParseDuration(d.RetryDelay) // absent in most
			t.after, t.key = max(t.after, min(wait, 24*time.Hour)), t.key || d.Reason == "API_KEY_INVALID"
		}
		return t
	}
	var plain any
	_ = json.Unmarshal(outer.Error, &plain) // absent in the last two forms
	return told{kind: firstText(outer.Type), message: firstText(plain, outer.Message, outer.Detail)}
}

// geminiDetail is what Gemini adds to an error: a RetryInfo, or an ErrorInfo.
type geminiDetail struct {
	RetryDelay string // as "34s"
	Reason     string
}

func firstText(values ...any) string {
	for _, value := range values {
		if text, ok := value.(string); ok && text != "" {
			return text
		}
	}
	return ""
}

// secrets is what must not appear in an error.
type secrets struct {
	key   string
	texts []string
}

const (
	window = 12 // bytes that a message may share with a secret
)

// short returns a message on one line, cut; or nothing when it repeats a text or the key,
// even in part.
func (s secrets) short(message string) string {
	message = strings.Join(strings.FieldsFunc(message, func(r rune) bool {
		return unicode.IsSpace(r) || unicode.IsControl(r)
	}), " ")
	message = lode.CutValue(message)
	if shares(message, s.key, 6) {
		return ""
	}
	for _, text := range s.texts {
		if shares(message, text, window) {
			return ""
		}
	}
	return message
}

// shares reports whether the message holds n bytes in a row of the secret, or all of one that
// is shorter but more than a few letters.
func shares(message, secret string, n int) bool {
	if len(secret) < n {
		return len(secret) > 3 && strings.Contains(message, secret)
	}
	for i := 0; i+n <= len(message); i++ {
		if strings.Contains(secret, message[i:i+n]) {
			return true
		}
	}
	return false
}
