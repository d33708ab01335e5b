package collection

import (
	"fmt"

	"github.com/lodedb/lode"
)

// maxRefusals bounds the different refusals that are kept of one list; when there are more,
// they lose their words.
const maxRefusals = 64

// outcome is the result of a command as it is kept: what the caller was told, so that it can
// be told again.
type outcome struct {
	Refusal    *refusal         `cbor:"1,keyasint,omitempty"` // nothing was done
	Receipt    *receipt         `cbor:"2,keyasint,omitempty"`
	Job        *lode.Job        `cbor:"3,keyasint,omitempty"`
	Collection *lode.Collection `cbor:"4,keyasint,omitempty"`
	Items      int              `cbor:"5,keyasint,omitempty"` // of a list
	Refused    []refusal        `cbor:"6,keyasint,omitempty"` // in the list
	Versions   []lode.Version   `cbor:"7,keyasint,omitempty"` // of each point
	Selection  *selectionSum    `cbor:"8,keyasint,omitempty"`
}

// selectionSum is what became of a selection.
type selectionSum struct {
	Matched int `cbor:"1,keyasint"`
	Changed int `cbor:"2,keyasint"`
}

// receipt is a lode.Receipt as it is kept.
type receipt struct {
	Doc     lode.DocNo   `cbor:"1,keyasint"`
	ID      lode.DocID   `cbor:"2,keyasint"`
	Version lode.Version `cbor:"3,keyasint"`
	Epoch   uint32       `cbor:"4,keyasint"`
	Outcome lode.Outcome `cbor:"5,keyasint"`
}

// refusal is a lode.Error as it is kept, once for all items of a list that got it.
type refusal struct {
	Items   []int     `cbor:"1,keyasint,omitempty"` // places in a list
	Code    lode.Code `cbor:"2,keyasint"`
	Field   string    `cbor:"3,keyasint,omitempty"`
	Value   string    `cbor:"4,keyasint,omitempty"`
	Message string    `cbor:"5,keyasint,omitempty"`
	Hint    string    `cbor:"6,keyasint,omitempty"`
}

// ownID is the value of a refusal that several items got, each about its own id. The request
// that is repeated holds the ids.
const ownID = "\x00"

func refusalOf(err error) refusal {
	e := coded(err)
	return refusal{Code: e.Code, Field: e.Field, Value: e.Value, Message: e.Message, Hint: e.Hint}
}

func (r *refusal) err() *lode.Error {
	return &lode.Error{Code: r.Code, Field: r.Field, Value: r.Value, Message: r.Message, Hint: r.Hint}
}

// outcomeOf gives a result the form in which it is kept.
func outcomeOf(result any) (*outcome, error) {
	switch result := result.(type) {
	case error:
		r := refusalOf(result)
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
	case selected:
		return &outcome{Items: len(result.errs), Refused: refusalsOf(result.errs), Selection: &selectionSum{result.matched, result.changed}}, nil
	case done:
		return &outcome{}, nil
	}
	return nil, fmt.Errorf("a result of type %T cannot be kept", result)
}

// refusalsOf gathers the items that got the same refusal.
func refusalsOf(errs []error) []refusal {
	all := gather(errs, func(r refusal) refusal { return r })
	if len(all) > maxRefusals {
		return gather(errs, func(r refusal) refusal {
			return refusal{Code: r.Code, Field: r.Field, Message: "refused"}
		})
	}
	return all
}

func gather(errs []error, keep func(refusal) refusal) (all []refusal) {
	type words struct {
		code                 lode.Code
		field, message, hint string
	}
	places := map[words]int{}
	for i, err := range errs {
		if err == nil {
			continue
		}
		r := keep(refusalOf(err))
		same := words{r.Code, r.Field, r.Message, r.Hint}
		at, known := places[same]
		if !known {
			at = len(all)
			places[same] = at
			all = append(all, r)
		}
		all[at].Items = append(all[at].Items, i)
		if all[at].Value != r.Value {
			all[at].Value = ownID
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
	case o.Selection != nil:
		return selected{o.Selection.Matched, o.Selection.Changed, o.errs()}
	case o.Items == 0:
		return done{}
	case o.Versions != nil:
		return written{versions: o.Versions, errs: o.errs()}
	}
	return o.errs()
}

// errs are the errors of a list, one for each item; none without items.
func (o *outcome) errs() []error {
	if o.Items == 0 {
		return nil
	}
	errs := make([]error, o.Items)
	for i := range o.Refused {
		for _, item := range o.Refused[i].Items {
			errs[item] = o.Refused[i].err()
		}
	}
	return errs
}

// encodeOutcome makes the bytes to keep.
func (c codec) encodeOutcome(result any) ([]byte, error) {
	o, err := outcomeOf(result)
	if err != nil {
		return nil, err
	}
	return c.enc.Marshal(o)
}

func (c codec) decodeOutcome(b []byte) (*outcome, error) {
	o := new(outcome)
	if err := c.dec.Unmarshal(b, o); err != nil {
		return nil, lode.Errorf(lode.CodeCorrupt, "outcome of a write: %w", err)
	}
	if err := checkRefusals(o.Refused, o.Items); err != nil {
		return nil, lode.Errorf(lode.CodeCorrupt, "outcome of a write: %w", err)
	}
	return o, nil
}

// checkRefusals looks whether refusals are about items of a list.
func checkRefusals(all []refusal, items int) error {
	for i := range all {
		for _, item := range all[i].Items {
			if item < 0 || item >= items || items > MaxCommandBytes {
				return fmt.Errorf("item %d of %d", item, items)
			}
		}
	}
	return nil
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
