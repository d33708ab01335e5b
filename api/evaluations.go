package api

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"time"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/api/v1"
	"github.com/lodedb/lode/retrieval/evaluation"
)

// Evaluations keeps evaluation sets and judgements of collections, and runs sets. All but Judge are for
// principals that may see everything: sets and judgements say what documents answer, and what others
// asked.
type Evaluations interface {
	// PutEvaluation keeps a valid set, in the place of one of the same name.
	PutEvaluation(ctx context.Context, p lode.Principal, w lode.Write, collection, name string, set *evaluation.Set) (v1.EvaluationInfo, error)
	// Evaluation returns the lines of a set.
	Evaluation(ctx context.Context, p lode.Principal, collection, name string) ([]byte, error)
	Evaluations(ctx context.Context, p lode.Principal, collection string) ([]v1.EvaluationInfo, error)
	DeleteEvaluation(ctx context.Context, p lode.Principal, w lode.Write, collection, name string) error
	// RunEvaluation asks every question of a set as q says, and reports; said is q as the caller
	// wrote it. While another run is under way it is [lode.CodeOverloaded].
	RunEvaluation(ctx context.Context, p lode.Principal, name string, q lode.Query, said json.RawMessage) (*evaluation.Report, error)
	// TrainRanking trains the re-ranker features on a set, or on the judgements that are kept where name
	// is empty. Runs and trainings exclude each other.
	TrainRanking(ctx context.Context, p lode.Principal, collection, name string, o Training) (v1.TrainedRanking, error)
	// Judge keeps a judgement of what the principal may see.
	Judge(ctx context.Context, p lode.Principal, w lode.Write, collection string, j Judgement) (v1.Judged, error)
	// Feedback returns the judgements that are kept as a set, which may be empty.
	Feedback(ctx context.Context, p lode.Principal, collection string) (*evaluation.Set, error)
}

// Training says how the re-ranker features is trained.
type Training struct {
	Depth   int // candidates of each question; 0: those that queries re-rank
	Seed    int
	Drafted bool // also on sets of which most was drafted
	Apply   bool // give the collection the ranking if it is better
}

// Judgement is of a chunk, or of a citation.
type Judgement struct {
	Query  string
	Chunk  lode.ChunkID // where Cited is nil
	Cited  *v1.Cited
	Grade  int
	Answer string
}

// evaluationTimeout bounds a run.
const evaluationTimeout = 10 * time.Minute

const (
	setAbout   = "One question a line, as JSON. Spans name documents by the hash of their bytes, by id or by URI, and bytes of the canonical text: a set survives another chunker. For callers who may see everything."
	trainAbout = "Asks every question as queries are asked that say nothing of ranking, trains weights of the re-ranker features on the candidates, and measures on held-out questions what they change of ndcg@10 (5 folds). " +
		"With apply the collection gets them if the whole 95 % interval of the gain is above 0; else what queries take now stays. One run or training at a time: a second is answered with 429."
	runAbout = "Asks every question as a retrieve request would, with the members that the body has, and scores hits and contexts. k is 100 where the body has none. One run at a time: a second is answered with 429."
)

