package backup

import (
	"context"
	"crypto/sha256"
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
	sum := sha256.New()
	if _, err := io.Copy(io.MultiWriter(w, sum), content); err != nil {
		return err
	}
	if got := lode.Hash(sum.Sum(nil)); got != h {
		return lode.Errorf(lode.CodeCorrupt, "content has hash %s, not %s", got, h)
	}
	return nil
}

// readObject writes the content of an object to w and checks all of it: what came out is
// good only when the error is nil.
func readObject(ctx context.Context, t Target, h lode.Hash, n int64, w io.Writer) error {
	file, err := t.Open(ctx, objectName(h))
	if err != nil {
		if lode.IsCode(err, lode.CodeNotFound) {
			err = lode.Errorf(lode.CodeCorrupt, "object %s is missing", h)
		}
		return err
	}
	defer file.Close()
	if err := openObject(file, h, n, w); err != nil {
		return fmt.Errorf("object %s: %w", h, err)
	}
	return nil
}

func openObject(file io.Reader, h lode.Hash, n int64, w io.Writer) error {
	r, err := seal.NewReader(file, kindObject)
	if err != nil {
		return err
	}
	if r.Len() != n {
		return lode.Errorf(lode.CodeCorrupt, "it announces %d bytes, the manifest %d", r.Len(), n)
	}
	if err := copyHashed(w, r, h); err != nil {
		return err
	}
	if more, err := io.ReadFull(file, make([]byte, 1)); more != 0 || err != io.EOF {
		return lode.Errorf(lode.CodeCorrupt, "bytes follow its end")
	}
	return nil
}
