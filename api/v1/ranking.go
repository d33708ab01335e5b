package v1

import "github.com/lodedb/lode"

// Ranking is what queries of a collection take where they say nothing.
type Ranking struct {
	DenseWeight *float64           `json:"dense_weight,omitempty" doc:"Weight of the dense search in hybrid mode." minimum:"0" maximum:"1" example:"0.3"`
	Fusion      lode.Fusion        `json:"fusion,omitempty" doc:"How the scores of the two searches become one." enum:"minmax,rrf,dbsf" example:"minmax"`
	Rerank      *Rerank            `json:"rerank,omitempty" doc:"The re-ranker; none where it is missing."`
	Recency     *Recency           `json:"recency,omitempty" doc:"How scores decay with age; not at all where it is missing."`
	Reason      string             `json:"reason,omitempty" doc:"Where the settings came from." maxLength:"512"`
	Features    map[string]float64 `json:"features,omitempty" doc:"Weights of the re-ranker features, by the names of features, as training gives them." maxProperties:"64"`
}

// Rerank asks a re-ranker for the order of the best candidates.
type Rerank struct {
	Name  string `json:"name" doc:"A re-ranker of the node, features for the one that was trained for the collection, or none." maxLength:"128" example:"maxsim"`
	Depth int    `json:"depth,omitempty" doc:"How many candidates it sees; the default is 50, at least k." minimum:"1" maximum:"1000" example:"50"`
}

// Recency lets scores decay with age.
type Recency struct {
	HalfLife lode.Period `json:"half_life" doc:"The age that halves a score: in days (30d), or as 36h or 90m." example:"30d"`
	Weight   float64     `json:"weight,omitempty" doc:"The share of the score that decays; the default is all of it." minimum:"0" maximum:"1" default:"1" example:"0.5"`
	Field    string      `json:"field,omitempty" doc:"A time in the metadata that age is counted from; the default is when the bytes were received." example:"published"`
}