func (s *service) evaluationRoutes() []route {
	found := []lode.Code{lode.CodeNotFound}
	lines := reply{status: http.StatusOK, mediaType: v1.MediaTypeLines, about: "One question a line."}
	return []route{
		{method: http.MethodGet, path: v1.PathEvaluations, id: "listEvaluations", tag: "evaluation",
			summary: "List the evaluation sets of a collection", handle: s.listEvaluations, query: readParams,
			replies: []reply{{status: http.StatusOK, body: v1.EvaluationList{}, about: "The sets, by name."}}, codes: found},
		{method: http.MethodPut, path: v1.PathEvaluation, id: "putEvaluation", tag: "evaluation",
			summary: "Keep an evaluation set", about: setAbout, handle: s.putEvaluation, writes: "putEvaluation", request: v1.EvaluationQuestion{}, lines: true, bulk: true,
			replies: []reply{{status: http.StatusOK, body: v1.EvaluationInfo{}, about: "The set, in the place of one of the same name."}},
			codes:   []lode.Code{lode.CodeNotFound, lode.CodeNoStorage}},
		{method: http.MethodGet, path: v1.PathEvaluation, id: "getEvaluation", tag: "evaluation",
			summary: "Read an evaluation set", handle: s.getEvaluation, query: readParams, replies: []reply{lines}, codes: found},
		{method: http.MethodDelete, path: v1.PathEvaluation, id: "deleteEvaluation", tag: "evaluation",
			summary: "Delete an evaluation set", handle: s.deleteEvaluation, writes: "deleteEvaluation",
			replies: []reply{{status: http.StatusNoContent, about: "Deleted."}}, codes: found},
		{method: http.MethodPost, path: v1.PathEvaluationRun, id: "runEvaluation", tag: "evaluation", timeout: evaluationTimeout,
			summary: "Run an evaluation set", about: runAbout, handle: s.runEvaluation, query: readParams, request: v1.Retrieve{},
			replies: []reply{{status: http.StatusOK, body: v1.EvaluationReport{}, about: "The scores of every question, and what they are about."}},
			codes:   []lode.Code{lode.CodeNotFound, lode.CodeConflict, lode.CodeProvider}},
		{method: http.MethodPost, path: v1.PathEvaluationTrain, id: "trainEvaluation", tag: "evaluation", timeout: evaluationTimeout,
			summary: "Train the re-ranker features on an evaluation set", about: trainAbout, handle: s.trainEvaluation, query: readParams, request: v1.TrainRanking{},
			replies: []reply{{status: http.StatusOK, body: v1.TrainedRanking{}, about: "What was found, and whether the collection has it."}},
			codes:   []lode.Code{lode.CodeNotFound, lode.CodeConflict, lode.CodePrecondition, lode.CodeProvider, lode.CodeNoStorage}},
		{method: http.MethodPost, path: v1.PathFeedbackTrain, id: "trainFeedback", tag: "evaluation", timeout: evaluationTimeout,
			summary: "Train the re-ranker features on judgements", about: "As on a set, with the judgements that the collection keeps. " + trainAbout, handle: s.trainFeedback, query: readParams, request: v1.TrainRanking{},
			replies: []reply{{status: http.StatusOK, body: v1.TrainedRanking{}, about: "What was found, and whether the collection has it."}},
			codes:   []lode.Code{lode.CodeNotFound, lode.CodeConflict, lode.CodePrecondition, lode.CodeProvider, lode.CodeNoStorage}},
		{method: http.MethodPost, path: v1.PathFeedback, id: "sendFeedback", tag: "evaluation",
			summary: "Judge what a question found", about: "Settled at once to a span of the document, so that the judgement outlives the chunk. It goes with the document, and the oldest go when a collection has very many. One may judge what one may see.",
			handle: s.sendFeedback, writes: "sendFeedback", request: v1.Feedback{},
			replies: []reply{{status: http.StatusCreated, body: v1.Judged{}, about: "The judgement as it is kept."}},
			codes:   []lode.Code{lode.CodeNotFound, lode.CodePrecondition, lode.CodeNoStorage}},
		{method: http.MethodGet, path: v1.PathFeedback, id: "getFeedback", tag: "evaluation",
			summary: "Read judgements as an evaluation set", about: "Those of the same query are one question; of those of the same span the latest counts. Queries of which nothing was useful are left out. For callers who may see everything.",
			handle: s.getFeedback, query: readParams, replies: []reply{lines}, codes: found},
	}
}

func pathEvaluation(r *http.Request) (collection, name string, err error) {
	if collection, err = pathCollection(r); err != nil {
		return "", "", err
	}
	if name, err = pathValue(r, "evaluation"); err != nil {
		return "", "", err
	}
	if lode.ValidateCollectionName(name) != nil {
		return "", "", lode.Invalid("evaluation", name, "a set is called by 1 to 64 characters of a-z, 0-9, _ and -")
	}
	return collection, name, nil
}

func (s *service) listEvaluations(w http.ResponseWriter, r *http.Request, p lode.Principal) error {
	collection, err := pathCollection(r)
	if err != nil {
		return err
	}
	if err := s.barrier(r); err != nil {
		return err
	}
	all, err := s.Backend.Evaluations.Evaluations(r.Context(), p, collection)
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, v1.EvaluationList{Evaluations: append([]v1.EvaluationInfo{}, all...)})
}

func (s *service) putEvaluation(w http.ResponseWriter, r *http.Request, p lode.Principal) error {
	collection, name, err := pathEvaluation(r)
	if err != nil {
		return err
	}
	if _, err := contentType(r, v1.MediaTypeLines); err != nil {
		return err
	}
	body, err := readAll(r.Body, r.ContentLength)
	if err != nil {
		return err
	}
	set, err := evaluation.Read(bytes.NewReader(body))
	if err != nil {
		return err
	}
	info, err := s.Backend.Evaluations.PutEvaluation(r.Context(), p, writeOf(r), collection, name, set)
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, info)
}

func (s *service) getEvaluation(w http.ResponseWriter, r *http.Request, p lode.Principal) error {
	collection, name, err := pathEvaluation(r)
	if err != nil {
		return err
	}
	if err := s.barrier(r); err != nil {
		return err
	}
	lines, err := s.Backend.Evaluations.Evaluation(r.Context(), p, collection, name)
	if err != nil {
		return err
	}
	writeBytes(w, http.StatusOK, v1.MediaTypeLines, lines)
	return nil
}

