package v1

import (
	"encoding/json"
	"time"

	"github.com/lodedb/lode"
)

// MediaTypeLines is that of evaluation sets: one JSON object a line.
const MediaTypeLines = "application/x-ndjson"

// The paths of evaluation.
const (
	PathEvaluations     = "/v1/collections/{collection}/evaluations"
	PathEvaluation      = "/v1/collections/{collection}/evaluations/{evaluation}"
	PathEvaluationRun   = "/v1/collections/{collection}/evaluations/{evaluation}/run"
	PathEvaluationTrain = "/v1/collections/{collection}/evaluations/{evaluation}/train"
	PathFeedback        = "/v1/collections/{collection}/feedback"
	PathFeedbackTrain   = "/v1/collections/{collection}/feedback/train"
)

// EvaluationQuestion is one line of an evaluation set.
type EvaluationQuestion struct {
	ID      string           `json:"id" doc:"Unique in the set." maxLength:"256" example:"last-boat"`
	Query   string           `json:"query" doc:"The question." maxLength:"32768" example:"when does the last boat leave?"`
	Spans   []EvaluationSpan `json:"spans" doc:"What answers it; one grade at least is above 0." minItems:"1" maxItems:"2000"`
	Answer  string           `json:"answer,omitempty" doc:"The answer as a person would give it; no score uses it." maxLength:"4096" example:"23:40"`
	Drafted string           `json:"drafted,omitempty" doc:"The template of a question that no person asked." enum:"keywords,heading,cloze,common"`
}

// EvaluationSpan is a judged stretch of the canonical text of a document.
type EvaluationSpan struct {
	Document lode.DocID `json:"document,omitempty" doc:"Outside id of the document. The hash, the id or the URI is needed; the first of them that is given counts." maxLength:"1024" example:"timetable.md"`
	URI      string     `json:"uri,omitempty" doc:"URI of the document." maxLength:"4096"`
	Bronze   lode.Hash  `json:"bronze_sha256,omitzero" doc:"SHA-256 of the bytes of the document: then the judgement is about this version alone." required:"false"`
	Start    int        `json:"start,omitempty" doc:"First byte in the canonical text; without start and end the span is the whole document." minimum:"0" example:"1204"`
	End      int        `json:"end,omitempty" doc:"The byte after the last." minimum:"0" example:"1251"`
	Grade    *int       `json:"grade,omitempty" doc:"How good an answer it is; 0 was judged to be none." minimum:"0" maximum:"100" default:"1" example:"1"`
}

// EvaluationInfo describes a set that a collection keeps.
type EvaluationInfo struct {
	Name      string    `json:"name" doc:"Name of the set." example:"support"`
	Hash      lode.Hash `json:"hash" doc:"SHA-256 of its lines in order of id; reports name it."`
	Questions int       `json:"questions" doc:"Number of questions." example:"120"`
	Spans     int       `json:"spans" doc:"Relevant spans." example:"180"`
	Bytes     int64     `json:"bytes" doc:"Length of its lines." example:"40960"`
	At        time.Time `json:"created_at" doc:"When it was put."`
}

// EvaluationList lists the sets of a collection.
type EvaluationList struct {
	Evaluations []EvaluationInfo `json:"evaluations" doc:"The sets, by name."`
}

// Feedback judges what a question found. A chunk or a citation is needed, and useful or a grade.
type Feedback struct {
	Query    string        `json:"query" doc:"The question that was asked." maxLength:"2048" example:"when does the last boat leave?"`
	ChunkID  *lode.ChunkID `json:"chunk_id,omitempty" doc:"The chunk that is judged." example:"ch-12-1-0"`
	Citation *Cited        `json:"citation,omitempty" doc:"The citation that is judged, in the place of a chunk."`
	Useful   *bool         `json:"useful,omitempty" doc:"Whether it answered the question: grade 1 or 0." example:"true"`
	Grade    *int          `json:"grade,omitempty" doc:"How well it did, in the place of useful; 0 is not at all." minimum:"0" maximum:"100" example:"2"`
	Answer   string        `json:"answer,omitempty" doc:"The right answer, if the caller knows it." maxLength:"2048"`
}

