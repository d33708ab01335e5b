package chaos

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/api/v1"
	"github.com/lodedb/lode/client"
)

// Collections that the workload makes first and never deletes.
const (
	documentsCollection = "docs"
	vectorsCollection   = "points"
)

// callTimeout bounds one request; a node that hangs longer than this has hung.
const callTimeout = 20 * time.Second

// Workload is writers that go on until they are stopped or the node is gone.
type Workload struct {
	Ledger  *Ledger
	Seed    uint64
	Writers int // the default is 3
	Objects int // documents of each writer, and as many vectors; the default is 12
	// VectorsOnly leaves out documents and collections: every write goes to the log at once.
	VectorsOnly bool
	// Patience is for one request; the default is 20 s.
	Patience time.Duration

	refused atomic.Int64 // writes that were answered with an error
	acked   atomic.Int64
}

// Prepare makes the lasting collections. It may be repeated.
func (w *Workload) Prepare(ctx context.Context, c *client.Client) error {
	for name, embedder := range map[string]*v1.Embedder{
		documentsCollection: nil,
		vectorsCollection:   {Provider: "none", Dim: vectorDim},
	} {
		k := Key{Kind: KindCollection, Collection: name}
		if possible, _ := w.Ledger.possible(k); len(possible) == 1 && possible[0] != Absent {
			continue
		}
		dim := vectorDim
		if embedder == nil {
			dim = lode.DefaultEmbedder.Dim
		}
		w.Ledger.Attempt(k, strconv.Itoa(dim))
		_, err := c.CreateCollection(ctx, v1.CreateCollection{Name: name, Metric: lode.L2, Embedder: embedder})
		if err != nil && !lode.IsCode(err, lode.CodeConflict) {
			return err
		}
		w.Ledger.Acknowledge(k)
	}
	return nil
}

// Run writes until ctx ends or the node does not answer any more.
func (w *Workload) Run(ctx context.Context, url string) {
	if w.Writers == 0 {
		w.Writers = 3
	}
	if w.Objects == 0 {
		w.Objects = 12
	}
	w.Patience = cmp.Or(w.Patience, callTimeout)
	var all sync.WaitGroup
	for n := range w.Writers {
		c, err := client.New(client.Options{BaseURL: url, Retries: -1})
		if err != nil {
			return
		}
		writer := &writer{Workload: w, c: c, n: n, random: rand.New(rand.NewPCG(w.Seed, uint64(n)+1)), retired: map[Key]bool{}}
		all.Go(func() { writer.run(ctx) })
	}
	all.Wait()
}

// settled is how many documents and vectors [Workload.Settle] writes.
const settled = 16

// Settle writes documents and vectors that no writer changes later: what stays in sealed
// segments while all around it is replaced.
func (w *Workload) Settle(ctx context.Context, url string) error {
	c, err := client.New(client.Options{BaseURL: url, Retries: -1})
	if err != nil {
		return err
	}
	writer := &writer{Workload: w, c: c, random: rand.New(rand.NewPCG(w.Seed, 0)), retired: map[Key]bool{}}
	for i := range settled {
		id := lode.DocID(fmt.Sprintf("settled/%d", i))
		err := errors.Join(
			whenTaken(ctx, func() error { return writer.putDocumentAt(ctx, Key{KindDocument, documentsCollection, id}) }),
			whenTaken(ctx, func() error { return writer.putVectorsAt(ctx, Key{KindVector, vectorsCollection, id}) }))
		if err != nil {
			return err
		}
	}
	return nil
}

