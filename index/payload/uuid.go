package payload

import (
	"bytes"
	"slices"

	"github.com/lodedb/lode"
)

// uuids are the strings of a column that are UUIDs, in their order.
type uuids []uuidAt

type uuidAt struct {
	id   lode.UUID
	text uint32 // which of the column's words
}

// uuidIndex returns the UUIDs of the column. No time is one.
func (col *column) uuidIndex() uuids {
	return *col.uuids.get(func() *uuids {
		list := uuids{}
		for i, s := range col.words.list {
			if id, ok := lode.ParseUUID(s); ok {
				list = append(list, uuidAt{id, uint32(i)})
			}
		}
		slices.SortFunc(list, func(a, b uuidAt) int { return bytes.Compare(a.id[:], b.id[:]) })
		return &list
	})
}

// orUUID adds the heads that hold the UUID in any spelling.
func (col *column) orUUID(id *lode.UUID, into *Rows) {
	list := col.uuidIndex()
	i, _ := slices.BinarySearchFunc(list, id, func(at uuidAt, id *lode.UUID) int { return bytes.Compare(at.id[:], id[:]) })
	for ; i < len(list) && list[i].id == *id; i++ {
		col.words.or(int(list[i].text), int(list[i].text)+1, into)
	}
}
