package backup

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/lodedb/lode"
)

// unlockPatience is how long the removal of a lock may take after the work was given up.
const unlockPatience = 10 * time.Second

// lockRecord is the content of locks/<owner>.
type lockRecord struct {
	Owner   string    `cbor:"1,keyasint"`
	Nonce   string    `cbor:"2,keyasint"` // tells two runs of one owner apart
	Renewed time.Time `cbor:"3,keyasint"`
	Expires time.Time `cbor:"4,keyasint"`
}

// lock is the right to write to a repository, held by one run at a time.
//
// A target has no operation that only one of two can win. So each writes its own lock first
// and looks for others afterwards: of two that begin at the same time at least one sees the
// other and gives way, at worst both.
type lock struct {
	repo  *Repository
	name  string
	nonce string
	owner string

	cancel context.CancelCauseFunc
	done   sync.WaitGroup
}

// acquire takes the lock for a node; ctx of the work ends when the lock is lost. Backups of
// one node do not overlap, because a node has one process: a lock that it left when it was
// killed is taken over at once, that of another node when it has expired.
func (r *Repository) acquire(ctx context.Context, owner string) (*lock, context.Context, error) {
	l := &lock{repo: r, name: locksFolder + "/" + owner, owner: owner, nonce: rand.Text()}
	if err := l.renew(ctx); err != nil {
		return nil, nil, fmt.Errorf("lock the repository: %w", err)
	}
	if err := l.refuseOthers(ctx); err != nil {
		return nil, nil, errors.Join(err, l.remove(ctx))
	}
	work, cancel := context.WithCancelCause(ctx)
	l.cancel = cancel
	l.done.Add(1)
	go func() {
		defer l.done.Done()
		l.keep(work)
	}()
	return l, work, nil
}

func (l *lock) renew(ctx context.Context) error {
	now := l.repo.now()
	content, err := encode(kindLock, &lockRecord{Owner: l.owner, Nonce: l.nonce, Renewed: now, Expires: now.Add(l.repo.LockTTL)}, maxRecordBytes)
	if err != nil {
		return err
	}
	return l.repo.writeFile(ctx, l.name, content)
}

func (l *lock) refuseOthers(ctx context.Context) error {
	return l.repo.target.List(ctx, locksFolder, func(f File) error {
		if f.Name == l.name {
			return nil
		}
		expires, err := l.repo.expiry(ctx, f)
		if err != nil {
			return err
		}
		if l.repo.now().After(expires) {
			l.repo.Logger.Warn("backup lock has expired and is removed", "lock", f.Name, "expired", expires)
			return l.repo.target.Remove(ctx, f.Name)
		}
		return lode.Errorf(lode.CodeConflict, "another backup or clean-up is writing to %s (%s)", l.repo, f.Name).
			WithHint("wait until it is done; a lock that was left behind ends at " + expires.Format(time.RFC3339))
	})
}

// expiry returns when a lock ends. One that cannot be read counts from when it was written.
func (r *Repository) expiry(ctx context.Context, f File) (time.Time, error) {
	content, err := r.readFile(ctx, f.Name, maxRecordBytes)
	if lode.IsCode(err, lode.CodeNotFound) {
		return time.Time{}, nil
	}
	if err != nil && !lode.IsCode(err, lode.CodeCorrupt) {
		return time.Time{}, err
	}
	var held lockRecord
	if err != nil || decode(kindLock, content, &held) != nil {
		return f.Modified.Add(r.LockTTL), nil
	}
	return held.Expires, nil
}

// keep renews the lock. Work must not go on behind the time at which others may take it.
func (l *lock) keep(ctx context.Context) {
	renewed := time.Now()
	ticker := time.NewTicker(l.repo.LockTTL / 6)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		err := l.renew(ctx)
		if err == nil {
			renewed = time.Now()
		} else if time.Since(renewed) > l.repo.LockTTL/2 {
			l.cancel(fmt.Errorf("the lock of the repository could not be renewed: %w", err))
			return
		}
	}
}

// held reports an error unless the lock is still that of this run.
func (l *lock) held(ctx context.Context) error {
	content, err := l.repo.readFile(ctx, l.name, maxRecordBytes)
	if err != nil && !lode.IsCode(err, lode.CodeNotFound) {
		return err
	}
	var now lockRecord
	if err != nil || decode(kindLock, content, &now) != nil || now.Nonce != l.nonce {
		return lode.Errorf(lode.CodeConflict, "the lock of the repository was taken by another run")
	}
	return nil
}

// release ends the work's context and removes the lock, also after the work was cancelled.
func (l *lock) release(ctx context.Context) error {
	l.cancel(nil)
	l.done.Wait()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), unlockPatience)
	defer cancel()
	if err := l.held(ctx); lode.IsCode(err, lode.CodeConflict) {
		return nil // not ours any more
	}
	return l.remove(ctx)
}

func (l *lock) remove(ctx context.Context) error {
	if err := l.repo.target.Remove(ctx, l.name); err != nil {
		return fmt.Errorf("unlock the repository: %w", err)
	}
	return nil
}
