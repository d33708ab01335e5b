package api

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/go-chi/chi/v5"
)

// TestEveryRouteHasAnOperation compares the router with the OpenAPI document, both ways.
func TestEveryRouteHasAnOperation(t *testing.T) {
	s := &service{}
	s.EnsureDefaults()
	routes := s.routes()
	raw, err := marshalOpenAPI(routes)
	if err != nil {
		t.Fatal(err)
	}
	var doc struct {
		Paths map[string]map[string]struct {
			OperationID string
			Summary     string
			Parameters  []struct{ Name, In, Description string }
			Responses   map[string]struct{ Description string }
		}
	}
	if err := json.Unmarshal(raw, &doc); err != nil {
		t.Fatal(err)
	}
	ids := map[string]bool{}
	mounted := 0
	err = chi.Walk(s.router(routes).(chi.Routes), func(method, path string, _ http.Handler, _ ...func(http.Handler) http.Handler) error {
		if method == http.MethodHead {
			return nil
		}
		mounted++
		op, ok := doc.Paths[path][strings.ToLower(method)]
		if !ok {
			t.Errorf("%s %s has no operation", method, path)
		}
		if op.OperationID == "" || ids[op.OperationID] || op.Summary == "" {
			t.Errorf("%s %s: id %q, summary %q", method, path, op.OperationID, op.Summary)
		}
		ids[op.OperationID] = true
		if got := strings.Count(path, "{"); got != countIn(op.Parameters, "path") {
			t.Errorf("%s %s: %d path parameters are described", method, path, got)
		}
		for _, p := range op.Parameters {
			if p.Description == "" {
				t.Errorf("%s %s: parameter %s has no description", method, path, p.Name)
			}
		}
		for status, r := range op.Responses {
			if r.Description == "" {
				t.Errorf("%s %s: answer %s has no description", method, path, status)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	described := 0
	for _, item := range doc.Paths {
		described += len(item)
	}
	if mounted != len(routes) || described != len(routes) || len(routes) < 25 {
		t.Errorf("%d routes in the table, %d mounted, %d described", len(routes), mounted, described)
	}
}

func countIn(params []struct{ Name, In, Description string }, in string) int {
	n := 0
	for _, p := range params {
		if p.In == in {
			n++
		}
	}
	return n
}
