package api_test

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/api"
	"github.com/lodedb/lode/api/v1"
	"github.com/lodedb/lode/client"
)

// logLines keeps what is logged.
type logLines struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *logLines) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(b)
}

func (l *logLines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}

func (l *logLines) option(o *api.Options) { o.Logger = slog.New(slog.NewTextHandler(l, nil)) }

// rawRequest sends bytes over a connection of its own and returns the answer.
func rawRequest(t *testing.T, server *httptest.Server, send func(net.Conn)) (status int, body string) {
	t.Helper()
	conn, err := net.Dial("tcp", server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(20 * time.Second))
	sent := make(chan struct{})
	go func() {
		defer close(sent)
		send(conn)
	}()
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatalf("no answer: %v", err)
	}
	read, _ := io.ReadAll(resp.Body)
	_ = conn.Close()
	<-sent
	return resp.StatusCode, string(read)
}

const uploadHead = "POST /v1/collections/docs/documents HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"

// TestSlowBody cuts a body that drips, and one that stops.
func TestSlowBody(t *testing.T) {
	f := newFake()
	_, server := serve(t, f, func(o *api.Options) { o.BodyGrace, o.MinBodyRate = 300*time.Millisecond, 1000 })
	for name, send := range map[string]func(net.Conn){
		"stops": func(conn net.Conn) { fmt.Fprint(conn, uploadHead+"Content-Length: 1000\r\n\r\n{\"docu") },
		"drips": func(conn net.Conn) {
			fmt.Fprint(conn, uploadHead+"Content-Length: 1000\r\n\r\n")
			for range 1000 {
				if _, err := conn.Write([]byte(" ")); err != nil {
					return
				}
				time.Sleep(20 * time.Millisecond)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			start := time.Now()
			status, body := rawRequest(t, server, send)
			if status != 408 || !strings.Contains(body, `"slow_body"`) || time.Since(start) > 10*time.Second {
				t.Errorf("got %d %s after %s", status, body, time.Since(start))
			}
		})
	}
	if f.writes != 0 {
		t.Errorf("%d writes", f.writes)
	}
}

// TestSlowBodyKeepsPace lets a slow but steady body through, and the deadline of the body
// does not cut the work that follows it.
func TestSlowBodyKeepsPace(t *testing.T) {
	f := newFake()
	f.waiting = make(chan struct{})
	time.AfterFunc(900*time.Millisecond, func() { close(f.waiting) })
	_, server := serve(t, f, func(o *api.Options) { o.BodyGrace, o.MinBodyRate = 400*time.Millisecond, 10 })
	doc := `{"documents":[{"id":"a","content":"slow and steady"}]}`
	status, body := rawRequest(t, server, func(conn net.Conn) {
		fmt.Fprintf(conn, "%sContent-Length: %d\r\n\r\n", uploadHead, len(doc))
		for i := range doc {
			_, _ = conn.Write([]byte{doc[i]})
			time.Sleep(2 * time.Millisecond)
		}
	})
	if status != 200 || !strings.Contains(body, `"created"`) {
		t.Errorf("got %d %s", status, body)
	}
}

// TestEndlessBody cuts a body that never ends, by its size.
func TestEndlessBody(t *testing.T) {
	f := newFake()
	_, server := serve(t, f, func(o *api.Options) { o.MaxBodyBytes = 1 << 20 })
	f2 := func(name, head, chunk string) {
		t.Run(name, func(t *testing.T) {
			status, body := rawRequest(t, server, func(conn net.Conn) {
				fmt.Fprint(conn, head)
				for {
					if _, err := conn.Write([]byte(chunk)); err != nil {
						return
					}
				}
			})
			if status != 413 || !strings.Contains(body, `"too_large"`) {
				t.Errorf("got %d %s", status, body)
			}
		})
	}
	chunk := "4000\r\n" + strings.Repeat(" ", 0x4000) + "\r\n"
	f2("JSON", uploadHead+"Transfer-Encoding: chunked\r\n\r\n", chunk)
	multipartHead := strings.Replace(uploadHead, "application/json", multipartType, 1) + "Transfer-Encoding: chunked\r\n\r\n"
	opening := "--B\r\nContent-Disposition: form-data; name=\"file\"\r\n\r\n"
	f2("multipart", multipartHead+fmt.Sprintf("%x\r\n%s\r\n", len(opening), opening), chunk)
	closing := opening + "x\r\n--B--\r\n"
	f2("epilogue", multipartHead+fmt.Sprintf("%x\r\n%s\r\n", len(closing), closing), chunk)
	f2("declared", uploadHead+"Content-Length: 99999999999\r\n\r\n", " ")
	if f.writes != 0 {
		t.Errorf("%d writes", f.writes)
	}
}

