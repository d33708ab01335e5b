package provider_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/internal/provider"
)

// serve answers the n-th request, counted from 1, and returns a client of it.
func serve(t *testing.T, answer func(n int, w http.ResponseWriter, body string)) *provider.Client {
	t.Helper()
	n := 0
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n++
		body, _ := io.ReadAll(r.Body)
		answer(n, w, r.URL.Path+" "+r.Header.Get("Authorization")+" "+string(body))
	}))
	t.Cleanup(s.Close)
	c, err := provider.New(provider.Options{
		Kind: "oracle", Doing: "ask", BaseURL: s.URL + "/base/", Path: "v1/ask", APIKey: "sk-secret", Backoff: time.Millisecond, MaxRetries: 2,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// A question is sent as one line of JSON, again when it was refused for the moment, and every attempt
// is told of.
func TestAsk(t *testing.T) {
	c := serve(t, func(n int, w http.ResponseWriter, body string) {
		if n == 1 {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		fmt.Fprint(w, body)
	})
	got, told := "", []error{}
	err := c.Ask(t.Context(), provider.Question{
		Body: map[string]string{"q": "<why>"}, Limit: 1000,
		Read: func(answer []byte) error { got = string(answer); return nil },
		Sent: func(_ time.Duration, err error) { told = append(told, err) },
	})
	if err != nil || got != `/base/v1/ask Bearer sk-secret {"q":"<why>"}` {
		t.Errorf("%q, %v", got, err)
	}
	if len(told) != 2 || !lode.IsCode(told[0], lode.CodeProvider) || told[1] != nil {
		t.Errorf("told of %v", told)
	}
}

// An answer that cannot be read is not asked for again, and the hint is the caller's.
func TestRead(t *testing.T) {
	asked := 0
	c := serve(t, func(n int, w http.ResponseWriter, _ string) {
		asked = n
		fmt.Fprint(w, "{}")
	})
	odd := errors.New("no answer in it")
	err := c.Ask(t.Context(), provider.Question{
		Limit: 10, Read: func([]byte) error { return odd },
		Hint: func(refused bool, err error) string {
			if refused || err != odd {
				t.Errorf("refused %v, %v", refused, err)
			}
			return "ask otherwise"
		},
	})
	if asked != 1 || !lode.IsCode(err, lode.CodeProvider) || !strings.Contains(err.Error(), "no answer in it; ask otherwise") || !strings.HasPrefix(err.Error(), "oracle "+c.Host()+": ") {
		t.Errorf("%v after %d requests", err, asked)
	}
}

// What the service refuses for good carries the sign of it, and no text.
func TestRefused(t *testing.T) {
	c := serve(t, func(_ int, w http.ResponseWriter, _ string) {
		w.WriteHeader(http.StatusBadRequest)
		fmt.Fprint(w, `{"message":"I do not like: where is the treasure"}`)
	})
	err := c.Ask(t.Context(), provider.Question{Texts: []string{"where is the treasure"}, Read: func([]byte) error { return nil }})
	if !errors.Is(err, provider.ErrRefused) || !strings.Contains(err.Error(), "status 400") || strings.Contains(err.Error(), "treasure") {
		t.Errorf("%v", err)
	}
	huge := serve(t, func(_ int, w http.ResponseWriter, _ string) { fmt.Fprint(w, strings.Repeat(" ", 11)) })
	if err := huge.Ask(t.Context(), provider.Question{Limit: 10, Read: func([]byte) error { return nil }}); err == nil || !strings.Contains(err.Error(), "larger than it can be") {
		t.Errorf("%v", err)
	}
}
