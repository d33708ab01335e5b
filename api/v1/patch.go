package v1

import (
	"bytes"
	"encoding/json"

	"github.com/lodedb/lode"
)

// PatchSelected changes what owners say of several documents or raw vectors. On the wire the
// members of the patch stand beside ids and filter.
type PatchSelected struct {
	IDs    []lode.DocID `json:"ids,omitzero" doc:"Outside ids; with a filter those of them that match." maxItems:"1000"`
	Filter *lode.Filter `json:"filter,omitempty" doc:"Condition on metadata or ids; without ids all that match are changed."`
	Patch  lode.Patch   `json:"-" rest:"true" doc:"What is changed."`
}

// MarshalJSON writes the members of the patch beside the others.
func (p PatchSelected) MarshalJSON() ([]byte, error) {
	type bare PatchSelected
	selection, err := json.Marshal(bare(p))
	if err != nil {
		return nil, err
	}
	patch, err := json.Marshal(p.Patch)
	if err != nil || len(selection) == len("{}") || len(patch) == len("{}") {
		return append(bytes.TrimSuffix(selection, []byte("}")), patch[min(1, len(patch)):]...), err
	}
	selection[len(selection)-1] = ','
	return append(selection, patch[1:]...), nil
}

// PatchResults says what became of a selection.
type PatchResults struct {
	Matched int            `json:"matched" doc:"Documents or raw vectors that were selected and that the caller may see." example:"12"`
	Changed int            `json:"changed" doc:"Of them are other now than they were." example:"11"`
	Items   []SelectedItem `json:"items" doc:"One entry for each id of the request, in its order; none without ids."`
}

// SelectedItem is what became of one id of a selection. It failed when Error is set.
type SelectedItem struct {
	ID    lode.DocID `json:"id" doc:"Outside id." example:"guide/install.md"`
	Error *ItemError `json:"error,omitempty" doc:"Why nothing was done; missing also where the filter does not match."`
}
