package hub_test

import (
	"bytes"
	"context"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/embed/hub"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const revision = "0123456789abcdef0123456789abcdef01234567"

// fake is a hub with one model of two files: a large one, which is on another server, and a
// small one.
type fake struct {
	*httptest.Server
	large, small []byte
	broken       int // bytes of the large file after which a connection breaks; 0: never
	stalls       bool
	whole        bool // ranges are not understood
	wrong        bool // the hashes are of other files
	status       int

	mu     sync.Mutex
	ranges []string // asked for, of the large file
	tokens []string
}

func newFake(t *testing.T) *fake {
	f := &fake{large: bytes.Repeat([]byte("0123456789"), 100_000), small: []byte(`{"small":true}`)}
	files := httptest.NewServer(http.HandlerFunc(f.serveLarge))
	f.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		f.mu.Lock()
		f.tokens = append(f.tokens, r.Header.Get("Authorization"))
		f.mu.Unlock()
		switch {
		case f.status != 0:
			w.WriteHeader(f.status)
		case r.URL.Path == "/api/models/owner/small-model/revision/main":
			f.serveInfo(w)
		case r.URL.Path == "/owner/small-model/resolve/"+revision+"/model.safetensors":
			http.Redirect(w, r, files.URL+"/signed?secret=hunter2", http.StatusFound)
		case r.URL.Path == "/owner/small-model/resolve/"+revision+"/config.json", r.URL.Path == "/owner/small-model/resolve/"+revision+"/sub/optional.json":
			_, _ = w.Write(f.small)
		default:
			w.WriteHeader(http.StatusNotFound)
		}
	}))
	t.Cleanup(func() {
		for _, s := range []*httptest.Server{f.Server, files} {
			s.CloseClientConnections()
			s.Close()
		}
	})
	return f
}

func (f *fake) serveInfo(w http.ResponseWriter) {
	sum := sha256.Sum256(f.large)
	blob := sha1.Sum(append(fmt.Appendf(nil, "blob %d\x00", len(f.small)), f.small...))
	if f.wrong {
		sum[0]++
	}
	_ = json.NewEncoder(w).Encode(map[string]any{"sha": revision, "siblings": []any{
		map[string]any{"rfilename": "model.safetensors", "size": len(f.large), "blobId": "x", "lfs": map[string]any{"sha256": hex.EncodeToString(sum[:]), "size": len(f.large)}},
		map[string]any{"rfilename": "config.json", "size": len(f.small), "blobId": hex.EncodeToString(blob[:])},
		map[string]any{"rfilename": "sub/optional.json", "size": len(f.small), "blobId": hex.EncodeToString(blob[:])},
		map[string]any{"rfilename": "huge", "size": 8 << 30, "blobId": "x"},
	}})
}

func (f *fake) serveLarge(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	f.ranges = append(f.ranges, r.Header.Get("Range"))
	f.tokens = append(f.tokens, "files:"+r.Header.Get("Authorization"))
	f.mu.Unlock()
	if f.whole {
		r.Header.Del("Range")
	}
	if f.broken == 0 {
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(f.large))
		return
	}
	w.Header().Set("Content-Length", fmt.Sprint(len(f.large)))
	_, _ = w.Write(f.large[:f.broken])
	_ = http.NewResponseController(w).Flush()
	if f.stalls {
		<-r.Context().Done()
	}
	panic(http.ErrAbortHandler)
}

func (f *fake) pull(t *testing.T, ctx context.Context, dir string, o hub.Options, files ...string) error {
	t.Helper()
	o.BaseURL = f.URL
	client := &http.Client{Transport: &http.Transport{}}
	defer client.CloseIdleConnections()
	o.Client = client
	h, err := hub.New(o)
	if err != nil {
		t.Fatal(err)
	}
	got, err := h.Pull(ctx, "owner/small-model", "", dir, files, []string{"sub/optional.json", "none.json"})
	if err == nil && got != revision {
		t.Errorf("revision %q", got)
	}
	return err
}

func (f *fake) check(t *testing.T, dir string) {
	t.Helper()
	for name, want := range map[string][]byte{"model.safetensors": f.large, "config.json": f.small, "sub/optional.json": f.small} {
		if got, err := os.ReadFile(filepath.Join(dir, name)); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s: %d bytes, %v", name, len(got), err)
		}
	}
	if parts, _ := filepath.Glob(filepath.Join(dir, "*.part")); len(parts) > 0 {
		t.Errorf("%q are left", parts)
	}
}

var both = []string{"model.safetensors", "config.json"}

