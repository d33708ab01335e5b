package api_test

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/api"
	"github.com/lodedb/lode/api/v1"
)

// Restrictions implements api.Node.
func (f *fake) Restrictions() []api.Reason { return f.restrictions }

// Usage implements api.Node.
func (f *fake) Usage(_ context.Context, p lode.Principal) (api.Usage, error) {
	if !p.SeesAll() {
		return api.Usage{}, lode.Errorf(lode.CodeUnauthorized, "not yours")
	}
	return api.Usage{NodeID: "n1", Writes: v1.WriteState{Accepted: true, Reasons: []api.Reason{}}, Goroutines: 7}, nil
}

func TestNodeUsage(t *testing.T) {
	c, _ := serve(t, newFake())
	if u, err := c.NodeUsage(t.Context()); err != nil || u.NodeID != "n1" || !u.Writes.Accepted || u.Goroutines != 7 {
		t.Errorf("%+v, %v", u, err)
	}
	c, _ = serve(t, newFake(), func(o *api.Options) {
		o.Authenticate = func(*http.Request) (lode.Principal, error) { return lode.Principal{ID: "somebody"}, nil }
	})
	if _, err := c.NodeUsage(t.Context()); !lode.IsCode(err, lode.CodeUnauthorized) {
		t.Errorf("somebody: %v", err)
	}
}

// TestRestrictions: a node whose disk is full serves, and says what it does not do.
func TestRestrictions(t *testing.T) {
	f := newFake()
	f.restrictions = []api.Reason{{Name: "disk", Detail: "full"}}
	c, _ := serve(t, f)
	if r, err := c.Ready(t.Context()); err != nil || !r.Ready || len(r.Reasons) != 0 || len(r.Restrictions) != 1 || r.Restrictions[0].Name != "disk" {
		t.Errorf("%+v, %v", r, err)
	}
}

// TestInsufficientStorage: every document is refused for the same reason, so the request is.
func TestInsufficientStorage(t *testing.T) {
	f := newFake()
	f.submitErr = lode.Errorf(lode.CodeNoStorage, "the disk is full").WithHint("free some")
	_, server := serve(t, f)
	body := strings.NewReader(`{"documents":[{"id":"a","content":"x"},{"id":"b","content":"y"}]}`)
	resp, err := server.Client().Post(server.URL+v1.Path(v1.PathDocuments, "docs"), v1.MediaTypeJSON, body)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var problem v1.Problem
	if err := json.NewDecoder(resp.Body).Decode(&problem); err != nil {
		t.Fatal(err)
	}
	if resp.StatusCode != http.StatusInsufficientStorage || problem.Code != lode.CodeNoStorage || problem.Detail != "the disk is full" || problem.Hint != "free some" {
		t.Errorf("%d %+v", resp.StatusCode, problem)
	}
}
