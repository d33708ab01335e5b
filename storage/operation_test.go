package storage_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	bolt "go.etcd.io/bbolt"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/storage"
)

// put stores part 0 of a write.
func put(tx *storage.Tx, client, key string, keep int) error {
	by, id, err := tx.NameOperation(client, key)
	if err != nil {
		return err
	}
	return tx.PutOperationPart(&storage.OperationPart{ID: id, Client: by, Parts: 1, At: day, Outcome: []byte(key)}, keep)
}

// kept returns which of the writes key0, key1, … of a client are kept.
func (b *bench) kept(client string, of int) (all []int) {
	b.Helper()
	b.view(func(tx *storage.Tx) error {
		for i := range of {
			_, id, err := tx.NameOperation(client, numbered("key", i))
			if err != nil {
				return err
			}
			p, err := tx.OperationPart(id, 0)
			if err != nil {
				return err
			}
			if p != nil {
				all = append(all, i)
			}
		}
		return nil
	})
	return all
}

// TestOperationsArePruned keeps exactly the newest writes of each client, whatever the others
// do, at a small number and at the real one.
func TestOperationsArePruned(t *testing.T) {
	const real = 10_000 // as the format page says
	for _, c := range []struct{ keep, writes int }{{1, 3}, {3, 2}, {3, 3}, {3, 4}, {7, 50}, {real, real + 1}} {
		b := openReady(t)
		b.update(func(tx *storage.Tx) error {
			for i := range c.writes {
				if err := errors.Join(put(tx, "a", numbered("key", i), c.keep), put(tx, "b"+numbered("", i), numbered("key", 0), c.keep)); err != nil {
					return err
				}
			}
			return nil
		})
		got := b.kept("a", c.writes)
		if want := min(c.keep, c.writes); len(got) != want || got[0] != c.writes-want {
			t.Errorf("keep %d of %d: %d are kept from %d on", c.keep, c.writes, len(got), got[0])
		}
		for _, client := range []int{0, c.writes - 1} {
			if got := b.kept("b"+numbered("", client), 1); len(got) != 1 {
				t.Errorf("keep %d: the only write of another client is gone", c.keep)
			}
		}
	}
}

// TestPartsAreDroppedTogether: a write of many parts counts once, and is kept or dropped as a
// whole.
func TestPartsAreDroppedTogether(t *testing.T) {
	b := openReady(t)
	many := func(tx *storage.Tx, i int, parts ...uint32) error {
		by, id, err := tx.NameOperation("a", numbered("key", i))
		if err != nil {
			return err
		}
		for _, part := range parts {
			p := &storage.OperationPart{ID: id, Part: part, Client: by, Parts: 4, At: day, Outcome: []byte("o")}
			if err := tx.PutOperationPart(p, 2); err != nil {
				return err
			}
		}
		return nil
	}
	b.update(func(tx *storage.Tx) error {
		return errors.Join(many(tx, 0, 3, 1), many(tx, 1, 0, 1, 2, 3), many(tx, 0, 0))
	})
	if got := b.kept("a", 3); fmt.Sprint(got) != "[0 1]" {
		t.Errorf("two writes of many parts: %v are kept", got)
	}
	b.update(func(tx *storage.Tx) error { return many(tx, 2, 0, 1) })
	if got := b.kept("a", 3); fmt.Sprint(got) != "[1 2]" {
		t.Errorf("after a third: %v are kept", got)
	}
	b.view(func(tx *storage.Tx) error {
		_, id, err := tx.NameOperation("a", numbered("key", 0))
		if err != nil {
			return err
		}
		return tx.OperationParts(id, func(p *storage.OperationPart) (bool, error) {
			t.Errorf("part %d of a write that was dropped is still there", p.Part)
			return true, nil
		})
	})
}

// TestOperationsAreNotDoubled: a part that is kept is not stored again.
func TestOperationsAreNotDoubled(t *testing.T) {
	b := openReady(t)
	b.update(func(tx *storage.Tx) error { return put(tx, "a", numbered("key", 0), 5) })
	before := b.hash()
	err := b.Update(b.next(), func(tx *storage.Tx) error { return put(tx, "a", numbered("key", 0), 5) })
	wantCode(t, err, lode.CodeInternal)
	if b.hash() != before {
		t.Error("a refused part left a trace")
	}
	b.view(func(tx *storage.Tx) error {
		if err := put(tx, "a", numbered("key", 1), 5); !lode.IsCode(err, lode.CodeInternal) {
			t.Errorf("a write in a read transaction: %v", err)
		}
		return nil
	})
}

