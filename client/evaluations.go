package client

import (
	"context"
	"net/http"

	"github.com/lodedb/lode/api/v1"
)

// PutEvaluation keeps an evaluation set, as JSON Lines, in the place of one of the same name.
func (c *Client) PutEvaluation(ctx context.Context, collection, name string, lines []byte) (*v1.EvaluationInfo, error) {
	k := call{method: http.MethodPut, path: v1.Path(v1.PathEvaluation, collection, name), writes: true}
	k.carry(v1.MediaTypeLines, lines)
	return exchange[v1.EvaluationInfo](ctx, c, k)
}

// GetEvaluation returns the lines of an evaluation set.
func (c *Client) GetEvaluation(ctx context.Context, collection, name string) ([]byte, error) {
	return c.lines(ctx, v1.Path(v1.PathEvaluation, collection, name))
}

// ListEvaluations lists the evaluation sets of a collection, by name.
func (c *Client) ListEvaluations(ctx context.Context, collection string) ([]v1.EvaluationInfo, error) {
	list, err := get[v1.EvaluationList](ctx, c, call{path: v1.Path(v1.PathEvaluations, collection)})
	if err != nil {
		return nil, err
	}
	return list.Evaluations, nil
}

// DeleteEvaluation deletes an evaluation set.
func (c *Client) DeleteEvaluation(ctx context.Context, collection, name string) error {
	return c.remove(ctx, v1.Path(v1.PathEvaluation, collection, name), 0)
}

// RunEvaluation has the node ask every question of a set that the collection keeps, with the members of
// req that are not text or vector. It takes as long as the questions do.
func (c *Client) RunEvaluation(ctx context.Context, collection, name string, req v1.Retrieve) (*v1.EvaluationReport, error) {
	k := call{method: http.MethodPost, path: v1.Path(v1.PathEvaluationRun, collection, name), repeatable: true}
	return send[v1.EvaluationReport](ctx, c, k, req)
}

// TrainEvaluation has the node train the re-ranker features on a set that the collection keeps, and with
// req.Apply give it to the collection if it is better. It is not sent again after a connection broke.
func (c *Client) TrainEvaluation(ctx context.Context, collection, name string, req v1.TrainRanking) (*v1.TrainedRanking, error) {
	return send[v1.TrainedRanking](ctx, c, call{method: http.MethodPost, path: v1.Path(v1.PathEvaluationTrain, collection, name)}, req)
}

// TrainFeedback is TrainEvaluation with the judgements that the collection keeps.
func (c *Client) TrainFeedback(ctx context.Context, collection string, req v1.TrainRanking) (*v1.TrainedRanking, error) {
	return send[v1.TrainedRanking](ctx, c, call{method: http.MethodPost, path: v1.Path(v1.PathFeedbackTrain, collection)}, req)
}

// SendFeedback judges what a question found.
func (c *Client) SendFeedback(ctx context.Context, collection string, req v1.Feedback) (*v1.Judged, error) {
	return send[v1.Judged](ctx, c, call{method: http.MethodPost, path: v1.Path(v1.PathFeedback, collection), writes: true}, req)
}

// GetFeedback returns the judgements that a collection keeps as an evaluation set, in JSON Lines.
func (c *Client) GetFeedback(ctx context.Context, collection string) ([]byte, error) {
	return c.lines(ctx, v1.Path(v1.PathFeedback, collection))
}

// lines reads an answer that is not one JSON value.
func (c *Client) lines(ctx context.Context, path string) ([]byte, error) {
	var out []byte
	err := c.do(ctx, call{method: http.MethodGet, path: path, repeatable: true}, func(_ *http.Response, body []byte) error {
		out = body
		return nil
	})
	return out, err
}
