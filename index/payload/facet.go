package payload

import "github.com/lodedb/lode"

// Facet calls add with the values that documents among the rows have in a field, and with how
// many documents and rows have each. Items of lists count like single values, once for each
// document. A number that is whole is given as an integer. A value may come several times,
// with parts that add up, as those of several blocks do. A Continued document is counted by
// its rows only.
func (b *Block) Facet(field string, among *Rows, add func(v lode.Value, docs, rows int)) {
	for i := range b.layers {
		l := &b.layers[i]
		shown := *among
		if l.masked != nil {
			shown.AndNot(l.masked)
		}
		l.tally(&shown).column(l.column(field), add)
	}
}

func (t *tally) column(col *column, add func(v lode.Value, docs, rows int)) {
	for i := range col.numbers.wholes {
		t.report(col.numbers.of(i), col.numbers.at(i).value, add)
	}
	for _, list := range []*texts{&col.words, &col.times} {
		for i, s := range list.list {
			t.report(list.of(i), func() lode.Value { return lode.StringValue(s) }, add)
		}
	}
	for i, set := range col.bools {
		if set != nil {
			t.report(heads(set), func() lode.Value { return lode.BoolValue(i == 1) }, add)
		}
	}
}

// tally knows how many rows of each document are among those to count.
type tally struct {
	heads     Rows
	continued Rows
	counts    *[BlockRows]uint16 // by head; nil when every document has one row
}

func (c *core) tally(shown *Rows) *tally {
	t := &tally{heads: c.headsOf(shown)}
	if c.continued != nil {
		t.continued = *c.continued
	}
	if !c.long {
		return t
	}
	t.counts = new([BlockRows]uint16)
	for i := range c.docs {
		e := &c.docs[i]
		t.counts[e.first] = uint16(shown.CountRange(int(e.first), int(e.first)+int(e.rows)))
	}
	return t
}

// report counts the heads of one value.
func (t *tally) report(heads []uint16, value func() lode.Value, add func(v lode.Value, docs, rows int)) {
	docs, rows := 0, 0
	for _, head := range heads {
		word, bit := head/wordBits, head%wordBits
		member := int(t.heads[word] >> bit & 1)
		docs += member &^ int(t.continued[word]>>bit&1)
		if t.counts != nil {
			member = int(t.counts[head])
		}
		rows += member
	}
	if rows > 0 {
		add(value(), docs, rows)
	}
}