// TestEndlessHeader is refused by the server itself.
func TestEndlessHeader(t *testing.T) {
	_, server := serve(t, newFake())
	status, _ := rawRequest(t, server, func(conn net.Conn) {
		fmt.Fprint(conn, "GET /v1/node HTTP/1.1\r\nHost: x\r\n")
		for i := range 2000 {
			if _, err := fmt.Fprintf(conn, "X-%d: %s\r\n", i, strings.Repeat("a", 100)); err != nil {
				return
			}
		}
	})
	if status != http.StatusRequestHeaderFieldsTooLarge {
		t.Errorf("got %d", status)
	}
}

// TestClientLeaves demands that the context of the work ends, that the loss is counted and
// that it is no error of ours.
func TestClientLeaves(t *testing.T) {
	log := &logLines{}
	done := make(chan api.RequestDone, 1)
	f := newFake()
	left := make(chan struct{})
	began := make(chan struct{})
	f.retrieve = func(ctx context.Context, _ lode.Query) (*lode.Result, error) {
		close(began)
		<-ctx.Done()
		close(left)
		return nil, fmt.Errorf("search: %w", ctx.Err())
	}
	c, _ := serve(t, f, log.option, func(o *api.Options) { o.Events.RequestDone = func(e api.RequestDone) { done <- e } })
	ctx, cancel := context.WithCancel(t.Context())
	go func() { <-began; cancel() }()
	if _, err := c.Retrieve(ctx, "docs", v1.Retrieve{Text: "a"}); !lode.IsCode(err, lode.CodeCanceled) {
		t.Errorf("client: %v", err)
	}
	select {
	case <-left:
	case <-time.After(10 * time.Second):
		t.Fatal("the work goes on")
	}
	if e := <-done; e.Status != v1.StatusClientGone || e.Code != lode.CodeCanceled {
		t.Errorf("event: %+v", e)
	}
	if strings.Contains(log.String(), "level=ERROR") {
		t.Errorf("log: %s", log)
	}
}

