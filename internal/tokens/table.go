package tokens

import "math/bits"

// table holds the tokens of up to tableBytes bytes, which are nearly all of them and all that are words
// of everyday text. A look-up mostly touches one line of the cache; in a map of strings it touches
// three, for the group, the string and its bytes, and a vocabulary is larger than the caches.
type table struct{ slots []slotted }

// slotted is a token; its size is 0 where there is none.
type slotted struct {
	head, tail uint64
	size       uint8
}

const tableBytes = 16

func newTable(ranks map[string]int) table {
	t := table{slots: make([]slotted, len(ranks)+len(ranks)/2+1)}
	for token := range ranks {
		if len(token) == 0 || len(token) > tableBytes {
			continue
		}
		s := packed(token)
		at := t.home(s)
		for t.slots[at].size != 0 {
			at = t.after(at)
		}
		t.slots[at] = s
	}
	return t
}

// has reports whether a piece of 1 to tableBytes bytes is a token.
func (t *table) has(piece string) bool {
	s := packed(piece)
	for at := t.home(s); t.slots[at].size != 0; at = t.after(at) {
		if t.slots[at] == s {
			return true
		}
	}
	return false
}

func (t *table) after(at uint64) uint64 {
	if at++; at == uint64(len(t.slots)) {
		return 0
	}
	return at
}

// home is where a token stands unless others came before it.
func (t *table) home(s slotted) uint64 {
	h := (s.head ^ uint64(s.size)<<56) * 0x9e3779b97f4a7c15
	h = (h ^ h>>32 ^ s.tail) * 0xd6e8feb86659fd93
	at, _ := bits.Mul64(h^h>>32*0x9e3779b97f4a7c15, uint64(len(t.slots)))
	return at
}

// packed are the bytes of a token as two numbers, which overlap where there are fewer than 16: with the
// size they are no other token's.
func packed(s string) slotted {
	n := len(s)
	switch {
	case n >= 8:
		return slotted{eight(s), eight(s[n-8:]), uint8(n)}
	case n >= 4:
		return slotted{four(s), four(s[n-4:]), uint8(n)}
	}
	return slotted{uint64(s[0]) | uint64(s[n/2])<<8 | uint64(s[n-1])<<16, 0, uint8(n)}
}

func eight(s string) uint64 {
	_ = s[7]
	return uint64(s[0]) | uint64(s[1])<<8 | uint64(s[2])<<16 | uint64(s[3])<<24 | uint64(s[4])<<32 | uint64(s[5])<<40 | uint64(s[6])<<48 | uint64(s[7])<<56
}

func four(s string) uint64 {
	_ = s[3]
	return uint64(s[0]) | uint64(s[1])<<8 | uint64(s[2])<<16 | uint64(s[3])<<24
}
