package payload

import "github.com/lodedb/lode"

// wordIndex returns the words within the strings of the column.
func (c *core) wordIndex(col *column) *texts {
	return col.fullText.get(func() *texts {
		var b textBuilder
		for i := range c.docs {
			e := &c.docs[i]
			eachString(e.doc, col.field, func(s string) {
				for word := range lode.SplitWords(s) {
					b.add(word, e.first)
				}
			})
		}
		words := b.texts()
		return &words
	})
}

// allWords sets into to the heads that hold every word, though perhaps in different strings.
func (t *texts) allWords(words []string, into *Rows) {
	for i, word := range words {
		if i == 0 {
			t.equal(word, into)
			continue
		}
		var hold Rows
		t.equal(word, &hold)
		into.And(&hold)
	}
}

// anyWord adds the heads that hold one of the words.
func (t *texts) anyWord(words []string, into *Rows) {
	for _, word := range words {
		t.equal(word, into)
	}
}