// TestOperationRecord reads back what was stored, after the folder was opened again; keys of
// two clients, and those that another split of the same text gives, never meet.
func TestOperationRecord(t *testing.T) {
	b := openReady(t)
	var want storage.OperationPart
	b.update(func(tx *storage.Tx) error {
		by, id, err := tx.NameOperation("ann", "k")
		if err != nil {
			return err
		}
		want = storage.OperationPart{
			ID: id, Part: 7, Client: by, Parts: 9, Request: lode.HashOf([]byte("r")), Kind: 4, Collection: 1,
			At: day.Add(time.Nanosecond), Outcome: []byte{0xA0},
		}
		first := want
		first.Part = 2
		return errors.Join(tx.PutOperationPart(&first, 10), tx.PutOperationPart(&want, 10))
	})
	b = b.reopen()
	b.view(func(tx *storage.Tx) error {
		got, err := tx.OperationPart(want.ID, 7)
		if err != nil || fmt.Sprint(*got) != fmt.Sprint(want) {
			t.Errorf("%+v, want %+v (%v)", got, want, err)
		}
		var parts []uint32
		err = tx.OperationParts(want.ID, func(p *storage.OperationPart) (bool, error) {
			parts = append(parts, p.Part)
			return true, nil
		})
		if err != nil || fmt.Sprint(parts) != "[2 7]" {
			t.Errorf("parts %v, %v", parts, err)
		}
		seen := map[storage.OperationID]string{}
		for _, c := range [][2]string{{"ann", "k"}, {"ann", "l"}, {"an", "nk"}, {"annk", ""}, {"", "annk"}, {"bob", "k"}} {
			_, id, err := tx.NameOperation(c[0], c[1])
			if err != nil || seen[id] != "" {
				t.Errorf("%v has the id of %s (%v)", c, seen[id], err)
			}
			seen[id] = fmt.Sprint(c)
		}
		return nil
	})
}

// TestOperationsModel compares random writes of random clients with lists.
func TestOperationsModel(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	const keep = 5
	b := openReady(t)
	written := map[string]int{}
	for range 60 {
		b.update(func(tx *storage.Tx) error {
			for range r.IntN(8) {
				client := numbered("c", r.IntN(4))
				if err := put(tx, client, numbered("key", written[client]), keep); err != nil {
					return err
				}
				written[client]++
			}
			return nil
		})
	}
	for client, n := range written {
		got := b.kept(client, n)
		if want := min(keep, n); len(got) != want || got[0] != n-want {
			t.Errorf("%s: of %d writes are kept %v", client, n, got)
		}
	}
	b.reopen()
}

// TestCheckFindsOperations is the negative control of the check of operations.
func TestCheckFindsOperations(t *testing.T) {
	for _, bucket := range []string{"operations", "operation order"} {
		b := openReady(t)
		b.update(func(tx *storage.Tx) error {
			return errors.Join(put(tx, "a", numbered("key", 0), 5), put(tx, "a", numbered("key", 1), 5))
		})
		if all := b.breaches(); len(all) > 0 {
			t.Errorf("sound: %v", all)
		}
		var gone, value []byte
		err := b.Raw(func(tx *bolt.Tx) error {
			k, v := tx.Bucket([]byte(bucket)).Cursor().First()
			gone, value = append(gone, k...), append(value, v...)
			return tx.Bucket([]byte(bucket)).Delete(gone)
		})
		if err != nil {
			t.Fatal(err)
		}
		if all := b.breaches(); len(all) != 1 {
			t.Errorf("%s: a record is gone and the check says %v", bucket, all)
		}
		if err := b.Raw(func(tx *bolt.Tx) error { return tx.Bucket([]byte(bucket)).Put(gone, value) }); err != nil {
			t.Fatal(err)
		}
	}
}
