package collection

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/index"
	"github.com/lodedb/lode/storage"
)

// Options says what an [Engine] is built from. NewDense, NewSparse and
// Fingerprint are required.
type Options struct {
	// Logger is told what an operator must know. The default discards.
	Logger *slog.Logger
	// NewDense and NewSparse make the empty indexes of a collection.
	NewDense  func(dim int, metric lode.Metric) index.Dense
	NewSparse func() index.Sparse
	// Fingerprint identifies the model, tokenizer and chunker that a collection names, and
	// refuses an embedder that the node does not know.
	Fingerprint func(lode.Collection) (string, error)
	// Room is asked before a command that makes the data grow goes to the log, with its size;
	// release ends the claim once the command is applied. Its refusal is the command's. The
	// default has room for all.
	Room func(bytes int64) (release func(), err error)
	// Memory is asked before a state of the past is loaded, with about what it takes. Its refusal is
	// that of the question. The default has room for all.
	Memory func(bytes int64) error
	// Clock gives the times that commands carry. The default is time.Now.
	Clock func() time.Time
	// Events are called after a change is durable and visible.
	Events Events
	// SealBytes is how much a segment grows before [Engine.SealDue] seals it. The default is
	// [DefaultSealBytes].
	SealBytes int64
	// Merge says when sealed segments are merged. The default is that of storage.
	Merge storage.MergePolicy
	// Graphs makes the graphs of sealed segments; nil searches all segments exactly. A segment
	// of less than GraphRows rows gets none; the default is [DefaultGraphRows].
	Graphs    Graphs
	GraphRows int
	// Pace is told when words of a sealed segment are written, which may take seconds; see
	// [storage.Options]. The default does nothing.
	Pace func(context.Context) (yield, end func())
	// EarlyRows is how many rows a collection must have for a start not to wait until it is
	// loaded; see [Engine.EarlyView]. 0 waits for all.
	EarlyRows int
	// Failed is told once when the engine has stopped by itself: because of a collection that
	// could not be loaded. The node must stop too.
	Failed func(error)
}

