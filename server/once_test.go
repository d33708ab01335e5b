package server_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/api/v1"
	"github.com/lodedb/lode/client"
	"github.com/lodedb/lode/server"
)

// once sends requests as any HTTP client does, and returns status and body.
func once(t *testing.T, url, method, path, body string, keys ...string) (int, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, url+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	for _, key := range keys {
		r.Header.Add(v1.HeaderKey, key)
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(answer)
}

// TestOnceOverHTTP: every write of the API, repeated under its key, is answered with the same
// bytes and changes nothing, also after a restart and after what it made is gone.
func TestOnceOverHTTP(t *testing.T) {
	dir := t.TempDir()
	node, _ := open(t, server.Config{DataDir: dir})
	const docs, vectors = "/v1/collections/docs/documents", "/v1/collections/raw/vectors"
	requests := []struct{ method, path, body string }{
		{"POST", "/v1/collections", `{"name":"docs"}`},
		{"POST", "/v1/collections", `{"name":"raw","embedder":{"provider":"none","dim":2}}`},
		{"POST", "/v1/collections", `{"name":"raw","embedder":{"provider":"none","dim":3}}`}, // 409
		{"POST", docs, `{"documents":[{"id":"a","content":"The heron sails."},{"id":"b","content":"The osprey sails."}]}`},
		{"POST", docs, `{"documents":[{"id":"a","content":"The heron lands.","if_version":1}]}`},
		{"POST", docs, `{"documents":[{"id":"a","content":"The heron sinks.","if_version":1}]}`}, // 412
		{"POST", docs + "?wait=false", `{"documents":[{"id":"pending","content":"The tern sails."}]}`},
		{"POST", docs + "/a/retry", ""}, // 409
		{"DELETE", docs + "/b?if_version=7", ""},
		{"DELETE", docs + "/b?if_version=1", ""},
		{"POST", docs + "/delete", `{"ids":["a","nobody"]}`}, // 207
		{"PUT", vectors, `{"points":[{"id":"p","vector":[1,2]},{"id":"q","vector":[1,2],"if_version":4}]}`},
		{"POST", vectors + "/delete", `{"ids":["p","q"]}`},
		{"DELETE", vectors + "/p", ""}, // 404
		{"DELETE", "/v1/collections/raw", ""},
	}
	wantStatus := []int{201, 201, 409, 200, 200, 412, 202, 409, 412, 204, 207, 207, 207, 404, 204}
	answers := make([]string, len(requests))
	// A request id is made for each request, and what was searchable may be gone by now.
	same := func(answer string) string {
		if at := strings.Index(answer, `"request_id"`); at >= 0 {
			return answer[:at]
		}
		for _, part := range []string{`,"state":"ready"`, `,"chunks":1`} {
			answer = strings.ReplaceAll(answer, part, "")
		}
		return answer
	}
	for i, r := range requests {
		status, answer := once(t, node.URL(), r.method, r.path, r.body, fmt.Sprint("key-", i))
		if status != wantStatus[i] {
			t.Errorf("%s %s: %d %s, want %d", r.method, r.path, status, answer, wantStatus[i])
		}
		answers[i] = answer
	}
	settle(t, connect(t, node.URL()))
	before, err := node.StateHash()
	if err != nil {
		t.Fatal(err)
	}
	again := func(node *server.Server) {
		t.Helper()
		for i, r := range requests {
			status, answer := once(t, node.URL(), r.method, r.path, r.body, fmt.Sprint("key-", i))
			if status != wantStatus[i] || same(answer) != same(answers[i]) {
				t.Errorf("%s %s again: %d %s\nthe first time %d %s", r.method, r.path, status, answer, wantStatus[i], answers[i])
			}
		}
		if after, err := node.StateHash(); err != nil || after != before {
			t.Errorf("repeated requests changed something (%v)", err)
		}
	}
	again(node)
	status, answer := once(t, node.URL(), "POST", "/v1/collections", `{"name":"other"}`, "key-0")
	if status != 409 || !strings.Contains(answer, `"field":"idempotency_key"`) || !strings.Contains(answer, `"value":"key-0"`) {
		t.Errorf("the key of another request: %d %s", status, answer)
	}
	status, answer = once(t, node.URL(), "POST", docs, `{"documents":[{"id":"z","content":"The gull sails."}]}`, "key-3")
	if status != 409 || !strings.Contains(answer, `"field":"idempotency_key"`) || !strings.Contains(answer, `"value":"key-3"`) {
		t.Errorf("the key of another upload: %d %s", status, answer)
	}
	if err := node.Close(); err != nil {
		t.Fatal(err)
	}
	reopened, _ := open(t, server.Config{DataDir: dir})
	again(reopened)
}

// TestOperationsOverHTTP follows an upload that is not awaited, and finds one by its key whose
// client gave up waiting.
func TestOperationsOverHTTP(t *testing.T) {
	dir := t.TempDir()
	node, c := open(t, server.Config{DataDir: dir})
	mustCreate(t, c, "docs")
	files := []client.File{client.FileBytes("good.txt", []byte("The kingfisher nests.")), client.FileBytes("bad.pdf", []byte("%PDF-1.4 no pdf"))}
	results, err := c.UploadDocuments(t.Context(), "docs", files, client.UploadOptions{NoWait: true})
	if err != nil || results.Operation == "" {
		t.Fatal(results, err)
	}
	check := func(c *client.Client) {
		t.Helper()
		op, err := c.AwaitOperation(t.Context(), results.Operation)
		if err != nil || op.State != v1.OperationFailed || op.Kind != "upload" || op.Collection != "docs" || op.FinishedAt == nil || op.FinishedAt.Before(op.AcceptedAt) || len(op.Items) != 2 {
			t.Fatalf("%+v, %v", op, err)
		}
		if it := op.Items[0]; it.State != v1.OperationDone || it.ID != "good.txt" || it.Chunks != 1 || it.Error != nil {
			t.Errorf("%+v", it)
		}
		if it := op.Items[1]; it.State != v1.OperationFailed || it.ID != "bad.pdf" || it.Error == nil || it.Error.Stage != lode.StageParse {
			t.Errorf("%+v", it)
		}
	}
	check(c)
	if err := node.Close(); err != nil {
		t.Fatal(err)
	}
	_, c = open(t, server.Config{DataDir: dir})
	check(c)
	gone, leave := context.WithTimeout(client.WithKey(t.Context(), "left-early"), 30*time.Millisecond)
	defer leave()
	large := client.FileBytes("large.txt", []byte(strings.Repeat("Tides turn twice a day. ", 1<<16)))
	if _, err := c.UploadDocuments(gone, "docs", []client.File{large}, client.UploadOptions{}); err == nil {
		t.Log("the upload was faster than its client")
	}
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		op, err := c.FindOperation(t.Context(), "left-early")
		if err == nil && op.State == v1.OperationDone && op.Items[0].ID == "large.txt" {
			break
		}
		if lode.IsCode(err, lode.CodeNotFound) { // it was cut off before it was recorded: its client may send it again
			_, err = c.UploadDocuments(client.WithKey(t.Context(), "left-early"), "docs", []client.File{large}, client.UploadOptions{})
		}
		if err != nil || time.Now().After(deadline) {
			t.Fatalf("%+v, %v", op, err)
		}
	}
	op, err := c.RetryDocument(t.Context(), "docs", "bad.pdf")
	if err != nil || op.Operation == "" {
		t.Fatal(op, err)
	}
	if done, err := c.AwaitOperation(t.Context(), op.Operation); err != nil || done.Kind != "retry" || done.Items[0].ID != "bad.pdf" || done.State != v1.OperationFailed {
		t.Errorf("%+v, %v", done, err)
	}
}

