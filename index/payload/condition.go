package payload

import "github.com/lodedb/lode"

// condition is one test of a field in the form that a column decides. It holds for a set of
// heads, or with negate for all others.
type condition struct {
	kind   conditionKind
	negate bool
	cost   int

	constants []constant
	span      span
	counts    *lode.CountRange
	words     []string
	prefix    string
	uuid      *lode.UUID
	area      *area
}

type conditionKind uint8

const (
	isPresent  conditionKind = iota // anything is there
	isFilled                        // a value that counts
	isListed                        // a list
	isObject                        // an object
	isEqual                         // one of the constants, alone or in a list
	isWithin                        // an item within the span
	isCounted                       // as many values as counts says
	hasWords                        // every word
	hasAnyWord                      // one of the words
	hasPrefix                       // a string that begins so
	isUUID                          // a string that spells it
	isInArea                        // a place there
)

// apply removes from out what the condition does not hold for.
func (k *condition) apply(c *core, col *column, out *Rows) {
	var set Rows
	k.holding(c, col, &set)
	if k.negate {
		out.AndNot(&set)
	} else {
		out.And(&set)
	}
}

// holding adds the heads that the condition holds for, but for negate.
func (k *condition) holding(c *core, col *column, set *Rows) {
	switch k.kind {
	case isPresent:
		set.Or(&col.present)
	case isFilled:
		set.Or(&col.filled)
	case isListed:
		add(set, col.lists)
	case isObject:
		add(set, col.objects)
	case isEqual:
		for i := range k.constants {
			col.equal(&k.constants[i], set)
		}
	case isWithin:
		k.span.or(col, set)
	case isCounted:
		k.counted(c, col, set)
	default:
		k.holdingText(c, col, set)
	}
}

func (k *condition) holdingText(c *core, col *column, set *Rows) {
	switch k.kind {
	case hasWords:
		c.wordIndex(col).allWords(k.words, set)
	case hasAnyWord:
		c.wordIndex(col).anyWord(k.words, set)
	case hasPrefix:
		col.words.prefixed(k.prefix, set)
		col.times.prefixed(k.prefix, set)
	case isUUID:
		col.orUUID(k.uuid, set)
	case isInArea:
		k.area.or(c.placeIndex(col), set)
	}
}

// counted adds the heads whose number of values is within bounds. Most have one or none.
func (k *condition) counted(c *core, col *column, set *Rows) {
	if k.counts.Contains(0) {
		set.Or(&c.heads)
		set.AndNot(&col.filled)
	}
	if k.counts.Contains(1) {
		one := col.filled
		if col.counts.every != nil {
			one.AndNot(col.counts.every)
		}
		set.Or(&one)
	}
	for i, n := range col.counts.wholes {
		if k.counts.Contains(int(n)) {
			col.counts.or(i, i+1, set)
		}
	}
}
