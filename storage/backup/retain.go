package backup

import (
	"context"
	"fmt"

	"github.com/lodedb/lode"
)

// Prune keeps the newest backups and removes the others with the objects that only they
// need, and objects that no backup needs: those of backups that were interrupted. owner
// names who does it, as a node's id does; see [Repository.Create] for locks.
func (r *Repository) Prune(ctx context.Context, owner string, keep int) (err error) {
	if keep < 1 {
		return lode.Invalid("keep", keep, "at least one backup must be kept")
	}
	lock, ctx, err := r.acquire(ctx, owner)
	if err != nil {
		return fmt.Errorf("prune %s: %w", r, err)
	}
	err = r.prune(ctx, keep)
	if unlockErr := lock.release(ctx); err == nil {
		err = unlockErr
	}
	return err
}

// prune runs under the lock: no backup is being made. Manifests go first, so that what is
// interrupted leaves objects without a manifest and never the opposite. While a manifest
// that stays cannot be read, nobody knows what it needs, and nothing is removed.
func (r *Repository) prune(ctx context.Context, keep int) error {
	owner, err := r.cluster(ctx)
	if err != nil {
		return err
	}
	names, err := r.names(ctx)
	if err != nil {
		return err
	}
	old := max(0, len(names)-keep)
	needed := map[lode.Hash]bool{}
	for _, id := range names[old:] {
		m, err := r.load(ctx, owner, id)
		if err != nil {
			return err
		}
		for h := range m.objects() {
			needed[h] = true
		}
	}
	for _, id := range names[:old] {
		if err := r.target.Remove(ctx, backupsFolder+"/"+id); err != nil {
			return err
		}
		r.Logger.Info("old backup removed", "backup", id)
	}
	return r.collect(ctx, needed)
}

// collect removes objects that nothing needs, when they are older than the grace.
func (r *Repository) collect(ctx context.Context, needed map[lode.Hash]bool) error {
	var gone []string
	limit := r.now().Add(-r.Grace)
	err := r.target.List(ctx, objectsFolder, func(f File) error {
		if h, ok := parseObjectName(f.Name); ok && !needed[h] && f.Modified.Before(limit) {
			gone = append(gone, f.Name)
		}
		return nil
	})
	if err != nil {
		return err
	}
	for _, name := range gone {
		if err := r.target.Remove(ctx, name); err != nil {
			return err
		}
	}
	if len(gone) > 0 {
		r.Logger.Info("objects without a backup removed", "objects", len(gone))
	}
	return nil
}
