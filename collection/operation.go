package collection

import (
	"context"
	"encoding/hex"
	"slices"
	"strings"
	"time"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/index"
	"github.com/lodedb/lode/storage"
)

// Operation is what is known of a write that has a key: of its parts what was answered, of
// documents how far they are.
type Operation struct {
	ID         string // found by client and key, see [Engine.OperationID]
	Kind       string // one of the Operation… constants
	State      OperationState
	Collection string // its name; empty when it is gone
	Parts      int    // of the request
	Known      int    // parts that were carried out
	Items      int    // documents, ids or vectors in the known parts; 0 for a write that has none
	At         time.Time
	Finished   time.Time // zero while something is running, or when it is not known any more
	Documents  []OperationDocument
	Failed     []OperationFailure // of other kinds of writes
}

// OperationDocument is one document of a write and how far it is.
type OperationDocument struct {
	Part    int
	State   OperationState
	ID      lode.DocID
	Outcome lode.Outcome
	Version lode.Version
	Title   string
	Chunks  int
	Err     *lode.Error // why it was refused or failed
	Stage   lode.Stage  // where it failed
}

// OperationFailure is one id or vector of a write that was refused.
type OperationFailure struct {
	Item int // its place among the items of all known parts
	Err  *lode.Error
}

// OperationState says how far a write is.
type OperationState string

// The states. A write runs while one of its documents does, else it is incomplete while parts
// are missing, else it failed when something in it did.
const (
	OperationRunning    OperationState = "running"
	OperationDone       OperationState = "done"
	OperationFailed     OperationState = "failed"
	OperationIncomplete OperationState = "incomplete" // parts were refused before the log, are on their way, or were cut off
	OperationGone       OperationState = "gone"       // of a document: it was deleted or replaced since
)

// The kinds of operations.
const (
	OperationCreateCollection = "create_collection"
	OperationDeleteCollection = "delete_collection"
	OperationUpload           = "upload"
	OperationRetry            = "retry"
	OperationDelete           = "delete"
	OperationPutVectors       = "put_vectors"
	OperationTune             = "update_collection"
	OperationPatch            = "patch"
	OperationSelection        = "selection" // of several commands
	OperationPutEvaluation    = "put_evaluation"
	OperationDeleteEvaluation = "delete_evaluation"
	OperationFeedback         = "feedback"
)

func kindOf(t commandType) string {
	switch t {
	case typeCreateCollection:
		return OperationCreateCollection
	case typeDeleteCollection:
		return OperationDeleteCollection
	case typeSubmit:
		return OperationUpload
	case typeRetry:
		return OperationRetry
	case typeDeleteDocuments:
		return OperationDelete
	case typePutPoints:
		return OperationPutVectors
	case typeTune:
		return OperationTune
	case typePatchDocuments:
		return OperationPatch
	case typeDeleteSelected:
		return OperationDelete
	case typeNoteSelected:
		return OperationSelection
	case typePutEvaluation:
		return OperationPutEvaluation
	case typeDeleteEvaluation:
		return OperationDeleteEvaluation
	case typePutFeedback:
		return OperationFeedback
	}
	return ""
}

const operationPrefix = "op-"

func formatOperationID(id storage.OperationID) string {
	return operationPrefix + hex.EncodeToString(id[:])
}

func parseOperationID(s string) (id storage.OperationID, ok bool) {
	digits, found := strings.CutPrefix(s, operationPrefix)
	b, err := hex.DecodeString(digits)
	if !found || err != nil || len(b) != len(id) || strings.ToLower(digits) != digits {
		return id, false
	}
	return storage.OperationID(b), true
}

// OperationID returns the id of the principal's write with the key, whether or not it was
// carried out.
func (e *Engine) OperationID(p lode.Principal, key string) (id string, err error) {
	if err := e.admit(p); err != nil {
		return "", err
	}
	if err := lode.ValidateKey(key); err != nil {
		return "", err
	}
	err = e.store.View(func(tx *storage.Tx) error {
		_, op, err := tx.NameOperation(p.ID, key)
		id = formatOperationID(op)
		return err
	})
	return id, err
}

// Operation returns what is known of a write. One of another principal is
// [lode.CodeNotFound], and so is one of which nothing is kept: it was not carried out, or so
// many others were since that it was dropped.
func (e *Engine) Operation(ctx context.Context, p lode.Principal, id string) (Operation, error) {
	if err := e.admit(p); err != nil {
		return Operation{}, err
	}
	if err := index.Stopped(ctx); err != nil {
		return Operation{}, err
	}
	name, ok := parseOperationID(id)
	if !ok {
		return Operation{}, errNoOperation(id)
	}
	r := operationReader{engine: e, who: p, op: Operation{ID: id}}
	err := e.store.View(func(tx *storage.Tx) error { return r.read(tx, name) })
	return r.op, err
}

func errNoOperation(id string) *lode.Error { return lode.NotFound("operation", id) }

// operationReader follows the parts of a write to what became of them.
type operationReader struct {
	engine *Engine
	who    lode.Principal
	tx     *storage.Tx
	op     Operation
	open   bool // something is running, or its end is not known
}

