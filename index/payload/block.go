package payload

import (
	"cmp"
	"math"
	"slices"

	"github.com/lodedb/lode"
)

// Doc says which rows of a block belong to a document, and what decides about them.
type Doc struct {
	First int // the rows are [First, First+Rows) of the block
	Rows  int // at least 1
	// Doc is what filters and access are about. It and all it holds never change.
	Doc *lode.Document
	// Waiting are the reader labels of a newer version that is not ready. Until it is, only
	// who may see both may see the document. Empty: there is none, or everyone may see it.
	Waiting []string
	// Expires is when the rows stop being found, in unix nanoseconds. 0 means never.
	Expires int64
	// Continued says that the document began in the block before, so that counting it here
	// would count it twice.
	Continued bool
}

// Block answers which rows of [BlockRows] consecutive ones a filter and a principal let
// through. To its users it never changes, and any number of goroutines may use it: what it
// builds, at first use, are indexes and remembered results. Rows that no Doc has are in no
// answer. The zero Block has no documents.
type Block struct {
	layers  []layer
	end     int   // the row after the last document's
	soonest int64 // no document expires earlier
}

// layer is a run of documents that are indexed together, less those that a later layer has
// in a newer state. No row is shown by two layers.
type layer struct {
	*core
	masked *Rows // rows to leave out; nil when there are none
	live   int   // documents that are shown
}

// smallDocs is the size below which layers are always merged: so many documents are cheaply
// copied, and cheaply asked one by one.
const smallDocs = 64

// New makes the block of these documents, in any order. Nothing is indexed yet.
func New(docs []Doc) (*Block, error) {
	docs = sortedDocs(docs)
	if err := checkDocs(docs, 0); err != nil {
		return nil, err
	}
	return (&Block{}).push(docs), nil
}

func sortedDocs(docs []Doc) []Doc {
	docs = slices.Clone(docs)
	slices.SortFunc(docs, func(a, b Doc) int { return cmp.Compare(a.First, b.First) })
	return docs
}

// checkDocs refuses documents that do not lie one after the other, from row on, in a block.
func checkDocs(docs []Doc, row int) error {
	for _, d := range docs {
		switch {
		case d.Doc == nil:
			return lode.Invalid("docs.doc", d.First, "the rows have no document")
		case d.Rows < 1 || d.Rows > BlockRows:
			return lode.Invalid("docs.rows", d.Rows, "a document has 1 to %d rows in a block", BlockRows)
		case d.First < row || d.First > BlockRows-d.Rows:
			return lode.Invalid("docs.first", d.First, "the rows must lie in [%d, %d) and be of one document", row, BlockRows)
		}
		row = d.First + d.Rows
	}
	return nil
}

// Append returns a block that has these documents too. Their rows lie behind all that b has.
// The two share every index of the old rows.
func (b *Block) Append(docs []Doc) (*Block, error) {
	docs = sortedDocs(docs)
	if err := checkDocs(docs, b.end); err != nil {
		return nil, err
	}
	return b.push(docs), nil
}

// With returns a block in which these documents have a new state. First and Rows are those
// that they have in b. The two share every index of the other documents. It takes time for
// the changed documents, and now and then for more: see the design.
func (b *Block) With(changed []Doc) (*Block, error) {
	changed = sortedDocs(changed)
	if err := checkDocs(changed, 0); err != nil {
		return nil, err
	}
	next := &Block{layers: slices.Clone(b.layers), end: b.end}
	cloned := make([]bool, len(b.layers))
	for _, d := range changed {
		i, ok := b.find(d)
		if !ok {
			return nil, lode.Invalid("docs.first", d.First, "the block has no document of %d rows here", d.Rows)
		}
		next.layers[i].hide(d, !cloned[i])
		cloned[i] = true
	}
	next.layers = slices.DeleteFunc(next.layers, func(l layer) bool { return l.live == 0 })
	return next.push(changed), nil
}

// At returns the document that begins at a row, as it was last given to the block.
func (b *Block) At(row int) (Doc, bool) {
	if row < 0 || row >= BlockRows {
		return Doc{}, false
	}
	for _, l := range b.layers {
		if l.shows(row) {
			return l.core.doc(l.ordinal(row)), true
		}
	}
	return Doc{}, false
}

