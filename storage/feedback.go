package storage

import (
	"encoding/binary"
	"time"

	"github.com/lodedb/lode"
)

// Feedback is one judgement of somebody who asked: how well a span of a document answered. It is of
// the document, and goes with it.
type Feedback struct {
	Doc lode.DocNo `cbor:"-"` // in the key of the record
	Seq uint64     `cbor:"-"` // counts the judgements of the collection; given by PutFeedback

	Query  string    `cbor:"1,keyasint"`
	Bronze lode.Hash `cbor:"2,keyasint"` // of the version that was judged
	Span   lode.Span `cbor:"3,keyasint"` // in its canonical text
	Grade  int       `cbor:"4,keyasint"`
	Answer string    `cbor:"5,keyasint,omitempty"`
	At     time.Time `cbor:"6,keyasint"`
}

// feedbackOrder leads from a number to the document that the judgement is about.
type feedbackOrder struct {
	Doc lode.DocNo `cbor:"1,keyasint"`
}

// feedbackKeyBytes is the length of the key of a judgement.
const feedbackKeyBytes = 16

func feedbackKey(doc lode.DocNo, seq uint64) []byte {
	return binary.BigEndian.AppendUint64(documentKey(doc), seq)
}

func feedbackOrderKey(seq uint64) []byte { return binary.BigEndian.AppendUint64(nil, seq) }

// PutFeedback stores a judgement of a document that is there as the newest, and drops the one that is
// keep older. So at most the newest keep are there, fewer where documents of them went.
func (t *Tx) PutFeedback(c lode.CollectionID, f *Feedback, keep int) error {
	judged, err := t.shelfForWrite(c, feedbackBucket)
	if err != nil {
		return err
	}
	order, err := t.shelf(c, feedbackOrderBucket)
	if err != nil {
		return err
	}
	counters, err := t.shelf(c, countersBucket)
	if err != nil {
		return err
	}
	if _, err := t.Document(c, f.Doc); err != nil {
		return err
	}
	if f.Seq, err = next(counters, lastFeedbackKey, 1); err != nil {
		return err
	}
	if err := putRecord(judged, kindFeedback, feedbackKey(f.Doc, f.Seq), f); err != nil {
		return err
	}
	if err := putRecord(order, kindFeedbackOrder, feedbackOrderKey(f.Seq), &feedbackOrder{Doc: f.Doc}); err != nil {
		return err
	}
	if keep < 1 || f.Seq <= uint64(keep) {
		return nil
	}
	old := f.Seq - uint64(keep)
	at, err := getRecord[feedbackOrder](order, kindFeedbackOrder, feedbackOrderKey(old))
	if err != nil || at == nil {
		return err
	}
	judged.delete(feedbackKey(at.Doc, old))
	order.delete(feedbackOrderKey(old))
	return nil
}

// Feedback calls fn for the judgements of a collection, the oldest first, until fn returns an error.
func (t *Tx) Feedback(c lode.CollectionID, fn func(*Feedback) error) error {
	judged, err := t.shelf(c, feedbackBucket)
	if err != nil {
		return err
	}
	order, err := t.shelf(c, feedbackOrderBucket)
	if err != nil {
		return err
	}
	return order.scanAll(nil, func(k, raw []byte) error {
		at, err := parseRecord[feedbackOrder](kindFeedbackOrder, k, raw)
		if err != nil {
			return err
		}
		seq := binary.BigEndian.Uint64(k)
		key := feedbackKey(at.Doc, seq)
		f, err := getRecord[Feedback](judged, kindFeedback, key)
		if err != nil {
			return err
		}
		if f == nil {
			return lode.Errorf(lode.CodeCorrupt, "judgement %d of document %d is noted and not there", seq, at.Doc)
		}
		f.Doc, f.Seq = at.Doc, seq
		return fn(f)
	})
}

// dropFeedback removes the judgements of a document that goes.
func (t *Tx) dropFeedback(c lode.CollectionID, doc lode.DocNo) error {
	judged, err := t.shelfForWrite(c, feedbackBucket)
	if err != nil {
		return err
	}
	order, err := t.shelf(c, feedbackOrderBucket)
	if err != nil {
		return err
	}
	return judged.scanAll(documentKey(doc), func(k, _ []byte) error {
		judged.delete(k)
		order.delete(k[numberKeyBytes:])
		return nil
	})
}

// feedback compares judgements with their order, both ways, and with the documents they are about.
func (s *shelfCheck) feedback() {
	last := s.counter(s.bucket(countersBucket), lastFeedbackKey)
	order := s.bucket(feedbackOrderBucket)
	walk(s.checker, s.bucket(feedbackBucket), func(k []byte, f *Feedback) {
		doc, seq := parseDocumentKey(k), binary.BigEndian.Uint64(k[numberKeyBytes:])
		where := s.at("judgement %d", seq)
		at := find[feedbackOrder](order, feedbackOrderKey(seq))
		switch {
		case s.document(doc) == nil:
			s.breach(where, "is about document %d, which does not exist", doc)
		case at == nil || at.Doc != doc:
			s.breach(where, "stands in no order and would be kept for ever")
		case seq == 0 || seq > last:
			s.breach(where, "has a number that was not given out; the last is %d", last)
		case f.Span.Start < 0 || f.Span.End < f.Span.Start:
			s.breach(where, "is of the impossible span %d to %d", f.Span.Start, f.Span.End)
		}
	})
	walk(s.checker, order, func(k []byte, at *feedbackOrder) {
		if s.bucket(feedbackBucket).get(feedbackKey(at.Doc, binary.BigEndian.Uint64(k))) == nil {
			s.breach(s.at("feedback order"), "notes judgement %d, which is not there", binary.BigEndian.Uint64(k))
		}
	})
}
