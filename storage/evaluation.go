package storage

import (
	"bytes"
	"slices"
	"strings"
	"time"

	"github.com/lodedb/lode"
)

// Evaluation is what the catalogue knows of an evaluation set; its questions are in a blob.
type Evaluation struct {
	Name      string    `cbor:"1,keyasint"`
	Blob      lode.Hash `cbor:"2,keyasint"` // holds a reference
	Size      int64     `cbor:"3,keyasint"` // of the blob
	Hash      lode.Hash `cbor:"4,keyasint"` // of the set, whatever the order of its lines
	Questions int       `cbor:"5,keyasint"`
	Spans     int       `cbor:"6,keyasint"`
	At        time.Time `cbor:"7,keyasint"`
}

func evaluationKey(idKey []byte, c lode.CollectionID, name string) []byte {
	return lookupKey(idKey, []byte("evaluation"), append(collectionKey(c), name...))
}

// PutEvaluation stores a set, in the place of one of the same name. Its blob must be durable.
func (t *Tx) PutEvaluation(c lode.CollectionID, e *Evaluation) error {
	b, key, err := t.evaluationForWrite(c, e.Name)
	if err != nil {
		return err
	}
	old, err := getRecord[Evaluation](b, kindEvaluation, key)
	if err != nil {
		return err
	}
	if err := t.retain(e.Blob); err != nil {
		return err
	}
	if old != nil {
		if err := t.release(old.Blob); err != nil {
			return err
		}
	}
	return putRecord(b, kindEvaluation, key, e)
}

func (t *Tx) evaluationForWrite(c lode.CollectionID, name string) (bucket, []byte, error) {
	b, err := t.shelfForWrite(c, evaluationsBucket)
	if err != nil {
		return b, nil, err
	}
	idKey, err := t.lookupForWrite()
	return b, evaluationKey(idKey, c, name), err
}

// Evaluation returns a set; [lode.CodeNotFound] where there is none of the name.
func (t *Tx) Evaluation(c lode.CollectionID, name string) (*Evaluation, error) {
	b, err := t.shelf(c, evaluationsBucket)
	if err != nil {
		return nil, err
	}
	idKey, err := t.lookup()
	if err != nil {
		return nil, err
	}
	e, err := getRecord[Evaluation](b, kindEvaluation, evaluationKey(idKey, c, name))
	switch {
	case err != nil:
		return nil, err
	case e == nil:
		return nil, lode.NotFound("evaluation", name)
	case e.Name != name:
		return nil, lode.Errorf(lode.CodeCorrupt, "the lookup of evaluation %q leads to another name", name)
	}
	return e, nil
}

// Evaluations returns the sets of a collection by name.
func (t *Tx) Evaluations(c lode.CollectionID) ([]*Evaluation, error) {
	b, err := t.shelf(c, evaluationsBucket)
	if err != nil {
		return nil, err
	}
	var all []*Evaluation
	err = b.scanAll(nil, func(k, raw []byte) error {
		e, err := parseRecord[Evaluation](kindEvaluation, k, raw)
		all = append(all, e)
		return err
	})
	if err != nil {
		return nil, err
	}
	slices.SortFunc(all, func(a, b *Evaluation) int { return strings.Compare(a.Name, b.Name) })
	return all, nil
}

// DropEvaluation removes a set. Its blob loses the reference.
func (t *Tx) DropEvaluation(c lode.CollectionID, name string) error {
	b, key, err := t.evaluationForWrite(c, name)
	if err != nil {
		return err
	}
	e, err := t.Evaluation(c, name)
	if err != nil {
		return err
	}
	b.delete(key)
	return t.release(e.Blob)
}

// releaseEvaluations takes the references of all sets of a collection that goes.
func (t *Tx) releaseEvaluations(c lode.CollectionID) error {
	all, err := t.Evaluations(c)
	if err != nil {
		return err
	}
	for _, e := range all {
		if err := t.release(e.Blob); err != nil {
			return err
		}
	}
	return nil
}

// evaluations checks the sets: found by their names, with their blobs.
func (s *shelfCheck) evaluations() {
	idKey, _ := s.tx.lookup()
	walk(s.checker, s.bucket(evaluationsBucket), func(k []byte, e *Evaluation) {
		where := s.at("evaluation %q", e.Name)
		s.refs[e.Blob]++
		if !bytes.Equal(k, evaluationKey(idKey, s.col.ID, e.Name)) {
			s.breach(where, "stands under key %x, where its name is not looked for", k)
		}
		content, ok := s.content(where, e.Blob)
		if ok && int64(len(content)) != e.Size {
			s.breach(where, "has %d bytes, its record says %d", len(content), e.Size)
		}
	})
}
