package parse_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/pipeline/parse"
)

// nodeEnv makes the test binary a node that parses a document which hangs.
const nodeEnv = "LODE_PARSE_TEST_NODE"

func TestMain(m *testing.M) {
	if parse.IsWorker() {
		os.Exit(parse.WorkerMain(lookup))
	}
	if path := os.Getenv(nodeEnv); path != "" {
		_, err := parse.NewPool(parse.PoolOptions{}).Parse(context.Background(), document("test/hang", path))
		panic(err)
	}
	goleak.VerifyTestMain(m)
}

// lookup knows parsers that misbehave, each under a media type of its own.
func lookup(mediaType string) (parse.Parser, bool) {
	misbehave := map[string]func(ctx context.Context, in parse.Input){
		"test/hang":   func(ctx context.Context, in parse.Input) { announce(in); hang() },
		"test/spin":   func(ctx context.Context, in parse.Input) { spin() },
		"test/memory": func(ctx context.Context, in parse.Input) { eat(1 << 20) },
		"test/gulp":   func(ctx context.Context, in parse.Input) { eat(2 << 30) },
		"test/panic":  func(ctx context.Context, in parse.Input) { panic("quoting SECRET words") },
		"test/index":  func(ctx context.Context, in parse.Input) { _ = in.Content[len(in.Content)+len(in.Name)] },
		"test/stack":  func(ctx context.Context, in parse.Input) { recurse(1) },
		"test/exit":   func(ctx context.Context, in parse.Input) { os.Exit(3) },
		"test/throw":  func(ctx context.Context, in parse.Input) { go func() { panic("SECRET words") }(); hang() },
		"test/print":  func(ctx context.Context, in parse.Input) { fmt.Println("a library prints") },
		"test/garbage": func(ctx context.Context, in parse.Input) {
			_, _ = os.NewFile(1, "stdout").Write(bytes.Repeat([]byte("garbage"), 100_000))
		},
		"test/close": func(ctx context.Context, in parse.Input) { _ = syscall.Close(1); hang() },
		"test/pid":   func(ctx context.Context, in parse.Input) { announce(in) },
		"test/once": func(ctx context.Context, in parse.Input) { // the first worker dies, the second lives
			if _, err := os.Stat(string(in.Content)); err != nil {
				announce(in)
				os.Exit(3)
			}
		},
	}
	if f, ok := misbehave[mediaType]; ok {
		return func(ctx context.Context, in parse.Input) (*lode.SilverText, error) {
			f(ctx, in)
			return whole(in), nil
		}, true
	}
	switch mediaType {
	case parse.TypeText:
		return func(_ context.Context, in parse.Input) (*lode.SilverText, error) { return whole(in), nil }, true
	case "test/lie":
		return func(_ context.Context, in parse.Input) (*lode.SilverText, error) {
			silver := whole(in)
			silver.Text = strings.ToUpper(silver.Text)
			return silver, nil
		}, true
	case "test/env":
		return func(_ context.Context, in parse.Input) (*lode.SilverText, error) {
			return nil, lode.Invalid("env", strings.Join(os.Environ(), " "), "environment")
		}, true
	case "test/nothing":
		return func(context.Context, parse.Input) (*lode.SilverText, error) { return nil, nil }, true
	case "test/refuse":
		return func(context.Context, parse.Input) (*lode.SilverText, error) {
			return nil, lode.FieldError(lode.CodeMalformed, "pdf", "xref", "bad table").WithHint("try again")
		}, true
	}
	return nil, false
}

func whole(in parse.Input) *lode.SilverText {
	span := lode.Span{End: len(in.Content)}
	return &lode.SilverText{
		Text:     string(in.Content),
		Sections: []lode.Section{{Kind: lode.SectionParagraph, Span: span}},
		Runs:     []lode.SourceRun{{Silver: span, Bronze: span}},
	}
}

// announce writes the worker's process id to the file that the document names.
func announce(in parse.Input) {
	if path := string(in.Content); filepath.IsAbs(path) {
		_ = os.WriteFile(path+".tmp", []byte(strconv.Itoa(os.Getpid())), 0o600)
		_ = os.Rename(path+".tmp", path)
	}
}

