package api

import (
	"bytes"
	"io"
	"testing"
	"testing/iotest"

	"github.com/lodedb/lode"
)

// TestReadAll reads what comes, whatever was declared, and holds little more than that.
func TestReadAll(t *testing.T) {
	big := bytes.Repeat([]byte("lode"), 3<<20)
	f := func(content []byte, declared, most int) {
		t.Helper()
		for _, body := range []io.Reader{bytes.NewReader(content), iotest.DataErrReader(bytes.NewReader(content))} {
			got, err := readAll(body, int64(declared))
			if err != nil || !bytes.Equal(got, content) {
				t.Errorf("%d bytes, %d declared: %d bytes, %v", len(content), declared, len(got), err)
			}
			if cap(got) > most {
				t.Errorf("%d bytes, %d declared: room for %d", len(content), declared, cap(got))
			}
		}
	}
	f(nil, 0, 1<<10)
	f(nil, -1, 1<<10)
	f([]byte("short"), 5, 1<<10)
	f([]byte("short"), 1<<40, 2<<20) // a claim costs little
	f(big, len(big), len(big)+1<<10)
	f(big, -1, 2*len(big))
	f(big, 10, 4*len(big)) // net/http would cut it
	if _, err := readAll(iotest.ErrReader(io.ErrUnexpectedEOF), 9); !lode.IsCode(err, lode.CodeMalformed) {
		t.Errorf("%v", err)
	}
}