// TestKillOnce kills a node while clients write under keys, and has them repeat on the next
// node whatever was not answered. Every write is counted by what it leaves: its own version of
// one vector, on the condition that the version before it is there. A write that took effect
// twice, or was answered and lost, breaks the chain.
func TestKillOnce(t *testing.T) {
	rounds := 4
	if os.Getenv("LODE_LONG") != "" {
		rounds = 30
	}
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 3))
	dir := t.TempDir()
	chains := make([]chain, 4)
	for i := range chains {
		chains[i].id = lode.DocID(fmt.Sprint("chain", i))
	}
	for round := range rounds {
		node := startProcess(t, dir)
		if round == 0 {
			_, err := connect(t, node.url).CreateCollection(t.Context(), v1.CreateCollection{Name: "raw", Metric: lode.Dot, Embedder: &v1.Embedder{Provider: lode.ProviderNone, Dim: 2}})
			if err != nil {
				t.Fatal(err)
			}
		}
		ctx, stop := context.WithCancel(t.Context())
		var writers sync.WaitGroup
		for i := range chains {
			writers.Go(func() {
				if err := chains[i].write(ctx, node.url); err != nil {
					t.Errorf("round %d: %v", round, err)
				}
			})
		}
		time.Sleep(time.Duration(50+random.IntN(400)) * time.Millisecond)
		if round == rounds-1 {
			time.Sleep(200 * time.Millisecond)
			stop()
			writers.Wait()
			for i := range chains {
				chains[i].verify(t, node.url)
			}
			checkWhole(t, connect(t, node.url))
		}
		node.kill()
		stop()
		writers.Wait()
	}
}

// chain is a vector whose n-th version holds n, and the client that writes it.
type chain struct {
	id       lode.DocID
	version  lode.Version // of the last write that was answered
	repeated int          // writes whose first answer was lost
	pending  bool         // the next one was sent before and not answered
}

// write goes on until the node is gone.
func (c *chain) write(ctx context.Context, url string) error {
	node, err := client.New(client.Options{BaseURL: url, Retries: -1})
	if err != nil {
		return err
	}
	for ctx.Err() == nil {
		next := c.version + 1
		if c.pending {
			c.repeated++
		}
		c.pending = true
		sent := v1.Point{ID: c.id, Vector: lode.Vector{1, float32(next)}, IfVersion: &c.version}
		results, err := node.PutVectors(client.WithKey(ctx, fmt.Sprint(c.id, "-", next)), "raw", sent)
		switch {
		case err == nil && results.Items[0].Version != next:
			return fmt.Errorf("%s: write %d was answered with version %d", c.id, next, results.Items[0].Version)
		case err == nil:
			c.version, c.pending = next, false
		case lode.IsCode(err, lode.CodePrecondition) || lode.IsCode(err, lode.CodeConflict) || lode.IsCode(err, lode.CodeInvalid):
			return fmt.Errorf("%s: write %d: %w", c.id, next, err)
		default:
			return nil // the node is gone, or going
		}
	}
	return nil
}

func (c *chain) verify(t *testing.T, url string) {
	t.Helper()
	point, err := connect(t, url).GetVector(t.Context(), "raw", c.id)
	if err != nil {
		t.Error(err)
		return
	}
	last := lode.Version(point.Vector[1])
	if point.Version != last || last != c.version && !(c.pending && last == c.version+1) {
		t.Errorf("%s: version %d holds write %d; %d was answered last", c.id, point.Version, last, c.version)
	}
	t.Logf("%s: %d writes, %d of them repeated", c.id, c.version, c.repeated)
	if c.version == 0 {
		t.Error(errors.New("nothing was written: the run proves nothing"))
	}
}
