package pipeline

import (
	"context"
	"errors"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/lodedb/lode"
)

// Pauses between looks at a document whose job runs elsewhere. A job that runs here ends
// the wait at once.
const (
	firstLook = 100 * time.Millisecond
	longLook  = 2 * time.Second
)

type waitKey struct {
	doc     lode.DocNo
	version lode.Version
}

// waiters lets calls sleep until a job of this node ends.
type waiters struct {
	mu struct {
		sync.Mutex
		waiting map[waitKey]*waiter
	}
}

type waiter struct {
	done  chan struct{}
	count int
}

// watch returns a channel that is closed when the job ends. forget must be called.
func (w *waiters) watch(key waitKey) (done <-chan struct{}, forget func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	one := w.mu.waiting[key]
	if one == nil {
		one = &waiter{done: make(chan struct{})}
		w.mu.waiting[key] = one
	}
	one.count++
	return one.done, func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		if one.count--; one.count == 0 && w.mu.waiting[key] == one {
			delete(w.mu.waiting, key)
		}
	}
}

func (w *waiters) wake(key waitKey) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if one := w.mu.waiting[key]; one != nil {
		close(one.done)
		delete(w.mu.waiting, key)
	}
}

// Wait returns when the version that a receipt names is ready or in quarantine, whichever
// node works on it; State tells which. A version that a newer one overtook is
// [lode.CodeSuperseded], a document that was deleted meanwhile [lode.CodeNotFound].
func (p *Pipeline) Wait(ctx context.Context, who lode.Principal, collection string, r lode.Receipt) (lode.DocVersion, error) {
	for pause := firstLook; ; pause = min(2*pause, longLook) {
		// Watching before looking: an end between the two is not missed.
		done, forget := p.waits.watch(waitKey{doc: r.Doc, version: r.Version})
		version, settled, err := p.look(ctx, who, collection, r)
		if settled || err != nil {
			forget()
			return version, err
		}
		timer := time.NewTimer(pause)
		select {
		case <-ctx.Done():
			err = contextError(ctx, "wait for document")
		case <-done:
		case <-timer.C:
		}
		timer.Stop()
		forget()
		if err != nil {
			return version, err
		}
	}
}

// look reads the document once and reports whether the wait is over.
func (p *Pipeline) look(ctx context.Context, who lode.Principal, collection string, r lode.Receipt) (v lode.DocVersion, settled bool, err error) {
	doc, v, err := p.o.Collections.Document(ctx, who, collection, lode.KindDocument, r.ID)
	switch {
	case err != nil && transient(err):
		return v, false, nil
	case err != nil:
		return v, false, err
	case doc.No != r.Doc:
		return v, false, lode.FieldError(lode.CodeSuperseded, "document", r.ID, "the document was deleted meanwhile and handed in again")
	case v.Version > r.Version:
		return v, false, lode.FieldError(lode.CodeSuperseded, "version", r.Version, "version %d was overtaken by version %d", r.Version, v.Version)
	}
	// A quarantine of an earlier epoch is what the retry behind this receipt has undone.
	settled = v.Version == r.Version && v.State != lode.StatePending && v.Epoch >= r.Epoch
	return v, settled, nil
}

func contextError(ctx context.Context, doing string) error {
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return lode.Errorf(lode.CodeTimeout, "%s: %w", doing, ctx.Err())
	}
	return lode.Errorf(lode.CodeCanceled, "%s: %w", doing, ctx.Err())
}

// cut shortens s to a valid UTF-8 prefix of at most n bytes.
func cut(s string, n int) string {
	s = strings.ToValidUTF8(s, "\uFFFD")
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}
