package api

import (
	"io"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/lodedb/lode"
)

// guardBody makes the request body safe to read: it ends at the limit, must keep the
// minimum rate, and counts against the memory of all bodies together.
func (s *service) guardBody(w http.ResponseWriter, r *http.Request, limit int64) (release func(), err error) {
	if r.Body == nil || r.Body == http.NoBody {
		return func() {}, nil
	}
	if r.ContentLength > limit {
		return nil, lode.FieldError(lode.CodeTooLarge, "body", r.ContentLength, "request body is larger than %d bytes", limit)
	}
	b := &guardedBody{
		ReadCloser: http.MaxBytesReader(w, r.Body, limit), conn: http.NewResponseController(w), budget: &s.bodies,
		start: time.Now(), grace: s.BodyGrace, rate: s.MinBodyRate,
	}
	b.pace() // also bounds what net/http discards when a handler never reads the body
	r.Body = b
	return b.release, nil
}

// byteBudget bounds the memory of all request bodies that are held at one time.
type byteBudget struct {
	limit int64
	used  atomic.Int64
}

func (b *byteBudget) take(n int64) error {
	if b.used.Add(n) > b.limit {
		return lode.Errorf(lode.CodeOverloaded, "request bodies hold more than %d bytes together", b.limit)
	}
	return nil
}

type guardedBody struct {
	io.ReadCloser
	conn   *http.ResponseController
	budget *byteBudget
	start  time.Time
	grace  time.Duration
	rate   int64 // bytes a second
	read   int64
	due    time.Time // the deadline that the connection has
}

// Read fails with a timeout when the client is behind the minimum rate.
func (b *guardedBody) Read(p []byte) (int, error) {
	b.pace()
	n, err := b.ReadCloser.Read(p)
	b.read += int64(n)
	if err == io.EOF {
		// The deadline has done its work. Left in place it would look like a broken
		// connection while the handler is busy.
		b.setDue(time.Time{})
	}
	if over := b.budget.take(int64(n)); over != nil {
		return n, over
	}
	return n, err
}

// pace sets the moment by which the next bytes must be here. Connections without
// deadlines (tests) have no minimum rate.
func (b *guardedBody) pace() {
	allowed := b.grace + time.Duration(b.read/b.rate)*time.Second
	b.setDue(b.start.Add(allowed))
}

// setDue leaves a deadline that stands already alone: small bodies would pay for each read.
func (b *guardedBody) setDue(t time.Time) {
	if t != b.due {
		b.due = t
		_ = b.conn.SetReadDeadline(t)
	}
}

func (b *guardedBody) release() { b.budget.used.Add(-b.read) }