func (s *service) deleteEvaluation(w http.ResponseWriter, r *http.Request, p lode.Principal) error {
	collection, name, err := pathEvaluation(r)
	if err != nil {
		return err
	}
	if err := s.Backend.Evaluations.DeleteEvaluation(r.Context(), p, writeOf(r), collection, name); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

func (s *service) runEvaluation(w http.ResponseWriter, r *http.Request, p lode.Principal) error {
	collection, name, err := pathEvaluation(r)
	if err != nil {
		return err
	}
	var req v1.Retrieve
	if err := readJSON(r, &req); err != nil {
		return err
	}
	q, err := runQuery(collection, req)
	if err != nil {
		return err
	}
	if err := s.barrier(r); err != nil {
		return err
	}
	req.K, req.Depth = &q.K, &q.Depth
	said, err := json.Marshal(req)
	if err != nil {
		return err
	}
	report, err := s.Backend.Evaluations.RunEvaluation(r.Context(), p, name, q, said)
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, report)
}

// runQuery is what every question of a run says beside its text.
func runQuery(collection string, req v1.Retrieve) (lode.Query, error) {
	if req.Text != "" || len(req.Vector) > 0 {
		return lode.Query{}, lode.Invalid("text", "", "text and vector come from the set")
	}
	if req.K == nil {
		k := evaluation.FullDepth
		req.K = &k
	}
	if len(req.Collections) > 0 {
		return lode.Query{}, lode.Invalid("collections", req.Collections, "a set is of one collection")
	}
	if req.Depth == nil { // as deep as a user's question of the usual k, however many hits are looked at
		depth := max(*req.K, evaluation.FullDepth)
		req.Depth = &depth
	}
	req.Text = "any" // so that the rest is checked as for a question
	q, err := queryFrom(collection, &req)
	q.Text = ""
	return q, err
}

func (s *service) trainEvaluation(w http.ResponseWriter, r *http.Request, p lode.Principal) error {
	collection, name, err := pathEvaluation(r)
	if err != nil {
		return err
	}
	return s.train(w, r, p, collection, name)
}

func (s *service) trainFeedback(w http.ResponseWriter, r *http.Request, p lode.Principal) error {
	collection, err := pathCollection(r)
	if err != nil {
		return err
	}
	return s.train(w, r, p, collection, "")
}

// train trains on a set, or on judgements where none is named.
func (s *service) train(w http.ResponseWriter, r *http.Request, p lode.Principal, collection, name string) error {
	var req v1.TrainRanking
	if err := readJSON(r, &req); err != nil {
		return err
	}
	if req.Seed < 0 {
		return lode.Invalid("seed", req.Seed, "seed must not be negative")
	}
	o := Training{Seed: req.Seed, Drafted: req.Drafted, Apply: req.Apply}
	if req.Depth != nil {
		if o.Depth = *req.Depth; o.Depth < v1.LeastTrainDepth || o.Depth > lode.MaxRerankDepth {
			return lode.Invalid("depth", o.Depth, "depth must be %d to %d", v1.LeastTrainDepth, lode.MaxRerankDepth)
		}
	}
	if err := s.barrier(r); err != nil {
		return err
	}
	trained, err := s.Backend.Evaluations.TrainRanking(r.Context(), p, collection, name, o)
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, trained)
}

func (s *service) sendFeedback(w http.ResponseWriter, r *http.Request, p lode.Principal) error {
	collection, err := pathCollection(r)
	if err != nil {
		return err
	}
	var req v1.Feedback
	if err := readJSON(r, &req); err != nil {
		return err
	}
	j, err := judgementFrom(req)
	if err != nil {
		return err
	}
	judged, err := s.Backend.Evaluations.Judge(r.Context(), p, writeOf(r), collection, j)
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusCreated, judged)
}

func judgementFrom(req v1.Feedback) (Judgement, error) {
	j := Judgement{Query: req.Query, Cited: req.Citation, Answer: req.Answer}
	if (req.ChunkID == nil) == (req.Citation == nil) {
		return j, lode.Invalid("chunk_id", "", "a judgement is of a chunk or of a citation: one of the two")
	}
	if (req.Useful == nil) == (req.Grade == nil) {
		return j, lode.Invalid("useful", "", "a judgement says useful or a grade: one of the two")
	}
	if req.ChunkID != nil {
		j.Chunk = *req.ChunkID
	}
	if c := req.Citation; c != nil {
		if err := c.DocumentID.Validate(); err != nil {
			return j, codedError(err).In("citation")
		}
	}
	switch {
	case req.Grade != nil:
		j.Grade = *req.Grade
	case *req.Useful:
		j.Grade = 1
	}
	return j, nil
}

func (s *service) getFeedback(w http.ResponseWriter, r *http.Request, p lode.Principal) error {
	collection, err := pathCollection(r)
	if err != nil {
		return err
	}
	if err := s.barrier(r); err != nil {
		return err
	}
	set, err := s.Backend.Evaluations.Feedback(r.Context(), p, collection)
	if err != nil {
		return err
	}
	lines, err := set.Encode()
	if err != nil {
		return err
	}
	writeBytes(w, http.StatusOK, v1.MediaTypeLines, lines)
	return nil
}