func (o *Options) ensureDefaults() {
	if o.GraphRows == 0 {
		o.GraphRows = DefaultGraphRows
	}
	if o.SealBytes == 0 {
		o.SealBytes = DefaultSealBytes
	}
	if o.Failed == nil {
		o.Failed = func(error) {}
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Room == nil {
		o.Room = func(int64) (func(), error) { return func() {}, nil }
	}
	if o.Memory == nil {
		o.Memory = func(int64) error { return nil }
	}
	if o.Pace == nil {
		unpaced := func() {}
		o.Pace = func(context.Context) (yield, end func()) { return unpaced, unpaced }
	}
	if o.Clock == nil {
		o.Clock = time.Now
	}
}

func (o *Options) validate() error {
	if o.NewDense == nil || o.NewSparse == nil || o.Fingerprint == nil {
		return errors.New("collection: NewDense, NewSparse and Fingerprint must be set")
	}
	return nil
}

// Events are optional callbacks about changes of documents. They are called on every node,
// in the order of the log, by the goroutine that applies it: they must return soon and
// must not call the engine's writes. Entries that a node replays after a restart are
// reported again only when storage had not applied them.
type Events struct {
	JobAdded    func(lode.Job)                       // a version waits for processing
	Committed   func(lode.Document, lode.DocVersion) // a version became searchable
	Quarantined func(lode.Document, lode.DocVersion) // a version failed
	Deleted     func(lode.Document)                  // a document or raw vector is gone
	Dropped     func(lode.Collection)                // a collection is gone with all it held
}

// Proposer puts a command into the replicated log and returns what Apply made of it on
// this node, once it is applied here.
type Proposer func(ctx context.Context, command []byte) (any, error)

// Engine is the collections of one node: the state machine under the log and the searches
// over its state. All methods may be called at the same time, except that Apply and
// Restore must not overlap, as a log's driver guarantees.
type Engine struct {
	store   *storage.Store
	options Options
	codec   codec

	proposer atomic.Pointer[Proposer]
	catalog  atomic.Pointer[catalog]
	early    early
	past     pastStates
	closed   atomic.Bool
	building building
	growing  atomic.Int64 // bytes of commands under way that make the catalogue grow
	keep     int          // named writes kept for each client: the same on every node
	loads    struct {
		ctx    context.Context // of loads in the background
		cancel context.CancelFunc
		all    sync.WaitGroup
	}
	applyLock struct {
		// The mutex covers one batch from storage to publication. Searches never take it.
		sync.Mutex
		failed error // why the state machine stopped; it never starts again
	}
}

// building holds what is built one at a time of each kind: it reads and writes whole segments.
// A seal waits for no merge, no graph and no words.
type building struct{ seals, merges, graphs, words sync.Mutex }

// New builds the in-memory state from storage. It does not wait for collections of
// [Options].EarlyRows rows: what needs one of them whole waits for it. The caller closes the
// engine, then the store.
func New(store *storage.Store, o Options) (*Engine, error) {
	if err := o.validate(); err != nil {
		return nil, err
	}
	o.ensureDefaults()
	codec, err := newCodec()
	if err != nil {
		return nil, err
	}
	e := &Engine{store: store, options: o, codec: codec, keep: KeptOperations}
	e.loads.ctx, e.loads.cancel = context.WithCancel(context.Background())
	e.past.open()
	e.applyLock.Lock() // a load that is done already shows its collection in the catalog
	defer e.applyLock.Unlock()
	loaded, err := e.load(true)
	if err != nil {
		e.loads.cancel()
		return nil, err
	}
	e.catalog.Store(loaded)
	return e, nil
}

// Close waits for the batch that is being applied, and gives up what is being loaded; afterwards
// every call is refused. The store stays open. Close may be called twice.
func (e *Engine) Close() error {
	e.closed.Store(true)
	e.past.close()
	e.loads.cancel()
	e.loads.all.Wait()
	e.applyLock.Lock()
	defer e.applyLock.Unlock()
	return nil
}

// SetProposer connects the engine to the log. It is called once, before the first write.
func (e *Engine) SetProposer(p Proposer) { e.proposer.Store(&p) }

// StateHash is the hash of the durable state: equal on all nodes that applied the same log.
func (e *Engine) StateHash() (lode.Hash, error) { return e.store.StateHash() }

// now is the clock's time in the form that commands carry.
func (e *Engine) now() time.Time { return plainTime(e.options.Clock()) }

// catalog is the set of collections. It never changes; Apply publishes a new one.
type catalog struct {
	byID   map[lode.CollectionID]*collection
	byName map[string]*collection
}

func newCatalog() *catalog {
	return &catalog{byID: map[lode.CollectionID]*collection{}, byName: map[string]*collection{}}
}

func (c *catalog) clone() *catalog {
	return &catalog{byID: maps.Clone(c.byID), byName: maps.Clone(c.byName)}
}

func (c *catalog) add(added *collection) {
	c.byID[added.settings.ID] = added
	c.byName[added.settings.Name] = added
}

func (c *catalog) remove(id lode.CollectionID) {
	if gone := c.byID[id]; gone != nil {
		delete(c.byName, gone.settings.Name)
		delete(c.byID, id)
	}
}

// names returns the names in order.
func (c *catalog) names() []string { return slices.Sorted(maps.Keys(c.byName)) }

// admit refuses a call without a principal, or to a closed engine.
func (e *Engine) admit(p lode.Principal) error {
	if e.closed.Load() {
		return errClosed()
	}
	return p.Validate()
}

// open finds a collection by name for a principal.
func (e *Engine) open(p lode.Principal, name string) (*collection, error) {
	if err := e.admit(p); err != nil {
		return nil, err
	}
	if err := lode.ValidateCollectionName(name); err != nil {
		return nil, err
	}
	c := e.catalog.Load().byName[name]
	if c == nil {
		return nil, lode.NotFound("collection", name)
	}
	return c, nil
}

// propose sends a command through the log and gives its result the type that Apply returns
// for it.
func propose[T any](ctx context.Context, e *Engine, cmd command) (T, error) {
	var none T
	if e.closed.Load() {
		return none, errClosed()
	}
	proposer := e.proposer.Load()
	if proposer == nil {
		return none, lode.Errorf(lode.CodeUnavailable, "the node is not connected to the log yet")
	}
	data, decoded, err := e.codec.encode(cmd)
	if err != nil {
		return none, err
	}
	if grows(cmd) {
		if err := e.held(decoded, int64(len(data))); err != nil {
			return none, err
		}
		defer e.growing.Add(-int64(len(data)))
		if err := e.store.Admit(e.growing.Add(int64(len(data)))); err != nil {
			return none, err
		}
		release, err := e.options.Room(int64(len(data)))
		if err != nil {
			return none, err
		}
		defer release()
	}
	defer e.early.add(data, decoded, e.preparing(decoded))()
	result, err := (*proposer)(ctx, data)
	if err != nil {
		return none, err
	}
	if again, ok := result.(replay); ok {
		return resolve[T](e.codec, again)
	}
	switch result := result.(type) {
	case T:
		return result, nil
	case error:
		return none, result
	}
	return none, lode.Errorf(lode.CodeInternal, "command %d has a result of type %T", cmd.commandType(), result)
}

func errClosed() *lode.Error {
	return lode.Errorf(lode.CodeUnavailable, "the node is shutting down")
}