// whenTaken repeats a write that the node is too busy for: tiny segments fill faster than they
// are sealed.
func whenTaken(ctx context.Context, write func() error) error {
	for {
		err := write()
		if !lode.IsCode(err, lode.CodeOverloaded) {
			return err
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// writer owns the keys that bear its number.
type writer struct {
	*Workload
	c      *client.Client
	n      int
	random *rand.Rand
	// retired keys have an unknown outcome while the node goes on: a late write could come
	// after the next one, so there is no next one before the node was started again.
	retired map[Key]bool
}

func (w *writer) run(ctx context.Context) {
	for ctx.Err() == nil {
		call, cancel := context.WithTimeout(context.WithoutCancel(ctx), w.Patience)
		err := w.step(call)
		cancel()
		if err == nil {
			continue
		}
		w.refused.Add(1)
		if lode.IsCode(err, lode.CodeUnavailable) || lode.IsCode(err, lode.CodeOutcomeUnknown) {
			if w.c.Health(ctx) != nil {
				return
			}
		}
		select { // a node that refuses is not hammered
		case <-ctx.Done():
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// step makes one request.
func (w *writer) step(ctx context.Context) error {
	p := w.random.IntN(100)
	if w.VectorsOnly {
		p = 58 + p%26
	}
	switch {
	case p < 45:
		return w.putDocument(ctx)
	case p < 58:
		return w.deleteDocument(ctx)
	case p < 76:
		return w.putVectors(ctx)
	case p < 84:
		return w.deleteVector(ctx)
	default:
		return w.turnCollection(ctx)
	}
}

// write does one write whose outcome is recorded for all its keys.
func (w *writer) write(keys []Key, values []string, do func() error) error {
	if slices.ContainsFunc(keys, func(k Key) bool { return w.retired[k] }) {
		return nil
	}
	for i, k := range keys {
		w.Ledger.Attempt(k, values[i])
	}
	err := do()
	for _, k := range keys {
		if err != nil {
			w.retired[k] = true
			continue
		}
		w.Ledger.Acknowledge(k)
		w.acked.Add(1)
	}
	return err
}

func (w *writer) key(kind Kind, collection string) Key {
	return Key{kind, collection, lode.DocID(fmt.Sprintf("w%d/%d", w.n, w.random.IntN(w.Objects)))}
}

func (w *writer) putDocument(ctx context.Context) error {
	return w.putDocumentAt(ctx, w.key(KindDocument, documentsCollection))
}

func (w *writer) putDocumentAt(ctx context.Context, k Key) error {
	content := newDocument(w.random, k.ID)
	options := client.UploadOptions{NoWait: w.random.IntN(3) == 0}
	return w.write([]Key{k}, []string{content}, func() error {
		results, err := w.c.UploadDocuments(ctx, documentsCollection, []client.File{client.FileBytes(k.ID, []byte(content))}, options)
		if err != nil {
			return err
		}
		item := results.Items[0]
		if item.Error != nil {
			return item.Error.Err()
		}
		if !options.NoWait && item.State != lode.StateReady {
			return lode.Errorf(lode.CodeTimeout, "%s is still %s", k, item.State)
		}
		return nil
	})
}

func (w *writer) deleteDocument(ctx context.Context) error {
	k := w.key(KindDocument, documentsCollection)
	return w.write([]Key{k}, []string{Absent}, func() error {
		return gone(w.c.DeleteDocument(ctx, documentsCollection, k.ID))
	})
}

// gone takes "it is not there" for a deletion: so it is.
func gone(err error) error {
	if lode.IsCode(err, lode.CodeNotFound) {
		return nil
	}
	return err
}

func (w *writer) putVectors(ctx context.Context) error {
	return w.putVectorsAt(ctx, w.key(KindVector, vectorsCollection))
}

func (w *writer) putVectorsAt(ctx context.Context, k Key) error {
	text := newPointText(w.random)
	return w.write([]Key{k}, []string{text}, func() error {
		return w.putPoint(ctx, k, text, vectorDim)
	})
}

func (w *writer) putPoint(ctx context.Context, k Key, text string, dim int) error {
	results, err := w.c.PutVectors(ctx, k.Collection, newPoint(k.ID, text, dim))
	if err == nil && results.Items[0].Error != nil {
		err = results.Items[0].Error.Err()
	}
	return err
}

func (w *writer) deleteVector(ctx context.Context) error {
	k := w.key(KindVector, vectorsCollection)
	return w.write([]Key{k}, []string{Absent}, func() error {
		return gone(w.c.DeleteVector(ctx, vectorsCollection, k.ID))
	})
}

// turnCollection makes a collection with a vector in it, or deletes it with all it holds.
func (w *writer) turnCollection(ctx context.Context) error {
	name := fmt.Sprintf("short-%d-%d", w.n, w.random.IntN(3))
	k, inside := Key{Kind: KindCollection, Collection: name}, Key{KindVector, name, "only"}
	if w.Ledger.mayExist(k) || w.Ledger.mayExist(inside) {
		return w.write([]Key{k, inside}, []string{Absent, Absent}, func() error {
			return gone(w.c.DeleteCollection(ctx, name))
		})
	}
	dim := 2 + w.random.IntN(30)
	err := w.write([]Key{k}, []string{strconv.Itoa(dim)}, func() error {
		_, err := w.c.CreateCollection(ctx, v1.CreateCollection{Name: name, Metric: lode.L2, Embedder: &v1.Embedder{Provider: "none", Dim: dim}})
		return err
	})
	if err != nil || w.retired[k] {
		return err
	}
	text := newPointText(w.random)
	return w.write([]Key{inside}, []string{text}, func() error { return w.putPoint(ctx, inside, text, dim) })
}
