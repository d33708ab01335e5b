package api_test

import (
	"context"
	"encoding/json"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/api/v1"
	"github.com/lodedb/lode/retrieval/evaluation"

	"github.com/lodedb/lode/api"
)

func (f *fake) PutEvaluation(_ context.Context, p lode.Principal, w lode.Write, collection, name string, set *evaluation.Set) (v1.EvaluationInfo, error) {
	f.note(w)
	if err := known(p, collection); err != nil {
		return v1.EvaluationInfo{}, err
	}
	f.write()
	if f.sets == nil {
		f.sets = map[string]*evaluation.Set{}
	}
	f.sets[name] = set
	return v1.EvaluationInfo{Name: name, Questions: len(set.Questions), Spans: set.SpanCount(), At: epoch}, nil
}

func (f *fake) Evaluation(_ context.Context, p lode.Principal, collection, name string) ([]byte, error) {
	if err := known(p, collection); err != nil {
		return nil, err
	}
	if f.sets[name] == nil {
		return nil, lode.NotFound("evaluation", name)
	}
	return f.sets[name].Encode()
}

func (f *fake) Evaluations(_ context.Context, p lode.Principal, collection string) (all []v1.EvaluationInfo, err error) {
	for name := range f.sets {
		all = append(all, v1.EvaluationInfo{Name: name, At: epoch})
	}
	return all, known(p, collection)
}

func (f *fake) DeleteEvaluation(ctx context.Context, p lode.Principal, w lode.Write, collection, name string) error {
	f.note(w)
	if _, err := f.Evaluation(ctx, p, collection, name); err != nil {
		return err
	}
	f.write()
	delete(f.sets, name)
	return nil
}

func (f *fake) RunEvaluation(ctx context.Context, p lode.Principal, name string, q lode.Query, said json.RawMessage) (*evaluation.Report, error) {
	if _, err := f.Evaluation(ctx, p, q.Collection, name); err != nil {
		return nil, err
	}
	f.evaluated = append(f.evaluated, q)
	return &evaluation.Report{Format: evaluation.ReportFormat, At: epoch, About: evaluation.About{Query: said}}, nil
}

func (f *fake) TrainRanking(ctx context.Context, p lode.Principal, collection, name string, o api.Training) (v1.TrainedRanking, error) {
	if err := known(p, collection); err != nil {
		return v1.TrainedRanking{}, err
	}
	if name != "" {
		if _, err := f.Evaluation(ctx, p, collection, name); err != nil {
			return v1.TrainedRanking{}, err
		}
	}
	f.trained = append(f.trained, o)
	return v1.TrainedRanking{Evaluation: name, Depth: o.Depth, Seed: o.Seed}, nil
}

func (f *fake) Judge(_ context.Context, p lode.Principal, w lode.Write, collection string, j api.Judgement) (v1.Judged, error) {
	f.note(w)
	if err := known(p, collection); err != nil {
		return v1.Judged{}, err
	}
	f.write()
	f.judged = append(f.judged, j)
	return v1.Judged{DocumentID: "d", Grade: j.Grade, At: epoch}, nil
}

func (f *fake) Feedback(_ context.Context, p lode.Principal, collection string) (*evaluation.Set, error) {
	return &evaluation.Set{}, known(p, collection)
}
