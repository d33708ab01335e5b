package backup

import "context"

// LeaveLock takes the lock and leaves it, as a process does that is killed.
func LeaveLock(ctx context.Context, r *Repository, owner string) error {
	l, _, err := r.acquire(ctx, owner)
	if err == nil {
		l.cancel(nil)
		l.done.Wait()
	}
	return err
}
