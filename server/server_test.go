package server_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"go.uber.org/goleak"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/api/v1"
	"github.com/lodedb/lode/client"
	"github.com/lodedb/lode/server"
)

// nodeEnv makes the test binary run a node on the folder it names, for tests that kill it.
// memoryEnv is its limit of memory in bytes.
const (
	nodeEnv   = "LODE_TEST_NODE"
	memoryEnv = "LODE_TEST_MEMORY"
)

func TestMain(m *testing.M) {
	if done, err := server.RunWorker(); done {
		if err != nil {
			os.Exit(1)
		}
		return
	}
	if dir := os.Getenv(nodeEnv); dir != "" {
		os.Exit(runNode(dir))
	}
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("net/http.(*persistConn).readLoop"), goleak.IgnoreAnyFunction("net/http.(*persistConn).writeLoop"))
}

// runNode serves until it is told to stop, as cmd/lode does.
func runNode(dir string) int {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	log := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
	cfg := server.Config{DataDir: dir, Listen: "127.0.0.1:0", Logger: log}
	if limit, err := strconv.ParseInt(os.Getenv(memoryEnv), 10, 64); err == nil {
		cfg.MemoryBytes, cfg.MaxBodyBytes = limit, 32<<20
	}
	server.LimitMemory(&cfg)
	node, err := server.Open(ctx, cfg)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	fmt.Println(node.URL())
	<-ctx.Done()
	if err := node.Close(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

// open starts a node in this process; the cleanup checks everything stored and closes it.
func open(t testing.TB, cfg server.Config) (*server.Server, *client.Client) {
	t.Helper()
	if cfg.DataDir == "" {
		cfg.DataDir = t.TempDir()
	}
	cfg.Listen = "127.0.0.1:0"
	node, err := server.Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	c := connect(t, node.URL())
	t.Cleanup(func() {
		if err := node.Close(); err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(func() {
		if c.Health(context.Background()) == nil { // a test may have closed it
			checkWhole(t, c)
		}
	})
	return node, c
}

func connect(t testing.TB, url string) *client.Client {
	t.Helper()
	c, err := client.New(client.Options{BaseURL: url})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func checkWhole(t testing.TB, c *client.Client) {
	t.Helper()
	report, err := c.Check(context.Background())
	if err != nil {
		t.Error("check:", err)
		return
	}
	for _, b := range report.Breaches {
		t.Errorf("breach: %s: %s", b.Where, b.What)
	}
}

func mustCreate(t testing.TB, c *client.Client, name string) {
	t.Helper()
	if _, err := c.CreateCollection(t.Context(), v1.CreateCollection{Name: name}); err != nil {
		t.Fatal(err)
	}
}

// upload sends documents by id and content and fails the test when one is not ready.
func upload(t testing.TB, c *client.Client, collection string, docs map[string]string) map[lode.DocID]v1.DocumentResult {
	t.Helper()
	var files []client.File
	for id, content := range docs {
		f := client.FileBytes(lode.DocID(id), []byte(content))
		f.Name = filepath.Base(id)
		files = append(files, f)
	}
	results, err := c.UploadDocuments(t.Context(), collection, files, client.UploadOptions{})
	if err != nil {
		t.Fatal(err)
	}
	byID := map[lode.DocID]v1.DocumentResult{}
	for _, item := range results.Items {
		if item.Error != nil || item.State != lode.StateReady {
			t.Fatalf("%s: %+v %+v", item.ID, item, item.Error)
		}
		byID[item.ID] = item
	}
	return byID
}

func retrieve(t testing.TB, c *client.Client, collection, text string, change ...func(*v1.Retrieve)) *v1.Retrieved {
	t.Helper()
	k := 5
	request := v1.Retrieve{Text: text, K: &k}
	for _, f := range change {
		f(&request)
	}
	answer, err := c.Retrieve(t.Context(), collection, request)
	if err != nil {
		t.Fatal(err)
	}
	return answer
}

// TestSamples sends the sample documents of every format, asks about each, and follows
// every citation back to its bytes, before and after a restart.
func TestSamples(t *testing.T) {
	dir := t.TempDir()
	node, c := open(t, server.Config{DataDir: dir})
	mustCreate(t, c, "ferries")
	upload(t, c, "ferries", samples(t))
	questions := map[string]string{
		"when do sailings stop because of wind?":        "crew-handbook.md",
		"reservation for a bicycle in July":             "passenger-help.html",
		"how deep is the channel at Teasdale?":          "harbour-meeting.txt",
		"which extinguisher for a lithium battery fire": "safety-bulletin.pdf",
	}
	ask := func(c *client.Client) {
		t.Helper()
		for question, want := range questions {
			answer := retrieve(t, c, "ferries", question)
			if len(answer.Hits) == 0 || answer.Hits[0].DocumentID != lode.DocID(want) {
				t.Errorf("%q: want %s first, got %+v", question, want, answer.Hits)
			}
			if answer.Context.Tokens > answer.Context.BudgetTokens || len(answer.Context.Citations) == 0 {
				t.Errorf("%q: context of %d tokens, %d citations", question, answer.Context.Tokens, len(answer.Context.Citations))
			}
			for _, hit := range answer.Hits {
				verify(t, c, "ferries", hit.ChunkID)
			}
		}
	}
	ask(c)
	menu := retrieve(t, c, "ferries", "jobs on board imprint privacy")
	for _, hit := range menu.Hits {
		if strings.Contains(hit.Text, "Imprint") || strings.Contains(hit.Text, "Jobs on board") {
			t.Errorf("a menu became text: %q", hit.Text)
		}
	}
	checkWhole(t, c)
	if err := node.Close(); err != nil {
		t.Fatal(err)
	}
	_, again := open(t, server.Config{DataDir: dir})
	ask(again)
}

func samples(t testing.TB) map[string]string {
	t.Helper()
	paths, err := filepath.Glob("../samples/documents/*")
	if err != nil || len(paths) < 4 {
		t.Fatalf("samples: %v %v", paths, err)
	}
	docs := map[string]string{}
	for _, path := range paths {
		content, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		docs[filepath.Base(path)] = string(content)
	}
	return docs
}

func verify(t testing.TB, c *client.Client, collection string, id lode.ChunkID) *v1.Trace {
	t.Helper()
	trace, err := c.TraceChunk(t.Context(), collection, id)
	if err != nil {
		t.Fatalf("trace %s: %v", id, err)
	}
	for _, check := range trace.Checks {
		if !check.OK {
			t.Errorf("trace %s: %s: %s", id, check.Name, check.Detail)
		}
	}
	if !trace.Verified || len(trace.Runs) < 4 {
		t.Errorf("trace %s: verified %v with %d runs", id, trace.Verified, len(trace.Runs))
	}
	return trace
}

// TestVersions follows one document through its changes.
func TestVersions(t *testing.T) {
	_, c := open(t, server.Config{})
	mustCreate(t, c, "docs")
	first := upload(t, c, "docs", map[string]string{"a.md": "# Boats\n\nThe heron sails on Monday."})["a.md"]
	if first.Outcome != lode.OutcomeCreated || first.Version != 1 {
		t.Errorf("first: %+v", first)
	}
	same := upload(t, c, "docs", map[string]string{"a.md": "# Boats\n\nThe heron sails on Monday."})["a.md"]
	if same.Outcome != lode.OutcomeUnchanged || same.Version != 1 {
		t.Errorf("same bytes: %+v", same)
	}
	old := retrieve(t, c, "docs", "heron").Hits[0].ChunkID
	changed := upload(t, c, "docs", map[string]string{"a.md": "# Boats\n\nThe osprey sails on Friday."})["a.md"]
	if changed.Outcome != lode.OutcomeUpdated || changed.Version != 2 {
		t.Errorf("changed: %+v", changed)
	}
	answer := retrieve(t, c, "docs", "heron osprey")
	if len(answer.Hits) != 1 || !strings.Contains(answer.Hits[0].Text, "osprey") {
		t.Errorf("after the change: %+v", answer.Hits)
	}
	if _, err := c.TraceChunk(t.Context(), "docs", old); !lode.IsCode(err, lode.CodeNotFound) {
		t.Errorf("the old chunk: %v", err)
	}
	if err := c.DeleteDocument(t.Context(), "docs", "a.md"); err != nil {
		t.Fatal(err)
	}
	if hits := retrieve(t, c, "docs", "osprey").Hits; len(hits) != 0 {
		t.Errorf("after deletion: %+v", hits)
	}
	if _, err := c.GetBronze(t.Context(), "docs", "a.md"); !lode.IsCode(err, lode.CodeNotFound) {
		t.Errorf("bronze after deletion: %v", err)
	}
}

// TestQuarantine sends a damaged PDF beside a good document: only the PDF suffers, its
// bytes are kept, and a good version heals it.
func TestQuarantine(t *testing.T) {
	_, c := open(t, server.Config{})
	mustCreate(t, c, "docs")
	broken := client.FileBytes("broken.pdf", []byte("%PDF-1.4\n1 0 obj << /Type /Catalog >>\nthis is no pdf\n%%EOF"))
	good := client.FileBytes("good.txt", []byte("The kingfisher nests at the pier."))
	results, err := c.UploadDocuments(t.Context(), "docs", []client.File{broken, good}, client.UploadOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if item := results.Items[0]; item.State != lode.StateQuarantined || item.Error == nil || item.Error.Stage != lode.StageParse {
		t.Errorf("broken: %+v %+v", item, item.Error)
	}
	if item := results.Items[1]; item.State != lode.StateReady {
		t.Errorf("good: %+v %+v", item, item.Error)
	}
	list, err := c.ListQuarantine(t.Context(), "docs", client.Page{})
	if err != nil || len(list.Documents) != 1 || list.Documents[0].ID != "broken.pdf" || list.Documents[0].Failure == nil {
		t.Fatalf("quarantine: %+v %v", list, err)
	}
	if bronze, err := c.GetBronze(t.Context(), "docs", "broken.pdf"); err != nil || !strings.HasPrefix(string(bronze.Content), "%PDF-1.4") {
		t.Errorf("bytes in quarantine: %v", err)
	}
	healed := upload(t, c, "docs", map[string]string{"broken.pdf": samples(t)["safety-bulletin.pdf"]})["broken.pdf"]
	if healed.Version != 2 {
		t.Errorf("healed: %+v", healed)
	}
	if list, err = c.ListQuarantine(t.Context(), "docs", client.Page{}); err != nil || len(list.Documents) != 0 {
		t.Errorf("quarantine after healing: %+v %v", list, err)
	}
}

// TestVectors writes, searches and deletes raw vectors under a filter.
func TestVectors(t *testing.T) {
	_, c := open(t, server.Config{})
	_, err := c.CreateCollection(t.Context(), v1.CreateCollection{Name: "raw", Metric: lode.L2, Embedder: &v1.Embedder{Provider: lode.ProviderNone, Dim: 2}})
	if err != nil {
		t.Fatal(err)
	}
	var points []v1.Point
	for i := range 20 {
		points = append(points, v1.Point{
			ID: lode.DocID(fmt.Sprintf("p/%d", i)), Vector: lode.Vector{float32(i), 0}, Metadata: lode.Metadata{"even": lode.BoolValue(i%2 == 0)},
		})
	}
	results, err := c.PutVectors(t.Context(), "raw", points...)
	if err != nil {
		t.Fatal(err)
	}
	for _, item := range results.Items {
		if item.Error != nil {
			t.Errorf("%s: %+v", item.ID, item.Error)
		}
	}
	k, filter := 3, lode.WhereEq("even", lode.BoolValue(false))
	found, err := c.SearchVectors(t.Context(), "raw", v1.SearchVectors{Vector: lode.Vector{0, 0}, K: &k, Filter: &filter})
	if err != nil || len(found.Hits) != 3 || found.Hits[0].DocumentID != "p/1" || found.Hits[2].DocumentID != "p/5" {
		t.Fatalf("%+v %v", found, err)
	}
	if err := c.DeleteVector(t.Context(), "raw", "p/1"); err != nil {
		t.Fatal(err)
	}
	if found, err = c.SearchVectors(t.Context(), "raw", v1.SearchVectors{Vector: lode.Vector{0, 0}, K: &k, Filter: &filter}); err != nil || found.Hits[0].DocumentID != "p/3" {
		t.Errorf("after deletion: %+v %v", found, err)
	}
}

// TestOpenRefuses covers what keeps a node from opening; nothing may be left behind.
func TestOpenRefuses(t *testing.T) {
	first, _ := open(t, server.Config{})
	_, port, err := net.SplitHostPort(strings.TrimPrefix(first.URL(), "http://"))
	if err != nil {
		t.Fatal(err)
	}
	f := func(name string, cfg server.Config, field string) {
		t.Helper()
		_, err := server.Open(t.Context(), cfg)
		var coded *lode.Error
		if !errors.As(err, &coded) || coded.Field != field {
			t.Errorf("%s: %v", name, err)
		}
	}
	f("port in use", server.Config{DataDir: t.TempDir(), Listen: "127.0.0.1:" + port}, "")
	f("no port", server.Config{DataDir: t.TempDir(), Listen: "localhost"}, "listen")
	f("bad port", server.Config{DataDir: t.TempDir(), Listen: "127.0.0.1:99999"}, "listen")
	f("bad time", server.Config{DataDir: t.TempDir(), Listen: "127.0.0.1:0", ParseTimeout: 1}, "parse_timeout")
	f("bad size", server.Config{DataDir: t.TempDir(), Listen: "127.0.0.1:0", MaxBodyBytes: 1}, "max_body")
	f("bad provider", server.Config{DataDir: t.TempDir(), Listen: "127.0.0.1:0", OpenAI: server.OpenAIConfig{BaseURL: "ftp://x"}}, "openai_url")
}

// TestDataDirIsLocked lets no second node into a folder.
func TestDataDirIsLocked(t *testing.T) {
	dir := t.TempDir()
	open(t, server.Config{DataDir: dir})
	_, err := server.Open(t.Context(), server.Config{DataDir: dir, Listen: "127.0.0.1:0"})
	if err == nil || !strings.Contains(err.Error(), fmt.Sprint(os.Getpid())) {
		t.Errorf("want an error that names the process %d, got %v", os.Getpid(), err)
	}
}
