package collection

import (
	"errors"
	"fmt"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/storage"
)

// Entry is a command at its place in the log.
type Entry struct {
	Index, Term uint64
	Data        []byte
}

// Fatal is the result of an entry that this node could not apply: a command that this
// build does not know, or a store or index that failed. The state machine has stopped
// before or at that entry; going on would skip it, so the node must stop too.
type Fatal struct{ Err error }

func (f Fatal) Error() string { return "state machine stopped: " + f.Err.Error() }

// Unwrap returns the cause.
func (f Fatal) Unwrap() error { return f.Err }

// done is the result of a command that has nothing to say.
type done struct{}

// Applied returns the log position of the durable state.
func (e *Engine) Applied() (index, term uint64) {
	at := e.store.Applied()
	return at.Index, at.Term
}

// Apply applies committed entries in order, as one storage transaction, and publishes the
// result to searches before it returns. There is one result for each entry: a value of
// the command's result type, a *[lode.Error] when the command was refused and changed
// nothing, a [Fatal], or nil for an entry that storage had applied before.
func (e *Engine) Apply(entries []Entry) []any {
	e.applyLock.Lock()
	defer e.applyLock.Unlock()
	results := make([]any, len(entries))
	if err := e.stopped(); err != nil {
		fillFatal(results, err)
		return results
	}
	at := e.store.Applied()
	first := 0
	for first < len(entries) && entries[first].Index <= at.Index {
		first++
	}
	commands, err := e.decodeAll(entries[first:])
	readable := results[first : first+len(commands)]
	if applyErr := e.applyBatch(entries[first:first+len(commands)], commands, readable); applyErr != nil {
		fillFatal(readable, applyErr)
		err = applyErr
	}
	if err != nil {
		fillFatal(results[first+len(commands):], err)
		e.applyLock.failed = err
		e.options.Logger.Error("state machine stopped", "error", err)
	}
	return results
}

func (e *Engine) stopped() error {
	if e.closed.Load() {
		return errors.New("the engine is closed")
	}
	return e.applyLock.failed
}

func fillFatal(results []any, err error) {
	for i := range results {
		results[i] = Fatal{Err: err}
	}
}

// decodeAll decodes up to the first entry that this build cannot read; the entries before
// it are good and will be applied.
func (e *Engine) decodeAll(entries []Entry) ([]command, error) {
	commands := make([]command, 0, len(entries))
	for _, entry := range entries {
		cmd, err := e.commandOf(entry.Data)
		if err != nil {
			return commands, fmt.Errorf("log entry %d: %w", entry.Index, err)
		}
		commands = append(commands, cmd)
	}
	return commands, nil
}

// commandOf is the command of a log entry.
func (e *Engine) commandOf(entry []byte) (command, error) {
	if cmd := e.early.take(entry); cmd != nil {
		return cmd, nil
	}
	return e.codec.decode(entry)
}

// applyBatch makes the commands durable, then visible, then known to listeners.
func (e *Engine) applyBatch(entries []Entry, commands []command, results []any) error {
	if len(entries) == 0 {
		return nil
	}
	last := entries[len(entries)-1]
	var b *batch
	err := e.store.Update(storage.Applied{Index: last.Index, Term: last.Term}, func(tx *storage.Tx) error {
		b = &batch{tx: tx, codec: e.codec, keep: e.keep}
		for i, cmd := range commands {
			tx.SetEntry(entries[i].Index)
			result, err := b.apply(cmd)
			if err != nil {
				return fmt.Errorf("log entry %d: %w", entries[i].Index, err)
			}
			results[i] = result
		}
		return nil
	})
	if err != nil {
		return err
	}
	if err := e.show(b.effects); err != nil {
		return err
	}
	e.past.turn(b.turned)
	for _, tell := range b.events {
		tell(&e.options.Events)
	}
	return nil
}

