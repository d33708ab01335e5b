package api

import (
	"github.com/danielgtaylor/huma/v2"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/api/v1"
)

// The types that stand in for a patch and for one beside a selection.
type (
	patchRef         struct{}
	patchSelectedRef struct{}
	valueRef         struct{}
)

// Schema refers to the hand-written schema of a patch.
func (patchRef) Schema(huma.Registry) *huma.Schema { return ref("Patch") }

// Schema refers to the hand-written schema of a patch beside ids and filter.
func (patchSelectedRef) Schema(huma.Registry) *huma.Schema { return ref("PatchSelected") }

// Schema refers to the hand-written schema of a value.
func (valueRef) Schema(huma.Registry) *huma.Schema { return ref("Value") }

// patchSchema describes a [lode.Patch].
func patchSchema() *huma.Schema {
	s := closed("Changes what an owner says of a document or raw vector. At least one member is there; replace stands without set and delete, readers without add_readers and remove_readers.", patchMembers())
	s.Examples = []any{map[string]any{"set": map[string]any{"status": "approved", "review.by": "ada"}, "delete": []any{"draft"}, "add_readers": []any{"sales"}}}
	return s
}

// patchSelectedSchema describes a [v1.PatchSelected].
func patchSelectedSchema() *huma.Schema {
	least := 1
	members := patchMembers()
	ids := list(&huma.Schema{Type: huma.TypeString}, v1.MaxBatchIDs)
	ids.MinItems, ids.Description = &least, "Outside ids; with a filter those of them that match."
	members["ids"], members["filter"] = ids, ref("Filter")
	s := closed("A patch with what it is about: ids, a filter, or both.", members)
	s.Examples = []any{map[string]any{"filter": map[string]any{"field": "tenant", "eq": "acme"}, "remove_readers": []any{"contractors"}}}
	return s
}

func patchMembers() map[string]*huma.Schema {
	labels := func(about string) *huma.Schema {
		s := list(&huma.Schema{Type: huma.TypeString}, lode.MaxReaders)
		s.Description = about
		return s
	}
	paths := list(&huma.Schema{Type: huma.TypeString}, lode.MaxMetadataKeys)
	paths.Description = "Paths whose values go away; nothing there is no error."
	return map[string]*huma.Schema{
		"set":            {Type: huma.TypeObject, AdditionalProperties: ref("Value"), Description: "Paths with the values that they get. Objects are replaced as a whole; a path into them changes one member. Null is a value."},
		"delete":         paths,
		"replace":        ref("Metadata"),
		"readers":        labels("Labels of who may see it, in the place of the present ones; none: everyone."),
		"add_readers":    labels("Labels of who may see it too. Where everyone may, only they may then."),
		"remove_readers": labels("Labels of who may not see it any more. The last one cannot be removed."),
		"expires_at": {OneOf: []*huma.Schema{{Type: huma.TypeString, Format: "date-time"}, {Type: "null"}},
			Description: "When it ends of itself; null: never."},
	}
}
