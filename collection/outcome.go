package collection

import (
	"fmt"

	"github.com/lodedb/lode"
)

// maxOutcomeBytes bounds what is kept of one part of a write, except that a list of refusals
// keeps at least the code of each.
const maxOutcomeBytes = 64 << 10

// outcome is the result of a command as it is kept: what the caller was told, so that it can
// be told again.
type outcome struct {
	Refusal    *refusal         `cbor:"1,keyasint,omitempty"` // nothing was done
	Receipt    *receipt         `cbor:"2,keyasint,omitempty"`
	Job        *lode.Job        `cbor:"3,keyasint,omitempty"`
	Collection *lode.Collection `cbor:"4,keyasint,omitempty"`
	Items      int              `cbor:"5,keyasint,omitempty"` // of a list
	Refused    []refusal        `cbor:"6,keyasint,omitempty"` // those of the list that were refused
	Versions   []lode.Version   `cbor:"7,keyasint,omitempty"` // of each point
}

// receipt is a lode.Receipt as it is kept.
type receipt struct {
	Doc     lode.DocNo   `cbor:"1,keyasint"`
	ID      lode.DocID   `cbor:"2,keyasint"`
	Version lode.Version `cbor:"3,keyasint"`
	Epoch   uint32       `cbor:"4,keyasint"`
	Outcome lode.Outcome `cbor:"5,keyasint"`
}

// refusal is a lode.Error as it is kept.
type refusal struct {
	Item    int       `cbor:"1,keyasint,omitempty"` // place in a list
	Code    lode.Code `cbor:"2,keyasint"`
	Field   string    `cbor:"3,keyasint,omitempty"`
	Value   string    `cbor:"4,keyasint,omitempty"`
	Message string    `cbor:"5,keyasint,omitempty"`
	Hint    string    `cbor:"6,keyasint,omitempty"`
}

func refusalOf(err error, item int) refusal {
	e := coded(err)
	return refusal{Item: item, Code: e.Code, Field: e.Field, Value: e.Value, Message: e.Message, Hint: e.Hint}
}

func (r *refusal) err() *lode.Error {
	return &lode.Error{Code: r.Code, Field: r.Field, Value: r.Value, Message: r.Message, Hint: r.Hint}
}

// outcomeOf gives a result the form in which it is kept.
func outcomeOf(result any) (*outcome, error) {
	switch result := result.(type) {
	case error:
		r := refusalOf(result, 0)
		return &outcome{Refusal: &r}, nil
	case lode.Receipt:
		return &outcome{Receipt: &receipt{result.Doc, result.ID, result.Version, result.Epoch, result.Outcome}}, nil
	case lode.Job:
		return &outcome{Job: &result}, nil
	case lode.Collection:
		return &outcome{Collection: &result}, nil
	case []error:
		return &outcome{Items: len(result), Refused: refusalsOf(result)}, nil
	case written:
		return &outcome{Items: len(result.errs), Refused: refusalsOf(result.errs), Versions: result.versions}, nil
	case done:
		return &outcome{}, nil
	}
	return nil, fmt.Errorf("a result of type %T cannot be kept", result)
}

func refusalsOf(errs []error) (all []refusal) {
	for i, err := range errs {
		if err != nil {
			all = append(all, refusalOf(err, i))
		}
	}
	return all
}

// result is the inverse of outcomeOf.
func (o *outcome) result() any {
	switch {
	case o.Refusal != nil:
		return o.Refusal.err()
	case o.Receipt != nil:
		r := o.Receipt
		return lode.Receipt{Doc: r.Doc, ID: r.ID, Version: r.Version, Epoch: r.Epoch, Outcome: r.Outcome, Replayed: true}
	case o.Job != nil:
		return *o.Job
	case o.Collection != nil:
		return *o.Collection
	case o.Items == 0:
		return done{}
	}
	errs := make([]error, o.Items)
	for i := range o.Refused {
		errs[o.Refused[i].Item] = o.Refused[i].err()
	}
	if o.Versions != nil {
		return written{versions: o.Versions, errs: errs}
	}
	return errs
}

// encodeOutcome makes the bytes to keep. A list that has grown too large loses everything
// about its refusals but codes and fields.
func (c codec) encodeOutcome(result any) ([]byte, error) {
	o, err := outcomeOf(result)
	if err != nil {
		return nil, err
	}
	b, err := c.enc.Marshal(o)
	if err != nil || len(b) <= maxOutcomeBytes {
		return b, err
	}
	for i := range o.Refused {
		r := &o.Refused[i]
		r.Value, r.Hint, r.Message = "", "", "refused"
	}
	return c.enc.Marshal(o)
}

func (c codec) decodeOutcome(b []byte) (*outcome, error) {
	o := new(outcome)
	if err := c.dec.Unmarshal(b, o); err != nil {
		return nil, lode.Errorf(lode.CodeCorrupt, "outcome of a write: %w", err)
	}
	for i := range o.Refused {
		if item := o.Refused[i].Item; item < 0 || item >= o.Items || o.Items > MaxCommandBytes {
			return nil, lode.Errorf(lode.CodeCorrupt, "outcome of a write: item %d of %d", item, o.Items)
		}
	}
	return o, nil
}

// replay is the result of a named command that happened before.
type replay struct{ outcome []byte }

// resolve gives what is kept the type of the command's result.
func resolve[T any](c codec, r replay) (T, error) {
	var none T
	o, err := c.decodeOutcome(r.outcome)
	if err != nil {
		return none, err
	}
	switch result := o.result().(type) {
	case T:
		return result, nil
	case error:
		return none, result
	}
	return none, errKeyReused() // a write of another kind
}
