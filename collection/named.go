package collection

import (
	"context"
	"fmt"
	"time"

	"github.com/fxamacker/cbor/v2"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/storage"
)

// KeptOperations is how many named writes are kept for each client, the newest ones. Every
// node must keep the same number.
const KeptOperations = 10_000

// maxParts bounds the parts of one write.
const maxParts = 10_000

// named is a command under the name that its client gave to the write. It happens at most
// once: its outcome is stored with its effect, and what comes later under the name is
// answered with it.
type named struct {
	Operation operation       `cbor:"1,keyasint"`
	Type      commandType     `cbor:"2,keyasint"` // of the command inside
	Version   uint16          `cbor:"3,keyasint"`
	Payload   cbor.RawMessage `cbor:"4,keyasint"`

	inner command // of Payload, by decode
}

// operation says which part of which write a command is.
type operation struct {
	ID      storage.OperationID `cbor:"1,keyasint"`
	Client  storage.ClientID    `cbor:"2,keyasint"`
	Part    uint32              `cbor:"3,keyasint"`
	Parts   uint32              `cbor:"4,keyasint"`
	Request lode.Hash           `cbor:"5,keyasint"`
	At      time.Time           `cbor:"6,keyasint"`
}

// grows is [commandType.grows] of what the command does.
func grows(cmd command) bool {
	if n, ok := cmd.(*named); ok {
		return n.Type.grows()
	}
	return cmd.commandType().grows()
}

// name puts a command under a name.
func (c codec) name(op operation, cmd command) (*named, error) {
	payload, err := c.enc.Marshal(cmd)
	if err != nil {
		return nil, lode.Errorf(lode.CodeInternal, "encode command %d: %w", cmd.commandType(), err)
	}
	return &named{Operation: op, Type: cmd.commandType(), Version: cmd.commandType().version(), Payload: payload}, nil
}

// decodeInner reads the command that has the name. Only writes of clients have one.
func (c codec) decodeInner(n *named) (command, error) {
	switch n.Type {
	case typeCreateCollection, typeDeleteCollection, typeSubmit, typeRetry, typeDeleteDocuments, typePutPoints, typeTune,
		typePatchDocuments, typeDeleteSelected, typeNoteSelected, typePutEvaluation, typeDeleteEvaluation, typePutFeedback:
	default:
		return nil, fmt.Errorf("command type %d cannot have a name", n.Type)
	}
	if op := &n.Operation; op.Part >= op.Parts {
		return nil, fmt.Errorf("part %d of %d", op.Part, op.Parts)
	}
	return c.decodePayload(n.Type, n.Version, n.Payload)
}

// named runs the command inside, unless that happened before.
func (b *batch) named(c *named) (any, error) {
	before, refusal, err := recorded(b.tx, &c.Operation)
	switch {
	case err != nil || refusal != nil:
		return refused(refusal, err)
	case before != nil:
		return replay{before.Outcome}, nil
	}
	result, err := b.apply(c.inner)
	if err != nil || passing(result) {
		return result, err
	}
	outcome, err := b.codec.encodeOutcome(result)
	if err != nil {
		return nil, err
	}
	op := &c.Operation
	return result, b.tx.PutOperationPart(&storage.OperationPart{
		ID: op.ID, Part: op.Part, Client: op.Client, Parts: op.Parts, Request: op.Request, At: op.At,
		Kind: uint16(c.Type), Collection: collectionOf(c.inner, result), Outcome: outcome,
	}, b.keep)
}

// passing reports whether a refusal may be another answer a moment later: it is not kept.
func passing(result any) bool {
	err, ok := result.(error)
	return ok && (lode.IsCode(err, lode.CodeUnavailable) || lode.IsCode(err, lode.CodeOverloaded))
}

// recorded finds what is kept of one part of a write, nil when it did not happen. The refusal
// says that the name stands for another request.
func recorded(tx *storage.Tx, op *operation) (*storage.OperationPart, *lode.Error, error) {
	before, err := tx.OperationPart(op.ID, op.Part)
	if err != nil {
		return nil, nil, err
	}
	same := before
	if same == nil { // another part knows the request too
		err = tx.OperationParts(op.ID, func(p *storage.OperationPart) (bool, error) {
			same = p
			return false, nil
		})
	}
	if err != nil {
		return nil, nil, err
	}
	if same != nil && (same.Request != op.Request || same.Parts != op.Parts) {
		return nil, errKeyReused(), nil
	}
	return before, nil, nil
}

// keyField is how errors name the key of a write.
const keyField = "idempotency_key"

