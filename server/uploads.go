package server

import (
	"io"
	"net/http"
	"sync/atomic"

	"github.com/lodedb/lode"
)

// uploads bounds the request bodies that are in memory at one time, in bytes. A body of
// declared length claims all of it before its first byte is read, so that those that are let
// in can finish. Others claim as they are read, and could all be refused half-read; therefore
// the first of them to find no room goes on past the limit, one at a time, while those that
// come behind it make room. One body alone is always let in. What is held is thus at most the
// limit and one body.
type uploads struct {
	limit   int64
	held    atomic.Int64
	refused atomic.Int64
	first   atomic.Pointer[heldBody] // goes on past the limit
}

// guard counts the bodies of requests to next, until they are answered.
func (u *uploads) guard(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Body == nil || r.Body == http.NoBody {
			next.ServeHTTP(w, r)
			return
		}
		b := &heldBody{ReadCloser: r.Body, uploads: u, declared: max(r.ContentLength, 0)}
		defer b.release()
		r.Body = b
		next.ServeHTTP(w, r)
	})
}

func (u *uploads) claim(b *heldBody, bytes int64) error {
	if held := u.held.Add(bytes); held > u.limit && held > bytes && !u.mayFinish(b) {
		u.held.Add(-bytes)
		u.refused.Add(1)
		return lode.Errorf(lode.CodeOverloaded, "request bodies of %d bytes are in memory, the limit is %d", held-bytes, u.limit).
			WithHint("try again in a moment, with fewer or smaller requests at a time")
	}
	return nil
}

// mayFinish says whether a body that was begun without knowing its length goes on past the
// limit.
func (u *uploads) mayFinish(b *heldBody) bool {
	return b.begun && (u.first.Load() == b || u.first.CompareAndSwap(nil, b))
}

// heldBody is a body that is being read by one goroutine.
type heldBody struct {
	io.ReadCloser
	uploads  *uploads
	declared int64
	begun    bool
	claimed  int64
	read     int64
}

func (b *heldBody) Read(p []byte) (int, error) {
	if !b.begun {
		if err := b.claim(b.declared); err != nil {
			return 0, err
		}
		b.begun = true
	}
	n, err := b.ReadCloser.Read(p)
	b.read += int64(n)
	if over := b.read - b.claimed; over > 0 {
		if refused := b.claim(over); refused != nil {
			return n, refused
		}
	}
	return n, err
}

func (b *heldBody) claim(bytes int64) error {
	err := b.uploads.claim(b, bytes)
	if err == nil {
		b.claimed += bytes
	}
	return err
}

func (b *heldBody) release() {
	b.uploads.held.Add(-b.claimed)
	b.uploads.first.CompareAndSwap(b, nil)
}