func (r *operationReader) read(tx *storage.Tx, id storage.OperationID) error {
	r.tx = tx
	client, _, err := tx.NameOperation(r.who.ID, "")
	if err != nil {
		return err
	}
	err = tx.OperationParts(id, func(p *storage.OperationPart) (bool, error) {
		if p.Client != client && !r.who.SeesAll() {
			return false, nil
		}
		return true, r.part(p)
	})
	if err != nil {
		return err
	}
	if r.op.Known == 0 {
		return errNoOperation(r.op.ID)
	}
	r.op.State = r.state()
	if r.open || r.op.State == OperationRunning || r.op.State == OperationIncomplete {
		r.op.Finished = time.Time{}
	}
	return nil
}

func (r *operationReader) state() OperationState {
	is := func(want OperationState) bool {
		return slices.ContainsFunc(r.op.Documents, func(d OperationDocument) bool { return d.State == want })
	}
	switch {
	case is(OperationRunning):
		return OperationRunning
	case r.op.Known < r.op.Parts:
		return OperationIncomplete
	case is(OperationFailed) || len(r.op.Failed) > 0:
		return OperationFailed
	}
	return OperationDone
}

// part adds one part.
func (r *operationReader) part(p *storage.OperationPart) error {
	o, err := r.engine.codec.decodeOutcome(p.Outcome)
	if err != nil {
		return err
	}
	if r.op.Known == 0 {
		r.op.Kind, r.op.Parts, r.op.At = kindOf(commandType(p.Kind)), int(p.Parts), p.At
		c, err := absent(r.tx.Collection(p.Collection))
		if err != nil {
			return err
		}
		if c != nil {
			r.op.Collection = c.Name
		}
	}
	r.op.Known++
	r.end(p.At)
	switch {
	case o.Receipt != nil:
		r.op.Items++
		return r.document(p, o.Receipt)
	case o.Job != nil:
		r.op.Items++
		return r.document(p, &receipt{Doc: o.Job.Doc, Version: o.Job.Version, Epoch: o.Job.Epoch, Outcome: lode.OutcomeUpdated})
	case o.Refusal != nil && r.op.Kind == OperationUpload:
		r.op.Items++
		r.op.Documents = append(r.op.Documents, OperationDocument{Part: int(p.Part), State: OperationFailed, Err: o.Refusal.err()})
	case o.Refusal != nil:
		r.op.Failed = append(r.op.Failed, OperationFailure{Item: r.op.Items, Err: o.Refusal.err()})
	default:
		r.list(o)
	}
	return nil
}

// list adds what was refused of a list, in order.
func (r *operationReader) list(o *outcome) {
	first := len(r.op.Failed)
	for i := range o.Refused {
		err := o.Refused[i].err()
		if err.Value == ownID {
			err.Value = ""
		}
		for _, item := range o.Refused[i].Items {
			r.op.Failed = append(r.op.Failed, OperationFailure{Item: r.op.Items + item, Err: err})
		}
	}
	slices.SortFunc(r.op.Failed[first:], func(a, b OperationFailure) int { return a.Item - b.Item })
	r.op.Items += o.Items
}

// end moves the end of the operation to the latest of its parts.
func (r *operationReader) end(at time.Time) {
	if at.After(r.op.Finished) {
		r.op.Finished = at
	}
}

// document adds a document as far as the principal may see it.
func (r *operationReader) document(p *storage.OperationPart, of *receipt) error {
	item := OperationDocument{Part: int(p.Part), State: OperationGone, ID: of.ID, Outcome: of.Outcome, Version: of.Version}
	d, err := r.find(p.Collection, of.Doc)
	if err != nil {
		return err
	}
	var v *lode.DocVersion
	switch {
	case d == nil || !d.maySee(r.who):
	case d.newest.Version == of.Version:
		v, item.ID = d.newest, d.doc.ID
	case d.current != nil && d.current.Version == of.Version:
		v, item.ID = d.current, d.doc.ID
	}
	if v == nil {
		r.open = true
	} else {
		r.follow(&item, v)
	}
	r.op.Documents = append(r.op.Documents, item)
	return nil
}

func (r *operationReader) find(c lode.CollectionID, no lode.DocNo) (*document, error) {
	settings, err := absent(r.tx.Collection(c))
	if err != nil || settings == nil {
		return nil, err
	}
	doc, err := absent(r.tx.Document(c, no))
	if err != nil {
		return nil, err
	}
	return readDocument(r.tx, doc)
}

// follow says how far a version is, and when it came to its end.
func (r *operationReader) follow(item *OperationDocument, v *lode.DocVersion) {
	switch v.State {
	case lode.StatePending:
		item.State = OperationRunning
	case lode.StateReady:
		item.State, item.Title, item.Chunks = OperationDone, v.Title, v.Chunks
		if n := len(v.Runs); n > 0 {
			r.end(v.Runs[n-1].Start.Add(v.Runs[n-1].Duration))
		}
	case lode.StateQuarantined:
		item.State = OperationFailed
		if f := v.Failure; f != nil {
			item.Err, item.Stage = lode.Errorf(f.Code, "%s", f.Reason), f.Stage
			r.end(f.At)
		}
	}
}
