package hub

import (
	"context"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/internal/vfs"
)

// partSuffix is that of a file that is fetched in part.
const partSuffix = ".part"

// fetch fetches one file, going on where it was left.
func (h *Hub) fetch(ctx context.Context, model, revision string, f remote, dir string) error {
	path := filepath.Join(dir, filepath.FromSlash(f.Name))
	if err := os.MkdirAll(filepath.Dir(path), vfs.DirPerm); err != nil {
		return fmt.Errorf("fetch %s: %w", f.Name, err)
	}
	if f.matches(path) == nil {
		h.o.Progress(f.Name, f.Size, f.Size)
		return nil
	}
	part := path + partSuffix
	if err := h.download(ctx, model, revision, f, part); err != nil {
		return err
	}
	if err := f.matches(part); err != nil {
		return errors.Join(err, os.Remove(part)) // going on with it would fail again
	}
	return os.Rename(part, path)
}

// download adds what is missing to a file.
func (h *Hub) download(ctx context.Context, model, revision string, f remote, part string) (err error) {
	out, err := os.OpenFile(part, os.O_WRONLY|os.O_CREATE, vfs.FilePerm)
	if err != nil {
		return fmt.Errorf("fetch %s: %w", f.Name, err)
	}
	defer func() { err = errors.Join(err, out.Close()) }()
	at, err := out.Seek(0, io.SeekEnd)
	if err == nil && at > f.Size {
		at, err = 0, out.Truncate(0)
	}
	if err != nil || at == f.Size {
		return err
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	response, err := h.get(ctx, h.o.BaseURL+"/"+model+"/resolve/"+url.PathEscape(revision)+"/"+strings.ReplaceAll(url.PathEscape(f.Name), "%2F", "/"), at)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if err := h.refused(response, model); err != nil {
		return err
	}
	if response.StatusCode == http.StatusOK { // the whole file, whatever was asked for
		at = 0
	}
	if err := out.Truncate(at); err != nil {
		return fmt.Errorf("fetch %s: %w", f.Name, err)
	}
	if _, err := out.Seek(at, io.SeekStart); err != nil {
		return fmt.Errorf("fetch %s: %w", f.Name, err)
	}
	return h.copy(ctx, cancel, out, response.Body, f, at)
}

// errStalled ends a request that gives no more bytes.
var errStalled = errors.New("no more bytes came")

// copy writes the rest of a file, and gives up when no bytes come any more.
func (h *Hub) copy(ctx context.Context, cancel context.CancelCauseFunc, out *os.File, in io.Reader, f remote, at int64) error {
	timer := time.AfterFunc(h.o.Stall, func() { cancel(errStalled) })
	defer timer.Stop()
	buf := make([]byte, 256<<10)
	for at < f.Size {
		n, err := in.Read(buf[:min(int64(len(buf)), f.Size-at)])
		timer.Reset(h.o.Stall)
		if _, e := out.Write(buf[:n]); e != nil {
			return fmt.Errorf("fetch %s: %w", f.Name, e)
		}
		at += int64(n)
		h.o.Progress(f.Name, at, f.Size)
		switch {
		case at == f.Size:
		case errors.Is(context.Cause(ctx), errStalled):
			return h.brokenOff(f, at, errStalled)
		case err != nil && ctx.Err() != nil:
			return lode.Errorf(lode.CodeCanceled, "fetch %s: %w", f.Name, context.Cause(ctx))
		case err != nil:
			return h.brokenOff(f, at, err)
		}
	}
	return nil
}

func (h *Hub) brokenOff(f remote, at int64, err error) error {
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	return lode.Errorf(lode.CodeUnavailable, "%s broke off after %d of %d bytes: %s", f.Name, at, f.Size, err).
		WithHint("the same command goes on where it stopped")
}

// matches compares a file with the hash that the hub says it has.
func (f remote) matches(path string) error {
	in, err := os.Open(path)
	if err != nil {
		return err
	}
	defer in.Close()
	var h hash.Hash
	want := f.Blob
	if f.LFS != nil {
		h, want = sha256.New(), f.LFS.SHA256
	} else {
		h = sha1.New() // of git: its objects have no other
		fmt.Fprintf(h, "blob %d\x00", f.Size)
	}
	size, err := io.Copy(h, in)
	if err != nil {
		return fmt.Errorf("read %s: %w", f.Name, err)
	}
	if got := hex.EncodeToString(h.Sum(nil)); size != f.Size || got != want {
		return lode.FieldError(lode.CodeCorrupt, f.Name, got, "the file that was fetched has another hash than the hub says")
	}
	return nil
}
