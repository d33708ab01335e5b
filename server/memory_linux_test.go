package server_test

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/api/v1"
)

// peak samples the anonymous memory of a process until stop is called, which returns the most
// that was seen. Pages of mapped files do not count: the kernel may drop them.
func (p *process) peak(t *testing.T) (stop func() int64) {
	t.Helper()
	var most atomic.Int64
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for ctx.Err() == nil {
			b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
			if err != nil {
				return
			}
			_, rest, _ := strings.Cut(string(b), "RssAnon:")
			kib, _, _ := strings.Cut(strings.TrimSpace(rest), " ")
			if n, err := strconv.ParseInt(kib, 10, 64); err == nil {
				most.Store(max(most.Load(), n<<10))
			}
			time.Sleep(5 * time.Millisecond)
		}
	}()
	return func() int64 {
		cancel()
		<-ended
		return most.Load()
	}
}

// repeated is a text said n times over, without memory for it.
type repeated struct {
	text   string
	n, off int
}

func (r *repeated) Read(p []byte) (int, error) {
	if r.n == 0 {
		return 0, io.EOF
	}
	k := copy(p, r.text[r.off:])
	if r.off += k; r.off == len(r.text) {
		r.off, r.n = 0, r.n-1
	}
	return k, nil
}

// flood sends many large uploads at once and returns how each was answered.
func flood(t *testing.T, url string, senders, each, bytes int) map[int]int {
	t.Helper()
	var mu sync.Mutex
	answers := map[int]int{}
	var all sync.WaitGroup
	for sender := range senders {
		all.Go(func() {
			for i := range each {
				line := base64.StdEncoding.EncodeToString(fmt.Appendf(nil, "upload %6d of sender %6d, which is long\n", i, sender)[:42])
				body := io.MultiReader(strings.NewReader(fmt.Sprintf(`{"documents":[{"id":"%d-%d","content_base64":"`, sender, i)),
					&repeated{text: line, n: bytes / len(line)}, strings.NewReader(`"}]}`))
				status := 0
				resp, err := http.Post(url+"/v1/collections/docs/documents?wait=false", v1.MediaTypeJSON, body)
				if err == nil { // else it was cut off in the middle of its body
					status = resp.StatusCode
					_, _ = io.Copy(io.Discard, resp.Body)
					_ = resp.Body.Close()
				}
				mu.Lock()
				answers[status]++
				mu.Unlock()
			}
		})
	}
	all.Wait()
	return answers
}

// TestFlood: uploads that together are many times as large as the memory are answered, by a
// refusal if need be, and the node stays within its limit.
func TestFlood(t *testing.T) {
	if testing.Short() {
		t.Skip("SKIPPED: a flood takes some seconds")
	}
	const limit = 320 << 20
	run := func(memory int64, each int) (most int64, answers map[int]int) {
		p := startProcess(t, t.TempDir(), fmt.Sprintf("%s=%d", memoryEnv, memory))
		c := connect(t, p.url)
		mustCreate(t, c, "docs")
		stop := p.peak(t)
		answers = flood(t, p.url, 16, each, 28<<20)
		if err := c.Health(t.Context()); err != nil {
			t.Errorf("after the flood: %v", err)
		}
		most = stop()
		p.kill()
		t.Logf("limit %d: %d bytes at most, answers %v", memory, most, answers)
		return most, answers
	}
	most, answers := run(limit, 2)
	if most > limit {
		t.Errorf("%d bytes, the limit is %d", most, limit)
	}
	if answers[http.StatusAccepted] == 0 || answers[http.StatusTooManyRequests] == 0 {
		t.Errorf("answers %v: some must pass, and some be refused", answers)
	}
	if most, _ := run(-1, 1); most <= limit { // the negative control
		t.Errorf("without a limit the flood takes %d bytes only: it proves nothing", most)
	}
}

// TestDataFillsMemory: writes end before the memory does, with a reason, and begin again when
// data was deleted.
func TestDataFillsMemory(t *testing.T) {
	if testing.Short() {
		t.Skip("SKIPPED: filling the memory takes some seconds")
	}
	const limit, dim = 192 << 20, 4096
	p := startProcess(t, t.TempDir(), fmt.Sprintf("%s=%d", memoryEnv, limit))
	c := connectOnce(t, p.url)
	for _, name := range []string{"first", "second"} {
		if _, err := c.CreateCollection(t.Context(), v1.CreateCollection{Name: name, Embedder: &v1.Embedder{Provider: "none", Dim: dim}}); err != nil {
			t.Fatal(err)
		}
	}
	n := 0
	put := func(collection string) error {
		points := make([]v1.Point, 16)
		for i := range points {
			v := make(lode.Vector, dim)
			for j := range v {
				v[j] = rand.Float32()
			}
			points[i] = v1.Point{ID: lode.DocID(fmt.Sprint(n)), Vector: v}
			n++
		}
		_, err := c.PutVectors(t.Context(), collection, points...)
		return err
	}
	stop := p.peak(t)
	var err error
	for err == nil && n < limit/dim {
		if err = put("first"); err == nil {
			err = put("second")
		}
	}
	var coded *lode.Error
	if !errors.As(err, &coded) || coded.Code != lode.CodeNoStorage || !strings.Contains(coded.Message, "memory") {
		t.Fatalf("after %d vectors of %d bytes: %v", n, 4*dim, err)
	}
	u, err := c.NodeUsage(t.Context())
	if err != nil || u.Writes.Accepted || u.Writes.Reasons[0].Name != "memory" || u.Memory.Limit != limit {
		t.Errorf("usage %+v, %v", u, err)
	}
	t.Logf("%d vectors of %d bytes: %+v", n, 4*dim, u.Memory)
	if err := c.DeleteCollection(t.Context(), "first"); err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(100 * time.Millisecond) {
		if err = put("second"); err == nil {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("refused 10s after half of the data was deleted: %v", err)
		}
	}
	if most := stop(); most > limit {
		t.Errorf("%d bytes at most, the limit is %d", most, limit)
	}
}
