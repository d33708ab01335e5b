package v1

// QueryExplanation tells how a question was answered.
type QueryExplanation struct {
	Stages []StageExplanation `json:"stages" doc:"The stages in the order in which they were done."`
}

// StageExplanation tells what a stage did.
type StageExplanation struct {
	Stage  string `json:"stage" doc:"embed, dense, lexical, fuse, recency, rerank, min_score, rows, collapse, caps, diversity or context." example:"fuse"`
	In     int    `json:"in" doc:"Candidates before it." example:"180"`
	Out    int    `json:"out" doc:"Candidates after it." example:"132"`
	Nanos  int64  `json:"ns" doc:"What it took, in nanoseconds." example:"41000"`
	Detail string `json:"detail,omitempty" doc:"How it was done, such as the weight and where it came from."`
}

// HitExplanation tells why a hit stands where it does.
type HitExplanation struct {
	Contributions []ScoreContribution `json:"contributions" doc:"What made the score: their sum, taken in this order, is the score to the last bit."`
	DenseRank     int                 `json:"dense_rank,omitempty" doc:"Place among the candidates of the dense search, from 1; missing when it did not propose the passage." example:"3"`
	LexicalRank   int                 `json:"lexical_rank,omitempty" doc:"Place among the candidates of the lexical search." example:"1"`
	Terms         []TermContribution  `json:"terms,omitempty" doc:"What each word of the question gave to the lexical score."`
	Highlights    []Span              `json:"highlights,omitempty" doc:"What of the passage matches the words, in bytes of its text."`
}

// ScoreContribution is a summand of a score.
type ScoreContribution struct {
	Name  string  `json:"name" doc:"dense, lexical, recency, rerank, or feature:NAME of a trained re-ranker." example:"lexical"`
	Value float64 `json:"value" doc:"What it adds." example:"0.41"`
}

// TermContribution is what a word or phrase gave to a lexical score.
type TermContribution struct {
	Term  string  `json:"term" doc:"The word as it is searched." example:"instal"`
	Score float64 `json:"score" doc:"What it gave." example:"4.2"`
}
