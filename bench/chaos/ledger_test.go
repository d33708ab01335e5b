package chaos

import (
	"slices"
	"testing"
)

func TestLedger(t *testing.T) {
	l, k := NewLedger(), Key{Kind: KindVector, Collection: "c", ID: "a"}
	expect := func(l *Ledger, possible, former []string) {
		t.Helper()
		p, f := l.possible(k)
		if !slices.Equal(p, possible) || !slices.Equal(f, former) {
			t.Errorf("possible %q, former %q, want %q and %q", p, f, possible, former)
		}
	}
	expect(l, []string{Absent}, nil)
	l.Attempt(k, "1")
	expect(l, []string{Absent, "1"}, nil)
	l.Acknowledge(k)
	expect(l, []string{"1"}, nil)
	before := l.Clone()
	l.Attempt(k, "2")
	l.Acknowledge(k)
	l.Attempt(k, Absent)
	expect(l, []string{"2", Absent}, []string{"1"})
	// At any moment since the clone, all three were possible.
	expect(l.Since(before), []string{"1", "2", Absent}, nil)
	expect(l.Since(NewLedger()), []string{Absent, "1", "2", Absent}, nil)
	l.Acknowledge(k)
	expect(l, []string{Absent}, []string{"1", "2"})
	expect(before, []string{"1"}, nil)
	if l.Acked() != 3 || before.Acked() != 1 || l.Since(before).Acked() != 1 {
		t.Errorf("%d, %d and %d acknowledged", l.Acked(), before.Acked(), l.Since(before).Acked())
	}
}
