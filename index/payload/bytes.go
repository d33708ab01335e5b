package payload

import "reflect"

const waitingBytes = 48 // of a map's entry

var (
	entryBytes      = int(reflect.TypeFor[entry]().Size())
	columnBytes     = int(reflect.TypeFor[column]().Size())
	coreBytes       = int(reflect.TypeFor[core]().Size())
	answerBytes     = int(reflect.TypeFor[answer]().Size())
	cacheTableBytes = int(reflect.TypeFor[cacheTable]().Size())
	uuidBytes       = int(reflect.TypeFor[uuidAt]().Size())
	placeBytes      = int(reflect.TypeFor[placeAt]().Size())
)

// Bytes is about the memory of the block without the documents: what is built by now, with
// remembered results. Layers that blocks share are counted in each of them.
func (b *Block) Bytes() int {
	n := 0
	for _, l := range b.layers {
		n += l.core.bytes()
		if l.masked != nil {
			n += rowsBytes
		}
	}
	return n
}

func (c *core) bytes() int {
	n := coreBytes + entryBytes*cap(c.docs) + 10*cap(c.expires) + waitingBytes*len(c.waiting)
	if fields := c.columns.byField.Load(); fields != nil {
		for field, col := range *fields {
			if n += len(field); col.built.Load() {
				n += col.bytes()
			}
		}
	}
	if a := c.access.built(); a != nil {
		n += a.bytes()
	}
	if ids := c.ids.built(); ids != nil {
		n += ids.bytes()
	}
	return n + c.matches.bytes() + c.visible.bytes()
}
