package storage

import (
	"bytes"
	"encoding/binary"
	"slices"
	"time"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/internal/seal"
)

// Kinds of envelope of this file.
const (
	kindOperation seal.Kind = 0x38 // OperationPart
	kindOrder     seal.Kind = 0x39 // orderRecord
)

// OperationID names a write among all writes: a keyed hash of its client and its key.
type OperationID [lookupKeyBytes]byte

// ClientID names a client: a keyed hash of the principal's id.
type ClientID [lookupKeyBytes]byte

// OperationPart is what is kept of one part of a write that has a key. Neither the key nor
// the client's name is stored: whoever knows them can compute where the record is.
type OperationPart struct {
	ID   OperationID `cbor:"-"` // in the key of the record
	Part uint32      `cbor:"-"`

	Client     ClientID          `cbor:"1,keyasint"`
	Seq        uint64            `cbor:"2,keyasint"` // counts the client's writes; given by PutOperationPart
	Parts      uint32            `cbor:"3,keyasint"` // of the whole request
	Request    lode.Hash         `cbor:"4,keyasint"`
	Kind       uint16            `cbor:"5,keyasint"` // which kind of write, in the caller's numbers
	Collection lode.CollectionID `cbor:"6,keyasint"`
	At         time.Time         `cbor:"7,keyasint"`
	Outcome    []byte            `cbor:"8,keyasint"` // in the caller's form
}

// orderRecord leads from a place in a client's order to the write that stands there.
type orderRecord struct {
	ID OperationID `cbor:"1,keyasint"`
}

// Lengths of the keys.
const (
	operationKeyBytes = lookupKeyBytes + 4
	orderKeyBytes     = lookupKeyBytes + 8
)

func operationKey(id OperationID, part uint32) []byte {
	return binary.BigEndian.AppendUint32(slices.Clone(id[:]), part)
}

func orderKey(client ClientID, seq uint64) []byte {
	return binary.BigEndian.AppendUint64(slices.Clone(client[:]), seq)
}

// NameOperation returns where the write with that key of that client is found.
func (t *Tx) NameOperation(client, key string) (ClientID, OperationID, error) {
	idKey, err := t.lookupForWrite()
	if err != nil {
		return ClientID{}, OperationID{}, err
	}
	by := ClientID(lookupKey(idKey, []byte("client"), []byte(client)))
	return by, OperationID(lookupKey(idKey, []byte("operation"), append(by[:], key...))), nil
}

// OperationPart returns one part of a write, nil when nothing is kept of it.
func (t *Tx) OperationPart(id OperationID, part uint32) (*OperationPart, error) {
	p, err := getRecord[OperationPart](t.top(operationsBucket), kindOperation, operationKey(id, part))
	if p != nil {
		p.ID, p.Part = id, part
	}
	return p, err
}

// OperationParts calls fn for the parts that are kept of a write, ascending, until fn returns
// false. fn must not write.
func (t *Tx) OperationParts(id OperationID, fn func(*OperationPart) (more bool, err error)) error {
	return t.top(operationsBucket).scan(id[:], id[:], func(k, raw []byte) (bool, error) {
		p := &OperationPart{ID: id, Part: binary.BigEndian.Uint32(k[len(id):])}
		if err := decodeRecord(kindOperation, raw, p); err != nil {
			return false, recordError(kindOperation, k, err)
		}
		return fn(p)
	})
}

// PutOperationPart stores a part that is not kept yet. The first part of a write makes it the
// newest of its client, and drops the client's oldest writes, all of their parts, beyond the
// number to keep.
func (t *Tx) PutOperationPart(p *OperationPart, keep int) error {
	if err := t.needWrite(); err != nil {
		return err
	}
	operations, order := t.top(operationsBucket), t.top(orderBucket)
	key := operationKey(p.ID, p.Part)
	if operations.get(key) != nil || keep < 1 {
		return lode.Errorf(lode.CodeInternal, "part %d of operation %x is kept already, or %d are to be kept", p.Part, p.ID, keep)
	}
	begun, err := t.anyPart(p)
	if err != nil {
		return err
	}
	if begun != nil {
		p.Seq = begun.Seq
		return putRecord(operations, kindOperation, key, p)
	}
	p.Seq = lastSeq(order, p.Client) + 1
	if err := putRecord(operations, kindOperation, key, p); err != nil {
		return err
	}
	if err := putRecord(order, kindOrder, orderKey(p.Client, p.Seq), &orderRecord{ID: p.ID}); err != nil {
		return err
	}
	return dropOldOperations(operations, order, p.Client, p.Seq, uint64(keep))
}

// anyPart returns a part that is kept of the write that p is a part of, nil when p is the first.
func (t *Tx) anyPart(p *OperationPart) (any *OperationPart, err error) {
	if p.Parts <= 1 {
		return nil, nil
	}
	err = t.OperationParts(p.ID, func(q *OperationPart) (bool, error) {
		any = q
		return false, nil
	})
	return any, err
}

// lastSeq is the number of the client's newest write, 0 when it has none.
func lastSeq(order bucket, client ClientID) uint64 {
	k := order.last(client[:])
	if k == nil {
		return 0
	}
	return binary.BigEndian.Uint64(k[len(client):])
}

// dropOldOperations drops a client's writes beyond the number to keep. Numbers have no gaps,
// so the newest of them comes first, and a scan need not pass what was dropped before.
func dropOldOperations(operations, order bucket, client ClientID, last, keep uint64) error {
	for seq := last; seq > keep; seq-- {
		key := orderKey(client, seq-keep)
		at, err := getRecord[orderRecord](order, kindOrder, key)
		if err != nil || at == nil {
			return err
		}
		if err := operations.dropPrefix(at.ID[:]); err != nil {
			return err
		}
		order.delete(key)
	}
	return nil
}

// operations compares what is kept of writes with the order in which it is dropped, both
// ways.
func (c *checker) operations() {
	operations, order := c.tx.top(operationsBucket), c.tx.top(orderBucket)
	_ = order.scanAll(nil, func(k, raw []byte) error {
		var at orderRecord
		if len(k) != orderKeyBytes || decodeRecord(kindOrder, raw, &at) != nil {
			return c.ctx.Err()
		}
		parts := 0
		_ = c.tx.OperationParts(at.ID, func(p *OperationPart) (bool, error) {
			parts++
			if !bytes.Equal(k, orderKey(p.Client, p.Seq)) {
				c.breach("operations", "part %d of operation %x stands elsewhere than at %x", p.Part, at.ID, k)
			}
			return true, nil
		})
		if parts == 0 {
			c.breach("operation order", "%x leads to operation %x, which has no part", k, at.ID)
		}
		return c.ctx.Err()
	})
	_ = operations.scanAll(nil, func(k, raw []byte) error {
		var p OperationPart
		if len(k) != operationKeyBytes || decodeRecord(kindOperation, raw, &p) != nil {
			return c.ctx.Err()
		}
		if order.get(orderKey(p.Client, p.Seq)) == nil {
			c.breach("operations", "part %x stands in no order and would be kept for ever", k)
		}
		return c.ctx.Err()
	})
}