func hang() {
	for {
		time.Sleep(time.Hour)
	}
}

func spin() {
	for i := uint64(1); i != 0; i++ { // some centuries
		runtime.KeepAlive(i)
	}
}

func eat(step int) {
	var held [][]byte
	for range math.MaxInt32 {
		b := make([]byte, step)
		for i := 0; i < len(b); i += 4096 {
			b[i] = 1
		}
		held = append(held, b)
	}
	runtime.KeepAlive(held)
}

func recurse(n int) int {
	if n == math.MaxInt {
		return 0
	}
	var pad [512]byte
	pad[n%512] = byte(n)
	return recurse(n+1) + int(pad[n%512])
}

func newPool(t testing.TB, o parse.PoolOptions) *parse.Pool {
	t.Helper()
	pool := parse.NewPool(o)
	t.Cleanup(func() {
		if err := pool.Close(); err != nil {
			t.Error(err)
		}
	})
	return pool
}

func document(mediaType, content string) parse.Input {
	return parse.Input{Content: []byte(content), MediaType: mediaType, Name: "doc"}
}

// healthy checks that the pool still parses.
func healthy(t testing.TB, pool *parse.Pool) {
	t.Helper()
	silver, err := pool.Parse(context.Background(), document(parse.TypeText, "an innocent document"))
	if err != nil || silver.Text != "an innocent document" {
		t.Fatalf("pool does not go on: %v, %v", silver, err)
	}
}

func TestPoolSurvivesEveryDocument(t *testing.T) {
	pool := newPool(t, parse.PoolOptions{Workers: 2, MemoryBytes: 128 << 20, Timeout: 3 * time.Second})
	f := func(mediaType string, want lode.Code, reason string) {
		t.Helper()
		begun := time.Now()
		_, err := pool.Parse(context.Background(), document(mediaType, "SECRET words"))
		if !lode.IsCode(err, want) || !strings.Contains(err.Error(), reason) {
			t.Errorf("%s: got %v (%s), want %s with %q", mediaType, err, lode.CodeOf(err), want, reason)
		}
		if err != nil && strings.Contains(err.Error(), "SECRET") {
			t.Errorf("%s: the error repeats the document: %v", mediaType, err)
		}
		if took := time.Since(begun); took > 10*time.Second {
			t.Errorf("%s: took %s", mediaType, took)
		}
		healthy(t, pool)
	}
	if runtime.GOOS == "linux" {
		f("test/memory", lode.CodeTooLarge, "memory")
		f("test/gulp", lode.CodeTooLarge, "memory")
	}
	f("test/panic", lode.CodeMalformed, "gave up")
	f("test/index", lode.CodeMalformed, "index out of range")
	f("test/stack", lode.CodeMalformed, "stack")
	f("test/exit", lode.CodeMalformed, "exit status 3")
	f("test/throw", lode.CodeMalformed, "crashed")
	f("test/garbage", lode.CodeInternal, "damaged frame")
	f("test/close", lode.CodeInternal, "closed its output")
	f("test/lie", lode.CodeInternal, "contract")
	f("test/nothing", lode.CodeInternal, "parser returned nothing")
	f("test/unknown", lode.CodeUnsupportedMedia, "test/unknown")
	f("test/refuse", lode.CodeMalformed, "bad table")
}

// TestPoolAsksTwice gives a document whose worker died a fresh one: it may be innocent.
func TestPoolAsksTwice(t *testing.T) {
	pool := newPool(t, parse.PoolOptions{Workers: 1})
	path := filepath.Join(t.TempDir(), "pid")
	silver, err := pool.Parse(t.Context(), document("test/once", path))
	if err != nil || silver.Text != path {
		t.Errorf("%v %v", silver, err)
	}
	if _, err := os.Stat(path); err != nil {
		t.Error("no worker died: the test proves nothing")
	}
}

func TestPoolKillsOnTimeout(t *testing.T) {
	pool := newPool(t, parse.PoolOptions{Workers: 2, Timeout: 300 * time.Millisecond})
	for _, mediaType := range []string{"test/hang", "test/spin"} {
		begun := time.Now()
		_, err := pool.Parse(context.Background(), document(mediaType, "x"))
		if !lode.IsCode(err, lode.CodeTimeout) {
			t.Errorf("%s: got %v", mediaType, err)
		}
		if took := time.Since(begun); took > 3*time.Second {
			t.Errorf("%s: took %s", mediaType, took)
		}
	}
	roomy := newPool(t, parse.PoolOptions{})
	healthy(t, roomy)
}