// Cited is what of a citation says where it is.
type Cited struct {
	DocumentID lode.DocID `json:"document_id" doc:"Outside id of the document." example:"timetable.md"`
	Span       Span       `json:"span" doc:"Where the passage is in the canonical text."`
	Bronze     *lode.Hash `json:"bronze,omitempty" doc:"SHA-256 of the bytes of the document; refused when it has others by now."`
}

// Judged is a judgement as it is kept: it outlives the chunk.
type Judged struct {
	DocumentID lode.DocID `json:"document_id" doc:"Outside id of the document." example:"timetable.md"`
	Span       Span       `json:"span" doc:"What was judged, in the canonical text."`
	Bronze     lode.Hash  `json:"bronze" doc:"SHA-256 of the bytes that it belongs to."`
	Grade      int        `json:"grade" doc:"How well it answered." example:"1"`
	At         time.Time  `json:"at" doc:"When it was kept."`
}

// EvaluationReport is what a run found out, and about what.
type EvaluationReport struct {
	Format      int               `json:"format" doc:"Version of this form." example:"1"`
	At          time.Time         `json:"at" doc:"When the run began."`
	Set         EvaluationSet     `json:"set" doc:"The evaluation set."`
	Corpus      EvaluationCorpus  `json:"corpus" doc:"What was searched."`
	Collection  string            `json:"collection" doc:"Name of the collection." example:"docs"`
	Fingerprint string            `json:"fingerprint" doc:"Of its model, tokenizer and chunker."`
	Index       map[string]string `json:"index,omitempty" doc:"Parameters of its indexes."`
	Ranking     *Ranking          `json:"ranking,omitempty" doc:"What its queries take where they say nothing."`
	Query       json.RawMessage   `json:"query,omitempty" doc:"What the queries said beside their text."`
	Code        string            `json:"code" doc:"Version of the program." example:"v0.1.0"`
	Mean        EvaluationScores  `json:"mean" doc:"Means over the questions."`
	Latency     EvaluationLatency `json:"latency" doc:"How long questions took, by nearest rank."`
	Partial     int               `json:"partial,omitempty" doc:"Questions whose answer was not complete."`
	Rows        []EvaluationRow   `json:"rows" doc:"Every question, in the order of the set."`
}

// EvaluationSet identifies the set of a run.
type EvaluationSet struct {
	Name      string    `json:"name" doc:"As it was called." example:"support"`
	Hash      lode.Hash `json:"hash" doc:"SHA-256 of its lines in order of id."`
	Questions int       `json:"questions" doc:"Number of questions." example:"120"`
	Spans     int       `json:"spans" doc:"Relevant spans." example:"180"`
	Missing   int       `json:"missing,omitempty" doc:"Relevant spans whose document is not shown, or has another text by now. They count as not found."`
}

// EvaluationCorpus says what was searched.
type EvaluationCorpus struct {
	Fingerprint lode.Hash `json:"fingerprint" doc:"SHA-256 over ids and canonical texts of all documents: whatever cuts, embeds and indexes them."`
	Documents   int       `json:"documents" doc:"Documents shown." example:"120"`
	Chunks      int       `json:"chunks" doc:"Their chunks." example:"2417"`
}

// EvaluationScores are the scores of a question, or means. All are 0 to 1, and more is better but for
// context_waste.
type EvaluationScores struct {
	NDCG10         float64  `json:"ndcg@10" doc:"Normalised discounted gain of the first 10 hits." example:"0.71"`
	Recall5        float64  `json:"recall@5" doc:"Share of relevant spans among the first 5 hits."`
	Recall20       float64  `json:"recall@20" doc:"Among the first 20."`
	Recall100      float64  `json:"recall@100" doc:"Among the first 100."`
	MRR            float64  `json:"mrr" doc:"1 over the rank of the first relevant hit."`
	MAP            float64  `json:"map" doc:"Mean average precision."`
	TokenPrecision *float64 `json:"token_precision,omitempty" doc:"Share of the tokens of documents in the context that is relevant."`
	TokenRecall    *float64 `json:"token_recall,omitempty" doc:"Share of the relevant tokens that is in the context."`
	TokenIoU       *float64 `json:"token_iou,omitempty" doc:"Tokens that are in both, over those that are in either."`
	ContextWaste   *float64 `json:"context_waste,omitempty" doc:"Share of all tokens of the context that is not relevant."`
}