// batch applies commands within one storage transaction and collects what must follow the
// commit. A command checks everything before its first write: a refused command shares the
// transaction with its neighbours and must leave no trace in it.
type batch struct {
	tx      *storage.Tx
	codec   codec
	keep    int // named writes to keep for each client
	effects []effect
	events  []func(*Events)
	turned  map[lode.CollectionID]turned // by collection with a history
}

// apply runs one command. A refusal is a result, an error is a failure of this node.
func (b *batch) apply(cmd command) (any, error) {
	switch ok, err := b.tx.HasCluster(); {
	case err != nil:
		return nil, err
	case !ok && cmd.commandType() != typeInitCluster:
		return lode.Errorf(lode.CodeUnavailable, "the cluster is not initialised yet"), nil
	}
	switch cmd := cmd.(type) {
	case *initCluster:
		return b.initCluster(cmd)
	case *createCollection:
		return b.createCollection(cmd)
	case *deleteCollection:
		return b.deleteCollection(cmd)
	case *submit:
		return b.submit(cmd)
	case *claim:
		return b.claim(cmd)
	case *stageSilver:
		return b.stageSilver(cmd)
	case *stageChunks:
		return b.stageChunks(cmd)
	case *complete:
		return b.complete(cmd)
	case *fail:
		return b.fail(cmd)
	case *retry:
		return b.retry(cmd)
	case *deleteDocuments:
		return b.deleteDocuments(cmd)
	case *putPoints:
		return b.putPoints(cmd)
	case *sealSegment:
		return b.sealSegment(cmd)
	case *sealedSegment:
		return b.sealedSegment(cmd)
	case *mergeSegments:
		return b.mergeSegments(cmd)
	case *named:
		return b.named(cmd)
	case *tune:
		return b.tune(cmd)
	case *patchDocuments:
		return b.patchDocuments(cmd)
	case *deleteSelected:
		return b.deleteSelected(cmd)
	case *noteSelected:
		return b.noteSelected(cmd)
	case *pruneHistory:
		return b.pruneHistory(cmd)
	case *putEvaluation:
		return b.putEvaluation(cmd)
	case *deleteEvaluation:
		return b.deleteEvaluation(cmd)
	case *putFeedback:
		return b.putFeedback(cmd)
	}
	return nil, fmt.Errorf("command type %d has no handler", cmd.commandType())
}

// effect is a change of the in-memory state that follows a commit. An error means that
// memory and storage differ now.
type effect func(*world) error

// world is the in-memory state while effects change it.
type world struct {
	options *Options
	catalog *catalog
	touched map[*collection]bool
}

// show runs the effects and publishes what they touched.
func (e *Engine) show(effects []effect) error {
	w := &world{options: &e.options, catalog: e.catalog.Load(), touched: map[*collection]bool{}}
	before := w.catalog
	for _, run := range effects {
		if err := run(w); err != nil {
			return err
		}
	}
	for c := range w.touched {
		if err := c.publish(); err != nil {
			return err
		}
	}
	if w.catalog != before {
		e.catalog.Store(w.catalog)
	}
	return nil
}

// editCatalog gives the catalog to change: a copy, as searches hold the published one.
func (w *world) editCatalog() *catalog {
	w.catalog = w.catalog.clone()
	return w.catalog
}

// onSegment adds an effect on one collection's segment. A collection that a later command
// of the batch drops is gone from memory only when its effects have run.
func (b *batch) onSegment(id lode.CollectionID, change func(*segment) error) {
	b.effects = append(b.effects, func(w *world) error {
		c := w.catalog.byID[id]
		if c == nil {
			return fmt.Errorf("collection %d is in storage but not in memory", id)
		}
		if c.loading.queue(change) {
			return nil
		}
		w.touched[c] = true
		return change(&c.segment)
	})
}

// tell adds an event that follows the publication.
func (b *batch) tell(event func(*Events)) { b.events = append(b.events, event) }
