package backup

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/internal/seal"
)

// OpenObject reads content that some backup of the repository holds under its hash: a blob or
// a sealed segment. Reading comes to an end only when all of it is as the hash says. What no
// backup holds is [lode.CodeNotFound].
func (r *Repository) OpenObject(ctx context.Context, h lode.Hash) (io.ReadCloser, error) {
	file, err := r.target.Open(ctx, objectName(h))
	if lode.IsCode(err, lode.CodeNotFound) {
		return nil, lode.NotFound("object", h).WithHint("no backup in " + r.String() + " holds it")
	}
	if err != nil {
		return nil, err
	}
	sealed, err := seal.NewReader(file, kindObject)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("object %s: %w", h, err), file.Close())
	}
	o := &objectReader{file: file, hash: h}
	o.content, o.sum = hashed(sealed)
	return o, nil
}
