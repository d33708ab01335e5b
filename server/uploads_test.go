package server

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/iotest"

	"github.com/lodedb/lode"
)

// streamed is a body whose length nobody said, held by the test.
func streamed(u *uploads, bytes int) *heldBody {
	return &heldBody{ReadCloser: io.NopCloser(iotest.OneByteReader(&repeatedByte{bytes})), uploads: u}
}

type repeatedByte struct{ left int }

func (r *repeatedByte) Read(p []byte) (int, error) {
	if r.left == 0 {
		return 0, io.EOF
	}
	r.left--
	p[0] = 'x'
	return 1, nil
}

// TestUploadsProgress: bodies of unknown length that come in step and do not all fit are never
// all refused, and what is held stays below the limit and one body.
func TestUploadsProgress(t *testing.T) {
	const size, limit, senders = 100, 150, 8
	u := &uploads{limit: limit}
	live := map[*heldBody]bool{}
	for range senders {
		live[streamed(u, size)] = true
	}
	finished, refused, most := 0, 0, int64(0)
	for len(live) > 0 {
		for b := range live {
			_, err := b.Read(make([]byte, 1))
			most = max(most, u.held.Load())
			switch {
			case err == nil:
				continue
			case err == io.EOF:
				finished++
			case lode.CodeOf(err) == lode.CodeOverloaded:
				refused++
			default:
				t.Fatal(err)
			}
			b.release()
			delete(live, b)
		}
	}
	if finished == 0 || refused == 0 || most > limit+size {
		t.Errorf("%d finished, %d refused, at most %d bytes held", finished, refused, most)
	}
	if u.held.Load() != 0 || u.first.Load() != nil {
		t.Errorf("%d bytes held at the end, first %v", u.held.Load(), u.first.Load())
	}
}

// TestUploadsDeclared: a body that says its length is refused before a byte of it is read, also
// where another goes on past the limit.
func TestUploadsDeclared(t *testing.T) {
	u := &uploads{limit: 10}
	for range 2 { // the second goes past the limit
		if _, err := io.Copy(io.Discard, streamed(u, 8)); err != nil {
			t.Fatal(err)
		}
	}
	var failed error
	guarded := u.guard(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, failed = r.Body.Read(make([]byte, 1))
	}))
	r := httptest.NewRequest(http.MethodPost, "/", &repeatedByte{3})
	r.ContentLength = 3
	guarded.ServeHTTP(httptest.NewRecorder(), r)
	var coded *lode.Error
	if !errors.As(failed, &coded) || coded.Code != lode.CodeOverloaded || u.held.Load() != 16 {
		t.Errorf("%v, %d bytes held", failed, u.held.Load())
	}
}
