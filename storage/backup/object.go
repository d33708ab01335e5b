package backup

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/internal/seal"
)

const objectsFolder = "objects"

// objectName is where the content of a hash lies.
func objectName(h lode.Hash) string {
	name := h.String()
	return objectsFolder + "/" + name[:2] + "/" + name
}

// parseObjectName is the opposite of objectName; ok is false for files that are no objects.
func parseObjectName(name string) (h lode.Hash, ok bool) {
	last := name[strings.LastIndexByte(name, '/')+1:]
	return h, h.UnmarshalText([]byte(last)) == nil && objectName(h) == name
}

// putObject stores content of n bytes under its hash, which the caller knows to be right.
func putObject(ctx context.Context, t Target, h lode.Hash, n int64, write func(io.Writer) error) error {
	return t.Put(ctx, objectName(h), seal.StreamBytes(n), func(w io.Writer) error {
		sealed, err := seal.NewWriter(w, kindObject, n)
		if err != nil {
			return err
		}
		if err := write(sealed); err != nil {
			return err
		}
		return sealed.Close()
	})
}

// copyHashed copies content that must have a hash. That it has not is noticed before the
// end is written, so that an object of it never appears.
func copyHashed(w io.Writer, content io.Reader, h lode.Hash) error {
	content, sum := hashed(content)
	if _, err := io.Copy(w, content); err != nil {
		return err
	}
	if got := sum(); got != h {
		return errHash(got, h)
	}
	return nil
}

// hashed returns a reader of the same, and what gives the hash of all that was read.
func hashed(r io.Reader) (same io.Reader, sum func() lode.Hash) {
	h := sha256.New()
	return io.TeeReader(r, h), func() lode.Hash { return lode.Hash(h.Sum(nil)) }
}

func errHash(got, want lode.Hash) error {
	return lode.Errorf(lode.CodeCorrupt, "content has hash %s, not %s", got, want)
}

// readObject writes the content of an object to w and checks all of it: what came out is
// good only when the error is nil.
func readObject(ctx context.Context, t Target, h lode.Hash, n int64, w io.Writer) (err error) {
	r, err := openObject(ctx, t, h, n)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	_, err = io.Copy(w, r)
	return err
}

// objectReader reads the content of an object. It comes to an end only when all of it is as
// its hash says.
type objectReader struct {
	file    io.ReadCloser
	hash    lode.Hash
	content io.Reader
	sum     func() lode.Hash
}

func openObject(ctx context.Context, t Target, h lode.Hash, n int64) (*objectReader, error) {
	file, err := t.Open(ctx, objectName(h))
	if err != nil {
		if lode.IsCode(err, lode.CodeNotFound) {
			err = lode.Errorf(lode.CodeCorrupt, "object %s is missing", h)
		}
		return nil, err
	}
	sealed, err := seal.NewReader(file, kindObject)
	if err == nil && sealed.Len() != n {
		err = lode.Errorf(lode.CodeCorrupt, "it announces %d bytes, the manifest %d", sealed.Len(), n)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("object %s: %w", h, err), file.Close())
	}
	r := &objectReader{file: file, hash: h}
	r.content, r.sum = hashed(sealed)
	return r, nil
}

func (r *objectReader) Read(b []byte) (int, error) {
	n, err := r.content.Read(b)
	if err == io.EOF {
		err = r.end()
	}
	if err != nil && err != io.EOF {
		err = fmt.Errorf("object %s: %w", r.hash, err)
	}
	return n, err
}

// end returns io.EOF when what was read is the object.
func (r *objectReader) end() error {
	if got := r.sum(); got != r.hash {
		return errHash(got, r.hash)
	}
	more, err := io.ReadFull(r.file, make([]byte, 1))
	if more != 0 {
		return lode.Errorf(lode.CodeCorrupt, "bytes follow its end")
	}
	return err
}

func (r *objectReader) Close() error { return r.file.Close() }
