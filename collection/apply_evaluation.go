package collection

import (
	"github.com/lodedb/lode"
	"github.com/lodedb/lode/storage"
)

// putEvaluation records an evaluation set; its lines are in a blob.
type putEvaluation struct {
	Collection lode.CollectionID  `cbor:"1,keyasint"`
	Set        storage.Evaluation `cbor:"2,keyasint"`
}

type deleteEvaluation struct {
	Collection lode.CollectionID `cbor:"1,keyasint"`
	Name       string            `cbor:"2,keyasint"`
}

// putFeedback keeps a judgement of a document.
type putFeedback struct {
	Collection lode.CollectionID `cbor:"1,keyasint"`
	Actor      actor             `cbor:"2,keyasint"`
	Doc        lode.DocNo        `cbor:"3,keyasint"`
	Judgement  storage.Feedback  `cbor:"4,keyasint"`
}

func (*putEvaluation) commandType() commandType    { return typePutEvaluation }
func (*deleteEvaluation) commandType() commandType { return typeDeleteEvaluation }
func (*putFeedback) commandType() commandType      { return typePutFeedback }

func (b *batch) putEvaluation(c *putEvaluation) (any, error) {
	sets, refusal, err := b.evaluations(c.Collection)
	if refusal != nil || err != nil {
		return refusal, err
	}
	if _, replaced := sets[c.Set.Name]; !replaced && len(sets) >= MaxEvaluations {
		return lode.FieldError(lode.CodeTooLarge, "name", c.Set.Name, "the collection has %d evaluation sets, which is the limit", len(sets)), nil
	}
	return done{}, b.tx.PutEvaluation(c.Collection, &c.Set)
}

func (b *batch) deleteEvaluation(c *deleteEvaluation) (any, error) {
	sets, refusal, err := b.evaluations(c.Collection)
	if refusal != nil || err != nil {
		return refusal, err
	}
	if _, there := sets[c.Name]; !there {
		return lode.NotFound("evaluation", c.Name), nil
	}
	return done{}, b.tx.DropEvaluation(c.Collection, c.Name)
}

// evaluations are the sets of a collection by name; refusal is set where there is no collection.
func (b *batch) evaluations(c lode.CollectionID) (sets map[string]bool, refusal any, err error) {
	settings, err := b.collection(c)
	if err != nil {
		return nil, nil, err
	}
	if settings == nil {
		return nil, errNoCollection(c), nil
	}
	all, err := b.tx.Evaluations(c)
	sets = make(map[string]bool, len(all))
	for _, s := range all {
		sets[s.Name] = true
	}
	return sets, nil, err
}

func (b *batch) putFeedback(c *putFeedback) (any, error) {
	settings, err := b.collection(c.Collection)
	if err != nil {
		return nil, err
	}
	if settings == nil {
		return errNoCollection(c.Collection), nil
	}
	doc, err := absent(b.tx.Document(c.Collection, c.Doc))
	if err != nil {
		return nil, err
	}
	d, err := readDocument(b.tx, doc)
	if err != nil {
		return nil, err
	}
	if d == nil || !d.maySee(c.Actor.principal()) {
		return lode.NotFound("document", c.Doc), nil // it went while the judgement was on its way
	}
	judgement := c.Judgement
	judgement.Doc = c.Doc
	return done{}, b.tx.PutFeedback(c.Collection, &judgement, KeptFeedback)
}
