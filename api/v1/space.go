package v1

import "github.com/lodedb/lode"

// VectorSpace is a space of vectors that rows of a collection may have under its name, beside
// the vector that every row has: a dense one, of some dimensions, or a sparse one.
type VectorSpace struct {
	Dim    int         `json:"dim,omitempty" doc:"Dimensions of the vectors; of a dense space, which needs them." minimum:"1" maximum:"8192" example:"384"`
	Metric lode.Metric `json:"metric,omitempty" doc:"How the vectors of a dense space are compared; the default is the collection's." enum:"cosine,dot,l2" example:"cosine"`
	Sparse bool        `json:"sparse,omitempty" doc:"The vectors are sparse, and compared by dot product." default:"false"`
}

// SparseVector is a vector of which nearly every number is 0: the others by their dimension.
type SparseVector struct {
	Indices []uint32    `json:"indices" doc:"The dimensions, ascending, none twice." minItems:"1" maxItems:"4096"`
	Values  lode.Vector `json:"values" doc:"One finite number for each, not 0." minItems:"1" maxItems:"4096"`
}