func TestPoolKeepsErrorFields(t *testing.T) {
	pool := newPool(t, parse.PoolOptions{})
	_, err := pool.Parse(context.Background(), document("test/refuse", "x"))
	var coded *lode.Error
	if !errors.As(err, &coded) || coded.Field != "pdf" || coded.Value != "xref" || coded.Hint != "try again" {
		t.Fatalf("got %#v", err)
	}
}

func TestPoolOutlivesPrintingLibraries(t *testing.T) {
	pool := newPool(t, parse.PoolOptions{})
	if _, err := pool.Parse(context.Background(), document("test/print", "some text")); err != nil {
		t.Fatal(err)
	}
}

func TestWorkerEnvironmentIsMinimal(t *testing.T) {
	t.Setenv("LODE_TEST_SECRET", "hunter2")
	pool := newPool(t, parse.PoolOptions{})
	_, err := pool.Parse(context.Background(), document("test/env", "x"))
	if err == nil || strings.Contains(err.Error(), "hunter2") {
		t.Fatalf("the worker sees our environment: %v", err)
	}
}

func TestWorkerKilledFromOutside(t *testing.T) {
	pool := newPool(t, parse.PoolOptions{Workers: 1})
	path := filepath.Join(t.TempDir(), "pid")
	failed := make(chan error, 1)
	go func() {
		_, err := pool.Parse(context.Background(), document("test/hang", path))
		failed <- err
	}()
	for range 2 { // the first kill is forgiven: the worker may have been hit while idle
		if err := syscall.Kill(awaitPID(t, path), syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
	}
	if err := <-failed; !lode.IsCode(err, lode.CodeOverloaded) {
		t.Fatalf("got %v", err)
	}
	healthy(t, pool)
}

// awaitPID reads and removes the file in which a worker announces itself.
func awaitPID(t *testing.T, path string) int {
	t.Helper()
	for range 1000 {
		if b, err := os.ReadFile(path); err == nil {
			if err := os.Remove(path); err != nil {
				t.Fatal(err)
			}
			pid, err := strconv.Atoi(string(b))
			if err != nil {
				t.Fatal(err)
			}
			return pid
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatal("worker did not start")
	return 0
}

func TestIdleWorkerKilledFromOutsideIsReplaced(t *testing.T) {
	pool := newPool(t, parse.PoolOptions{Workers: 1})
	path := filepath.Join(t.TempDir(), "pid")
	for range 10 {
		if _, err := pool.Parse(context.Background(), document("test/pid", path)); err != nil {
			t.Fatal(err)
		}
		if err := syscall.Kill(awaitPID(t, path), syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
		healthy(t, pool)
	}
}

// TestNoOrphans kills a node while it parses: its worker must go with it.
func TestNoOrphans(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("SKIPPED: only Linux ties the life of a busy worker to its parent")
	}
	path := filepath.Join(t.TempDir(), "pid")
	node := exec.Command(os.Args[0])
	node.Env = append(os.Environ(), nodeEnv+"="+path)
	if err := node.Start(); err != nil {
		t.Fatal(err)
	}
	pid := awaitPID(t, path)
	if err := node.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = node.Wait() // killed, as it should be
	for range 200 {
		if !running(pid) {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Error("the worker outlives its node")
}

// running reports whether a process is there and no zombie that nobody reaps.
func running(pid int) bool {
	b, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	return err == nil && !strings.Contains(string(b), ") Z ")
}

func TestCanceledCallKillsWorker(t *testing.T) {
	pool := newPool(t, parse.PoolOptions{Workers: 1})
	path := filepath.Join(t.TempDir(), "pid")
	ctx, cancel := context.WithCancel(context.Background())
	failed := make(chan error, 1)
	go func() {
		_, err := pool.Parse(ctx, document("test/hang", path))
		failed <- err
	}()
	pid := awaitPID(t, path)
	cancel()
	if err := <-failed; !lode.IsCode(err, lode.CodeCanceled) {
		t.Fatalf("got %v", err)
	}
	if err := syscall.Kill(pid, 0); err == nil {
		t.Error("the worker outlives its canceled document")
	}
	healthy(t, pool)
}

func TestPoolParsesConcurrently(t *testing.T) {
	pool := newPool(t, parse.PoolOptions{Workers: 3, MemoryBytes: 128 << 20, Timeout: 20 * time.Second})
	kinds := []string{parse.TypeText, parse.TypeText, parse.TypeText, "test/panic", parse.TypeText, "test/refuse", parse.TypeText, "test/exit", parse.TypeText, parse.TypeText}
	var wg sync.WaitGroup
	for i := range 200 {
		wg.Go(func() {
			in := document(kinds[i%len(kinds)], strings.Repeat(fmt.Sprintf("document %d. ", i), 1+i%50))
			silver, err := pool.Parse(context.Background(), in)
			if in.MediaType != parse.TypeText {
				if !lode.IsCode(err, lode.CodeMalformed) {
					t.Errorf("document %d (%s): got %v", i, in.MediaType, err)
				}
				return
			}
			if err != nil || silver.Text != string(in.Content) {
				t.Errorf("document %d: got %v", i, err)
			}
		})
	}
	wg.Wait()
}

func TestCloseWhileBusy(t *testing.T) {
	pool := newPool(t, parse.PoolOptions{Workers: 2})
	path := filepath.Join(t.TempDir(), "pid")
	var wg sync.WaitGroup
	for range 5 { // two run, three wait for their turn
		wg.Go(func() {
			if _, err := pool.Parse(context.Background(), document("test/hang", path)); !lode.IsCode(err, lode.CodeUnavailable) {
				t.Errorf("got %v", err)
			}
		})
	}
	pid := awaitPID(t, path)
	begun := time.Now()
	for range 2 {
		if err := pool.Close(); err != nil {
			t.Fatal(err)
		}
	}
	wg.Wait()
	if took := time.Since(begun); took > 5*time.Second {
		t.Errorf("closing took %s", took)
	}
	if err := syscall.Kill(pid, 0); err == nil {
		t.Error("a worker outlives the pool")
	}
	if _, err := pool.Parse(context.Background(), document(parse.TypeText, "late")); !lode.IsCode(err, lode.CodeUnavailable) {
		t.Errorf("closed pool: got %v", err)
	}
}

func TestIdleWorkersRetire(t *testing.T) {
	started := 0
	pool := newPool(t, parse.PoolOptions{Workers: 1, IdleAfter: 50 * time.Millisecond, Command: func() *exec.Cmd {
		started++
		return exec.Command(os.Args[0])
	}})
	healthy(t, pool)
	healthy(t, pool)
	if started != 1 {
		t.Fatalf("%d workers for two documents in a row, want 1", started)
	}
	time.Sleep(300 * time.Millisecond)
	healthy(t, pool)
	if started != 2 {
		t.Fatalf("%d workers were started, want a second one after the idle time", started)
	}
}

func TestPoolRefusesHugeInput(t *testing.T) {
	pool := newPool(t, parse.PoolOptions{MaxInputBytes: 10, Command: func() *exec.Cmd {
		t.Error("a worker was started for it")
		return exec.Command(os.Args[0])
	}})
	if _, err := pool.Parse(context.Background(), document(parse.TypeText, "eleven bytes")); !lode.IsCode(err, lode.CodeTooLarge) {
		t.Fatalf("got %v", err)
	}
}

func TestPoolReportsMissingBinary(t *testing.T) {
	pool := newPool(t, parse.PoolOptions{Command: func() *exec.Cmd { return exec.Command("/nonexistent/lode") }})
	if _, err := pool.Parse(context.Background(), document(parse.TypeText, "x")); !lode.IsCode(err, lode.CodeInternal) {
		t.Fatalf("got %v", err)
	}
}

func TestCallerDeadline(t *testing.T) {
	pool := newPool(t, parse.PoolOptions{})
	ctx, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
	defer cancel()
	if _, err := pool.Parse(ctx, document("test/hang", "x")); !lode.IsCode(err, lode.CodeTimeout) || !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("got %v", err)
	}
}