// EvaluationLatency is how long questions took.
type EvaluationLatency struct {
	P50NS int64 `json:"p50_ns" doc:"The median, in nanoseconds." example:"1830000"`
	P99NS int64 `json:"p99_ns" doc:"99 of 100 took no longer, in nanoseconds." example:"9120000"`
}

// EvaluationRow is one question of a run.
type EvaluationRow struct {
	ID string `json:"id" doc:"Id of the question." example:"last-boat"`
	EvaluationScores
	Found         []EvaluationFound `json:"found,omitempty" doc:"The spans that were found, by rank."`
	Hits          int               `json:"hits" doc:"Hits of the question." example:"100"`
	ContextTokens int               `json:"context_tokens,omitempty" doc:"Tokens of its context." example:"1874"`
	Partial       bool              `json:"partial,omitempty" doc:"The answer was not complete."`
	TookNS        int64             `json:"took_ns" doc:"How long it took, in nanoseconds." example:"1830000"`
}

// EvaluationFound says where the first hit that answers a span stands.
type EvaluationFound struct {
	Span    int     `json:"span" doc:"Place of the span in the question, from 0." example:"0"`
	Rank    int     `json:"rank" doc:"Rank of the hit, from 1." example:"3"`
	Covered float64 `json:"covered" doc:"Share of the span that the hit holds." example:"1"`
	IoU     float64 `json:"iou" doc:"Bytes that are in both, over those that are in either." example:"0.12"`
}

// LeastTrainDepth is the fewest candidates that weights are trained on: those that the score looks at.
const LeastTrainDepth = 10

// TrainRanking says how the re-ranker features is trained.
type TrainRanking struct {
	Depth   *int `json:"depth,omitempty" doc:"Candidates of each question, and of queries with the weights; the default is 50, or what the collection's own features see." minimum:"10" maximum:"1000" example:"50"`
	Seed    int  `json:"seed,omitempty" doc:"Of folds and bootstrap." minimum:"0"`
	Drafted bool `json:"drafted,omitempty" doc:"Take a set also when most of its questions were drafted of the texts."`
	Apply   bool `json:"apply,omitempty" doc:"Give the collection the ranking, if it is better."`
}

// TrainedRanking is what a training found.
type TrainedRanking struct {
	Evaluation string             `json:"evaluation,omitempty" doc:"Name of the set; missing: the judgements." example:"support"`
	Questions  int                `json:"questions" doc:"Number of questions." example:"120"`
	Trained    int                `json:"trained" doc:"Those of which the candidates had something to tell apart." example:"104"`
	Pairs      int                `json:"pairs" doc:"Pairs of a better and a worse candidate." example:"5140"`
	Depth      int                `json:"depth" doc:"Candidates of each question." example:"50"`
	Seed       int                `json:"seed" doc:"Of folds and bootstrap."`
	Before     float64            `json:"before" doc:"Mean ndcg@10 of what queries take now." example:"0.68"`
	HeldOut    float64            `json:"held_out" doc:"Mean ndcg@10 of questions under weights that were trained without them." example:"0.71"`
	Gain       float64            `json:"gain" doc:"How much better that is." example:"0.03"`
	Interval   Interval           `json:"interval" doc:"Where the gain lies with 95 %."`
	Features   map[string]float64 `json:"features" doc:"Weights by feature, trained on all questions."`
	Ranking    *Ranking           `json:"ranking,omitempty" doc:"What is better for the collection; missing: keep what queries take now, for no gain was shown."`
	Applied    bool               `json:"applied" doc:"Whether the collection has it."`
}

// Interval is where a mean lies.
type Interval struct {
	Low  float64 `json:"low" doc:"Lower end." example:"0.01"`
	High float64 `json:"high" doc:"Upper end." example:"0.05"`
}