// find returns the layer that shows the document.
func (b *Block) find(d Doc) (int, bool) {
	for i, l := range b.layers {
		if l.shows(d.First) {
			e := &l.docs[l.ordinal(d.First)]
			return i, int(e.first) == d.First && int(e.rows) == d.Rows
		}
	}
	return 0, false
}

// shows reports whether a document of the layer that is not masked begins at the row.
func (l *layer) shows(row int) bool {
	return l.heads.Has(row) && (l.masked == nil || !l.masked.Has(row))
}

// hide masks a document's rows. The mask is copied first when another block has it.
func (l *layer) hide(d Doc, shared bool) {
	if shared {
		masked := Rows{}
		if l.masked != nil {
			masked = *l.masked
		}
		l.masked = &masked
	}
	l.masked.SetRange(d.First, d.First+d.Rows)
	l.live--
}

// push returns a block with one layer more, merged with the layers before it that are not
// clearly larger. So a block has few layers, each document is moved a few times only, and
// the large layers with their indexes stay.
func (b *Block) push(docs []Doc) *Block {
	next := &Block{layers: slices.Clone(b.layers), end: b.end}
	if len(docs) > 0 {
		last := docs[len(docs)-1]
		next.end = max(next.end, last.First+last.Rows)
		keep := len(next.layers)
		for size := len(docs); keep > 0 && next.layers[keep-1].live < max(smallDocs, 2*size); keep-- {
			size += next.layers[keep-1].live
		}
		next.layers = append(next.layers[:keep:keep], mergeLayers(next.layers[keep:], docs))
	}
	next.soonest = math.MaxInt64
	for _, l := range next.layers {
		next.soonest = min(next.soonest, l.soonest)
	}
	return next
}

// mergeLayers makes one layer of what the layers show and of the documents.
func mergeLayers(layers []layer, docs []Doc) layer {
	if len(layers) > 0 {
		docs = slices.Clone(docs)
		for _, l := range layers {
			for i, e := range l.docs {
				if l.shows(int(e.first)) {
					docs = append(docs, l.doc(i))
				}
			}
		}
		slices.SortFunc(docs, func(a, b Doc) int { return cmp.Compare(a.First, b.First) })
	}
	return layer{core: newCore(docs), live: len(docs)}
}

// Docs is the number of documents in the block.
func (b *Block) Docs() int {
	n := 0
	for _, l := range b.layers {
		n += l.live
	}
	return n
}

// All sets into to the rows of all documents.
func (b *Block) All(into *Rows) { b.collect(question{}, into) }

// Match sets into to exactly the rows whose document satisfies the query's filter.
func (b *Block) Match(q *Query, into *Rows) { b.collect(question{query: q}, into) }

// Visible sets into to exactly the rows of documents that the reader's principal may see:
// both as they are and, while a newer version waits, as they will be.
func (b *Block) Visible(r *Reader, into *Rows) { b.collect(question{reader: r}, into) }

// question is what the layers of a block are asked: a query, a reader, or everything. It is
// no function, so that sets which are passed by pointer may stay on the stack.
type question struct {
	query  *Query
	reader *Reader
}

func (q question) ask(c *core, into *Rows) {
	switch {
	case q.query != nil:
		c.match(q.query, into)
	case q.reader != nil:
		c.see(q.reader, into)
	default:
		c.all(into)
	}
}

// collect sets into to what the layers answer.
func (b *Block) collect(q question, into *Rows) {
	*into = Rows{}
	var part Rows
	for i := range b.layers {
		l := &b.layers[i]
		answer := into
		if i > 0 {
			answer = &part
		}
		q.ask(l.core, answer)
		if l.masked != nil {
			answer.AndNot(l.masked)
		}
		if i > 0 {
			into.Or(&part)
		}
	}
}

// Unexpired removes from rows those of documents that are expired at now, in unix
// nanoseconds: a document is expired from its Expires on.
func (b *Block) Unexpired(now int64, rows *Rows) {
	if now < b.soonest {
		return
	}
	for i := range b.layers {
		l := &b.layers[i]
		for _, ordinal := range l.expired(now) {
			if e := &l.docs[ordinal]; l.shows(int(e.first)) {
				rows.ClearRange(int(e.first), int(e.first)+int(e.rows))
			}
		}
	}
}