func errKeyReused() *lode.Error {
	return lode.FieldError(lode.CodeConflict, keyField, "", "the key was used for another request").
		WithHint("give every write a key of its own, and the same one only when it is repeated")
}

// collectionOf is the collection that a named command is about.
func collectionOf(cmd command, result any) lode.CollectionID {
	switch cmd := cmd.(type) {
	case *createCollection:
		made, _ := result.(lode.Collection)
		return made.ID
	case *deleteCollection:
		return cmd.Collection
	case *submit:
		return cmd.Collection
	case *retry:
		return cmd.Collection
	case *deleteDocuments:
		return cmd.Collection
	case *putPoints:
		return cmd.Collection
	case *tune:
		return cmd.Collection
	case *patchDocuments:
		return cmd.Collection
	case *deleteSelected:
		return cmd.Collection
	case *noteSelected:
		return cmd.Collection
	}
	return 0
}

// partOf is one part of a write that needs several commands.
func partOf(w lode.Write, k, of int) lode.Write {
	w.Part, w.Parts = k, of
	return w
}

// carry proposes the command that build makes. A write with a key that was carried out before
// is answered with what is kept. checked is what the engine found wrong before; it counts only
// when nothing is kept, because a repeated request meets another state than the first did.
// It must have been found before the call: then a write that happened in between is seen here.
func carry[T any](ctx context.Context, e *Engine, p lode.Principal, w lode.Write, checked error, build func() command) (T, error) {
	var none T
	if w.Key == "" {
		if checked != nil {
			return none, checked
		}
		return propose[T](ctx, e, build())
	}
	result, err := carryOnce[T](ctx, e, p, w, checked, build)
	return result, naming(w.Key, err)
}

// naming puts the key, which Apply does not know, into an error about it.
func naming(key string, err error) error {
	refusal, ok := err.(*lode.Error)
	if !ok || refusal.Field != keyField {
		return err
	}
	named := *refusal
	named.Value = lode.CutValue(key)
	return &named
}

func carryOnce[T any](ctx context.Context, e *Engine, p lode.Principal, w lode.Write, checked error, build func() command) (T, error) {
	var none T
	op, kept, err := e.lookUp(p, w)
	switch {
	case err != nil:
		return none, err
	case kept != nil:
		return resolve[T](e.codec, replay{kept.Outcome})
	case checked != nil:
		return none, checked
	}
	cmd, err := e.codec.name(op, build())
	if err != nil {
		return none, err
	}
	return propose[T](ctx, e, cmd)
}

// lookUp finds what is kept of a write, nil when it did not happen here so far.
func (e *Engine) lookUp(p lode.Principal, w lode.Write) (op operation, kept *storage.OperationPart, err error) {
	if err := e.admit(p); err != nil {
		return op, nil, err
	}
	if err := checkWrite(&w); err != nil {
		return op, nil, err
	}
	op = operation{Part: uint32(w.Part), Parts: uint32(w.Parts), Request: w.Request, At: e.now()}
	err = e.store.View(func(tx *storage.Tx) error {
		if op.Client, op.ID, err = tx.NameOperation(p.ID, w.Key); err != nil {
			return err
		}
		var refusal *lode.Error
		if kept, refusal, err = recorded(tx, &op); err == nil && refusal != nil {
			return refusal
		}
		return err
	})
	return op, kept, err
}

func checkWrite(w *lode.Write) error {
	w.Parts = max(w.Parts, 1)
	if err := lode.ValidateKey(w.Key); err != nil {
		return err
	}
	if w.Parts > maxParts {
		return lode.FieldError(lode.CodeTooLarge, keyField, w.Key, "a write with a key has at most %d parts, this one needs %d", maxParts, w.Parts)
	}
	if w.Part < 0 || w.Part >= w.Parts || w.Request.IsZero() {
		return lode.Errorf(lode.CodeInternal, "part %d of %d of a write with the request %s", w.Part, w.Parts, w.Request)
	}
	return nil
}

// Submitted returns the receipt of a submission that was carried out under the write's key
// before; ok is false when there is none. A refusal that is kept is the error.
func (e *Engine) Submitted(ctx context.Context, p lode.Principal, w lode.Write) (r lode.Receipt, ok bool, err error) {
	_, kept, err := e.lookUp(p, w)
	if err != nil || kept == nil {
		return r, false, naming(w.Key, err)
	}
	r, err = resolve[lode.Receipt](e.codec, replay{kept.Outcome})
	return r, err == nil, err
}
