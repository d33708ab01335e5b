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

// Segment is segment.
type Segment = segment

// Forge writes the manifest of a backup again, with other segments, under the name that it
// then must have, and returns that name.
func Forge(ctx context.Context, r *Repository, id string, change func([]Segment) []Segment) (string, error) {
	_, m, err := r.find(ctx, id)
	if err != nil {
		return "", err
	}
	m.Segments = change(m.Segments)
	sealed, err := encode(kindManifest, m, maxManifestBytes)
	if err != nil {
		return "", err
	}
	forged := idOf(m.Created, sealed)
	return forged, r.writeFile(ctx, backupsFolder+"/"+forged, sealed)
}
