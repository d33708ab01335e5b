package collection

import "github.com/lodedb/lode"

// pageEntries is the number of entries in a page of a [table]: a change copies one page.
const pageEntries = 256

type page [pageEntries]*entry

// table is an immutable list of documents by slot. A slot whose document left is nil.
type table struct {
	pages []*page
	n     int // slots
	count int // documents
}

func (t *table) at(slot uint32) *entry {
	return t.pages[slot/pageEntries][slot%pageEntries]
}

// each calls f with every entry in order of slots until f returns false.
func (t *table) each(f func(*entry) bool) {
	for i, p := range t.pages {
		for _, e := range p[:min(pageEntries, t.n-i*pageEntries)] {
			if e != nil && !f(e) {
				return
			}
		}
	}
}

// tableWriter makes the next table out of the published one: pages are copied at their
// first change, so that published tables never change.
type tableWriter struct {
	table
	slots map[lode.DocNo]uint32
	fresh map[int]bool // pages that no published table holds
	owned bool         // so is the list of pages
}

func newTableWriter() tableWriter {
	return tableWriter{slots: map[lode.DocNo]uint32{}, fresh: map[int]bool{}}
}

// reserve makes room for so many documents in an empty table.
func (w *tableWriter) reserve(n int) {
	w.slots = make(map[lode.DocNo]uint32, n)
	w.pages = make([]*page, 0, (n+pageEntries-1)/pageEntries)
}

// find returns the entry of a document, nil where it has none.
func (w *tableWriter) find(no lode.DocNo) *entry {
	slot, ok := w.slots[no]
	if !ok {
		return nil
	}
	return w.at(slot)
}

// add appends an entry and returns its slot.
func (w *tableWriter) add(e *entry) uint32 {
	slot := uint32(w.n)
	if w.n%pageEntries == 0 {
		w.own()
		w.pages = append(w.pages, new(page))
		w.fresh[len(w.pages)-1] = true
	}
	w.n++
	w.count++
	w.slots[e.doc.No] = slot
	w.set(slot, e)
	return slot
}

// replace puts another entry in the place of the document's.
func (w *tableWriter) replace(e *entry) { w.set(w.slots[e.doc.No], e) }

// remove empties the document's slot.
func (w *tableWriter) remove(no lode.DocNo) {
	w.set(w.slots[no], nil)
	w.count--
	delete(w.slots, no)
}

func (w *tableWriter) set(slot uint32, e *entry) {
	i := int(slot / pageEntries)
	if !w.fresh[i] {
		w.own()
		copied := *w.pages[i]
		w.pages[i] = &copied
		w.fresh[i] = true
	}
	w.pages[i][slot%pageEntries] = e
}

func (w *tableWriter) own() {
	if !w.owned {
		w.pages = append([]*page(nil), w.pages...)
		w.owned = true
	}
}

// publish returns the table as it stands; later changes copy what it holds.
func (w *tableWriter) publish() table {
	clear(w.fresh)
	w.owned = false
	return w.table
}
