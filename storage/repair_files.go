package storage

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"maps"
	"os"
	"slices"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/internal/vfs"
)

// files reads every sealed segment and every blob that the catalogue refers to, and fetches
// those that are not what their hash says.
func (r *repair) files() error {
	var segments map[lode.Hash]segmentKey
	var blobs []lode.Hash
	err := r.seen.View(func(t *Tx) (err error) {
		if segments, err = t.sealedHashes(); err == nil {
			blobs, err = t.referredBlobs()
		}
		return err
	})
	if lode.IsCode(err, lode.CodeCorrupt) {
		return nil // records that do not decode: the check names them
	}
	if err != nil {
		return err
	}
	for i, h := range slices.SortedFunc(maps.Keys(segments), compareHashes) {
		r.Progress("segments", i, len(segments))
		if err := r.segmentFile(segments[h], h); err != nil {
			return err
		}
	}
	for i, h := range blobs {
		r.Progress("blobs", i, len(blobs))
		if err := r.blob(h); err != nil {
			return err
		}
	}
	return nil
}

func compareHashes(a, b lode.Hash) int { return bytes.Compare(a[:], b[:]) }

// sealedHashes are the sealed files that are referred to, with the segment of each.
func (t *Tx) sealedHashes() (map[lode.Hash]segmentKey, error) {
	all := map[lode.Hash]segmentKey{}
	err := t.eachSegment(func(k segmentKey, s *Segment) error {
		if s.State == SegmentSealed {
			all[s.Hash] = k
		}
		return nil
	})
	return all, err
}

func (r *repair) segmentFile(k segmentKey, h lode.Hash) error {
	err := verifyFile(r.ctx, r.s.fsys, r.s.segments.sealedPath(h), h)
	if err == nil || !isLoss(err) {
		return err
	}
	if errors.Is(err, fs.ErrNotExist) {
		err = lode.Errorf(lode.CodeCorrupt, "the file is missing")
	}
	b := Breach{Where: "segment file " + h.String(), What: fmt.Sprintf("sealed segment %s: %v", k, err)}
	return r.fetch(b, h, []string{h.String(), fmt.Sprintf("sealed segment %s:", k), fmt.Sprintf("sealed segment %s ", k)}, func(content io.Reader) error {
		return r.putSegment(h, content)
	})
}

// isLoss reports whether an error says that content is gone, not that it could not be read.
func isLoss(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || lode.IsCode(err, lode.CodeCorrupt) || lode.IsCode(err, lode.CodeNotFound)
}

// putSegment gives a received file its name once all of it is durable and has its hash.
func (r *repair) putSegment(h lode.Hash, content io.Reader) error {
	files := r.s.segments
	f, err := vfs.CreateAtomicIn(files.fsys, files.dir, files.sealedPath(h))
	if err != nil {
		return err
	}
	defer f.Abort()
	if _, err := io.Copy(f, content); err != nil { // not to the end when the hash is another
		return err
	}
	return f.Commit()
}

func (r *repair) blob(h lode.Hash) error {
	err := r.s.blobs.verify(h)
	if err == nil || !isLoss(err) {
		return err
	}
	if r.report.Replay != nil && lode.IsCode(err, lode.CodeNotFound) {
		return nil // the log may drop it, as a sweep has found
	}
	b := Breach{Where: "blob " + h.String(), What: err.Error()}
	return r.fetch(b, h, []string{h.String()}, func(content io.Reader) error { return r.putBlob(h, content) })
}

func (r *repair) putBlob(h lode.Hash, content io.Reader) error {
	all, err := io.ReadAll(io.LimitReader(content, MaxBlobBytes+1))
	if err != nil {
		return err
	}
	_, release, err := r.s.blobs.Put(r.ctx, all)
	if err == nil {
		release()
	}
	return err
}

// fetch gets lost content from a backup and puts it in its place; names are how errors of
// what needs it speak of it. Content that nobody has is left as a breach.
func (r *repair) fetch(b Breach, h lode.Hash, names []string, put func(io.Reader) error) error {
	if r.Fetch == nil {
		r.lost = append(r.lost, names...)
		r.leave(b, hintFetch)
		return nil
	}
	content, err := r.Fetch(r.ctx, h)
	if err == nil {
		defer content.Close()
		checked := &hashedReader{h: h, r: &stoppedReader{r.ctx, content}, sum: sha256.New()}
		if r.DryRun {
			_, err = io.Copy(io.Discard, checked)
			r.lost = append(r.lost, names...) // it is still not there
		} else {
			err = put(checked)
		}
	}
	var path *os.PathError
	switch {
	case err == nil:
		r.mended(b, "fetched from the backup")
		return nil
	case isLoss(err) && !errors.As(err, &path):
		r.lost = append(r.lost, names...)
		b.What += "; in the backup: " + err.Error()
		r.leave(b, hintRestore)
		return nil
	}
	return fmt.Errorf("fetch %s: %w", b.Where, err)
}

// hashedReader comes to an end only when what was read has the hash.
type hashedReader struct {
	h   lode.Hash
	r   io.Reader
	sum hash.Hash
}

func (c *hashedReader) Read(b []byte) (int, error) {
	n, err := c.r.Read(b)
	c.sum.Write(b[:n])
	if err == io.EOF && lode.Hash(c.sum.Sum(nil)) != c.h {
		err = lode.Errorf(lode.CodeCorrupt, "what was fetched has another hash")
	}
	return n, err
}
