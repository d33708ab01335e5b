package payload

import (
	"cmp"
	"encoding/binary"
	"slices"
	"sort"
	"strings"
	"time"
)

// texts are different strings in the order of their bytes with who holds them.
type texts struct {
	list []string
	postings
}

// textBuilder collects strings with ascending heads.
type textBuilder struct {
	numbers map[string]uint32
	list    []string
	latest  []uint16 // of each string 1 + the last head that had it
	entries []posted
}

func (b *textBuilder) add(s string, head uint16) {
	n, known := b.numbers[s]
	if !known {
		if b.numbers == nil {
			b.numbers = map[string]uint32{}
		}
		n = uint32(len(b.list))
		b.numbers[s] = n
		b.list = append(b.list, s)
		b.latest = append(b.latest, 0)
	}
	if b.latest[n] != head+1 {
		b.latest[n] = head + 1
		b.entries = append(b.entries, posted{n, head})
	}
}

func (b *textBuilder) texts() texts {
	if len(b.list) == 0 {
		return texts{}
	}
	type item struct {
		prefix uint64 // the first bytes that may differ, which decide most comparisons
		text   string
		number uint32
	}
	same := commonPrefix(b.list)
	items := make([]item, len(b.list))
	for i, s := range b.list {
		var prefix [8]byte
		copy(prefix[:], s[same:])
		items[i] = item{binary.BigEndian.Uint64(prefix[:]), s, uint32(i)}
	}
	slices.SortFunc(items, func(x, y item) int {
		if x.prefix != y.prefix {
			return cmp.Compare(x.prefix, y.prefix)
		}
		return strings.Compare(x.text, y.text)
	})
	place := make([]uint32, len(items))
	sorted := make([]string, len(items))
	for i, it := range items {
		place[it.number], sorted[i] = uint32(i), it.text
	}
	for i := range b.entries {
		b.entries[i].value = place[b.entries[i].value]
	}
	return texts{sorted, newPostings(len(sorted), b.entries)}
}

// commonPrefix returns the number of bytes that all strings begin with.
func commonPrefix(list []string) int {
	same := list[0]
	for _, s := range list {
		n := 0
		for n < min(len(s), len(same)) && s[n] == same[n] {
			n++
		}
		same = same[:n]
	}
	return len(same)
}

// search returns the first of the strings that is at least s, or above it when after is set.
func (t *texts) search(s string, after bool) int {
	i, found := slices.BinarySearch(t.list, s)
	if found && after {
		i++
	}
	return i
}

// equal adds the heads that hold s.
func (t *texts) equal(s string, into *Rows) {
	if i, found := slices.BinarySearch(t.list, s); found {
		t.or(i, i+1, into)
	}
}

// prefixed adds the heads that hold a string which begins with prefix.
func (t *texts) prefixed(prefix string, into *Rows) {
	from, _ := slices.BinarySearch(t.list, prefix)
	rest := t.list[from:]
	n := sort.Search(len(rest), func(i int) bool { return !strings.HasPrefix(rest[i], prefix) })
	t.or(from, from+n, into)
}

func (t *texts) bytes() int { return 16*len(t.list) + t.postings.bytes() }

// instants are the strings of texts that are times, in the order of time; those that spell
// the same instant in the order of their bytes.
type instants struct {
	at   []number
	text []uint32 // which of the texts
	postings
}

func newInstants(times *texts) instants {
	if len(times.list) == 0 {
		return instants{}
	}
	at := make([]number, len(times.list))
	in := instants{text: make([]uint32, len(at))}
	for i, s := range times.list {
		at[i], _ = instantOf(s)
		in.text[i] = uint32(i)
	}
	slices.SortStableFunc(in.text, func(a, b uint32) int { return at[a].compare(at[b]) })
	in.at = make([]number, len(at))
	in.every = times.every
	in.starts = make([]uint32, 1, len(at)+1)
	in.rows = make([]uint16, 0, len(times.rows))
	for i, text := range in.text {
		in.at[i] = at[text]
		in.rows = append(in.rows, times.of(int(text))...)
		in.starts = append(in.starts, uint32(len(in.rows)))
	}
	in.finish()
	return in
}

// search returns the first of the instants that is at least n, or after it when after is set.
func (in *instants) search(n number, after bool) int {
	least := 0
	if after {
		least = 1
	}
	return sort.Search(len(in.at), func(i int) bool { return in.at[i].compare(n) >= least })
}

func (in *instants) bytes() int { return 16*len(in.at) + 4*len(in.text) + in.postings.bytes() }

// instantOf returns the time that a string spells, by the rule of lode.Value: an RFC 3339
// time or date. The look at its shape keeps other strings from the cost of parsing.
func instantOf(s string) (n number, ok bool) {
	if len(s) < len(time.DateOnly) || s[4] != '-' || s[7] != '-' {
		return number{}, false
	}
	for _, layout := range []string{time.RFC3339Nano, time.DateOnly} {
		if t, err := time.Parse(layout, s); err == nil {
			return number{t.Unix(), float64(t.Nanosecond())}, true
		}
	}
	return number{}, false
}
