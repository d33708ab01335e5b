package openai

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
	"unicode"

	"github.com/lodedb/lode"
)

// failure is why an attempt gave no vectors.
type failure struct {
	code     lode.Code // the default is CodeProvider
	reason   string
	hint     string
	again    bool          // whether another attempt may help
	after    time.Duration // that the provider asks to wait
	attempts int
	note     string // why there were no more attempts
}

func (f *failure) error(host string) error {
	code := f.code
	if code == "" {
		code = lode.CodeProvider
	}
	message := fmt.Sprintf("embedding provider %s: %s", host, f.reason)
	if f.attempts > 1 {
		message += fmt.Sprintf(", after %d attempts", f.attempts)
	}
	if f.note != "" {
		message += "; " + f.note
	}
	return &lode.Error{Code: code, Message: message, Hint: f.hint}
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
	kind, message := providerMessage(body)
	status := response.StatusCode
	f := &failure{
		reason: fmt.Sprintf("status %d", status),
		again:  status == http.StatusRequestTimeout || status == http.StatusConflict || status == http.StatusTooManyRequests || status >= 500,
		after:  retryAfter(response.Header, time.Now()),
	}
	switch {
	case status >= 300 && status < 400:
		f.reason += ", redirects are refused"
	case status == http.StatusUnauthorized || status == http.StatusForbidden:
		f.hint = "check the provider's API key"
	case status == http.StatusNotFound:
		f.hint = "check the provider's base URL and model"
	case status == http.StatusRequestEntityTooLarge || isTooLong(kind, message):
		f.code = lode.CodeTooLarge
	case kind == "insufficient_quota":
		f.again = false
	}
	switch response.Header.Get("X-Should-Retry") {
	case "true":
		f.again = true
	case "false":
		f.again = false
	}
	for _, detail := range []string{secret.short(kind), secret.short(message)} {
		if detail != "" {
			f.reason += ", " + detail
		}
	}
	return f
}

func isTooLong(kind, message string) bool {
	message = strings.ToLower(message)
	return kind == "context_length_exceeded" || strings.Contains(message, "maximum context length") || strings.Contains(message, "maximum input length")
}

// providerMessage reads the error forms in use: {"error":{"message","code","type"}},
// {"error":"…"}, {"message":"…"} and {"detail":"…"}. Nothing else of a body is shown.
func providerMessage(body []byte) (kind, message string) {
	var outer struct {
		Error           json.RawMessage `json:"error"`
		Message, Detail any
	}
	if json.Unmarshal(body, &outer) != nil {
		return "", ""
	}
	var inner struct{ Message, Code, Type any }
	if json.Unmarshal(outer.Error, &inner) == nil {
		return firstText(inner.Code, inner.Type), firstText(inner.Message)
	}
	var plain any
	_ = json.Unmarshal(outer.Error, &plain) // absent in the last two forms
	return "", firstText(plain, outer.Message, outer.Detail)
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
