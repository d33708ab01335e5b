package retrieval

import (
	"fmt"

	"github.com/lodedb/lode"
)

// apply makes a change of a query. Fields are those that reasons name.
func apply(c *lode.Change, q *lode.Query) error {
	number, _ := c.Value.(int)
	switch c.Field {
	case "k":
		q.K = number
	case "depth":
		q.Depth = number
	case "ef":
		q.Ef = number
	case "budget_tokens":
		q.BudgetTokens = number
	case "exact":
		q.Exact, q.Ef = true, 0
	case "mode":
		q.Mode, _ = c.Value.(lode.Mode)
	case "collapse":
		q.Collapse = nil
	case "per_document":
		q.PerDocument = 0
	case "per_source":
		q.PerSource = 0
	case "diversity":
		q.Diversity = nil
	case "min_score":
		q.MinScores, _ = c.Value.(map[lode.Component]float64)
	case "filter":
		q.Filter, _ = c.Value.(lode.Filter)
	default:
		return fmt.Errorf("apply change: no rule for field %s", c.Field)
	}
	return nil
}