// TestClientLeavesDuringBody stores nothing.
func TestClientLeavesDuringBody(t *testing.T) {
	done := make(chan api.RequestDone, 1)
	f := newFake()
	_, server := serve(t, f, func(o *api.Options) { o.Events.RequestDone = func(e api.RequestDone) { done <- e } })
	conn, err := net.Dial("tcp", server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprint(conn, uploadHead+"Content-Length: 1000\r\n\r\n{\"documents\":[{\"content\":\"abc\"}]}")
	_ = conn.Close()
	if e := <-done; e.Status/100 != 4 || f.writes != 0 {
		t.Errorf("event %+v, %d writes", e, f.writes)
	}
}

func TestOverloaded(t *testing.T) {
	f := newFake()
	began, end := make(chan struct{}), make(chan struct{})
	f.retrieve = func(context.Context, lode.Query) (*lode.Result, error) {
		close(began)
		<-end
		return &lode.Result{Mode: lode.ModeDense}, nil
	}
	c, server := serve(t, f, func(o *api.Options) { o.MaxConcurrent = 1 })
	first := make(chan error)
	go func() {
		_, err := c.Retrieve(context.Background(), "docs", v1.Retrieve{Text: "a"})
		first <- err
	}()
	<-began
	resp, err := http.Get(server.URL + "/v1/collections")
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	if resp.StatusCode != 429 || resp.Header.Get("Retry-After") == "" {
		t.Errorf("got %d, Retry-After %q", resp.StatusCode, resp.Header.Get("Retry-After"))
	}
	if err := c.Health(t.Context()); err != nil {
		t.Errorf("probes are not limited: %v", err)
	}
	close(end)
	if err := <-first; err != nil {
		t.Error(err)
	}
	if _, err := c.GetCollection(t.Context(), "docs"); err != nil {
		t.Errorf("the slot is not given back: %v", err)
	}
}

// TestBodiesTogether bounds the memory of all bodies, and gives it back.
func TestBodiesTogether(t *testing.T) {
	f := newFake()
	c, server := serve(t, f, func(o *api.Options) { o.MaxBodyBytes, o.MaxBodiesBytes = 1<<20, 1<<20 })
	big := client.FileBytes("a", bytes.Repeat([]byte("x"), 500_000))
	upload := func() error {
		_, err := c.UploadDocuments(t.Context(), "docs", []client.File{big}, client.UploadOptions{})
		return err
	}
	// Another body of 800 kB stays unfinished meanwhile. It may be the one that is refused,
	// when it is still on its way as the upload begins.
	var conn net.Conn
	for deadline := time.Now().Add(10 * time.Second); ; _ = conn.Close() {
		var err error
		if conn, err = net.Dial("tcp", server.Listener.Addr().String()); err != nil {
			t.Fatal(err)
		}
		fmt.Fprint(conn, uploadHead+"Content-Length: 900000\r\n\r\n"+strings.Repeat(" ", 800_000))
		time.Sleep(50 * time.Millisecond)
		if err = upload(); lode.IsCode(err, lode.CodeOverloaded) {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("two bodies of 800 and 500 kB fit 1 MB: %v", err)
		}
	}
	_ = conn.Close()
	for deadline := time.Now().Add(10 * time.Second); ; {
		err := upload()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("the memory is not given back: %v", err)
		}
	}
}

func TestRequestTimeout(t *testing.T) {
	f := newFake()
	f.retrieve = func(ctx context.Context, _ lode.Query) (*lode.Result, error) {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	c, _ := serve(t, f, func(o *api.Options) { o.RequestTimeout = 50 * time.Millisecond })
	if _, err := c.Retrieve(t.Context(), "docs", v1.Retrieve{Text: "a"}); !lode.IsCode(err, lode.CodeTimeout) {
		t.Errorf("got %v", err)
	}
}

// TestForeignHost refuses a web page that reaches the node under a name of its own, as DNS
// rebinding makes possible; programs and named proxies pass.
func TestForeignHost(t *testing.T) {
	_, server := serve(t, newFake(), func(o *api.Options) { o.AllowedHosts = []string{"docs.example.org"} })
	f := func(host, site string, want int) {
		t.Helper()
		status, body := rawRequest(t, server, func(conn net.Conn) {
			header := ""
			if site != "" {
				header = "Sec-Fetch-Site: " + site + "\r\n"
			}
			fmt.Fprintf(conn, "GET /v1/node HTTP/1.1\r\nHost: %s\r\n%s\r\n", host, header)
		})
		if status != want {
			t.Errorf("host %q, site %q: %d, want %d: %s", host, site, status, want, body)
		}
	}
	f("evil.example.com", "same-origin", http.StatusUnauthorized)
	f("evil.example.com:7700", "same-origin", http.StatusUnauthorized)
	f("evil.example.com", "", http.StatusOK)
	f("docs.example.org", "same-origin", http.StatusOK)
	f("localhost:7700", "same-origin", http.StatusOK)
	f("127.0.0.1:7700", "none", http.StatusOK)
	f("[::1]:7700", "same-origin", http.StatusOK)
}