func TestPull(t *testing.T) {
	f, dir := newFake(t), t.TempDir()
	var last int64
	o := hub.Options{Token: "hf_hunter2", Progress: func(_ string, done, _ int64) { last = done }}
	if err := f.pull(t, t.Context(), dir, o, both...); err != nil {
		t.Fatal(err)
	}
	f.check(t, dir)
	if last != int64(len(f.small)) {
		t.Errorf("the progress ends at %d", last)
	}
	if err := f.pull(t, t.Context(), dir, o, both...); err != nil || len(f.ranges) != 1 {
		t.Errorf("what is there is fetched again: %v, %q", err, f.ranges)
	}
	if own, other := slices.Contains(f.tokens, "Bearer hf_hunter2"), slices.Contains(f.tokens, "files:Bearer hf_hunter2"); !own || other {
		t.Errorf("the token went to %q", f.tokens)
	}
}

// A download that broke off is gone on with; servers that know no ranges begin anew.
func TestResume(t *testing.T) {
	for _, whole := range []bool{false, true} {
		f, dir := newFake(t), t.TempDir()
		f.broken = 300_000
		err := f.pull(t, t.Context(), dir, hub.Options{}, both...)
		if !lode.IsCode(err, lode.CodeUnavailable) || !strings.Contains(err.Error(), "goes on where it stopped") {
			t.Fatalf("%v", err)
		}
		f.broken, f.whole = 0, whole
		if err := f.pull(t, t.Context(), dir, hub.Options{}, both...); err != nil {
			t.Fatal(err)
		}
		f.check(t, dir)
		if f.ranges[1] != "bytes=300000-" {
			t.Errorf("asked for %q", f.ranges)
		}
	}
}

func TestStall(t *testing.T) {
	f := newFake(t)
	f.broken, f.stalls = 1000, true
	err := f.pull(t, t.Context(), t.TempDir(), hub.Options{Stall: 50 * time.Millisecond}, both...)
	if !lode.IsCode(err, lode.CodeUnavailable) || !strings.Contains(err.Error(), "no more bytes came") {
		t.Errorf("%v", err)
	}
}

// A file of another hash is not kept, not even in part.
func TestWrongHash(t *testing.T) {
	f, dir := newFake(t), t.TempDir()
	f.wrong = true
	if err := f.pull(t, t.Context(), dir, hub.Options{}, both...); !lode.IsCode(err, lode.CodeCorrupt) {
		t.Errorf("%v", err)
	}
	if left, _ := os.ReadDir(dir); len(left) != 0 {
		t.Errorf("%v are left", left)
	}
}

func TestRefusals(t *testing.T) {
	f := newFake(t)
	for status, code := range map[int]lode.Code{401: lode.CodeNotFound, 404: lode.CodeNotFound, 429: lode.CodeProvider, 500: lode.CodeProvider} {
		f.status = status
		if err := f.pull(t, t.Context(), t.TempDir(), hub.Options{}, both...); !lode.IsCode(err, code) {
			t.Errorf("%d: %v", status, err)
		}
	}
	f.status = 0
	if err := f.pull(t, t.Context(), t.TempDir(), hub.Options{}, "tokenizer.json"); !lode.IsCode(err, lode.CodeNotFound) {
		t.Errorf("%v", err)
	}
	if err := f.pull(t, t.Context(), t.TempDir(), hub.Options{}, "huge"); !lode.IsCode(err, lode.CodeTooLarge) {
		t.Errorf("%v", err)
	}
	h, err := hub.New(hub.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, bad := range [][2]string{{"../x", ""}, {"a/b/c", ""}, {"a/b", "../../x"}, {"", ""}} {
		if _, err := h.Pull(t.Context(), bad[0], bad[1], t.TempDir(), []string{"x"}, nil); !lode.IsCode(err, lode.CodeInvalid) {
			t.Errorf("%q: %v", bad, err)
		}
	}
	for _, bad := range []string{"ftp://x", "nonsense", "https://user:hunter2@host"} {
		if _, err := hub.New(hub.Options{BaseURL: bad}); !lode.IsCode(err, lode.CodeInvalid) || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: %v", bad, err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := f.pull(t, ctx, t.TempDir(), hub.Options{}, both...); !lode.IsCode(err, lode.CodeCanceled) {
		t.Errorf("%v", err)
	}
}

// Without a network the error says what else there is.
func TestNoNetwork(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := listener.Addr().String()
	_ = listener.Close()
	h, err := hub.New(hub.Options{BaseURL: "http://" + address})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := h.Pull(t.Context(), "a/b", "", t.TempDir(), []string{"x"}, nil); !lode.IsCode(err, lode.CodeUnavailable) || !strings.Contains(err.Error(), "lode models add") {
		t.Errorf("%v", err)
	}
}
