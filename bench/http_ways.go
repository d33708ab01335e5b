package bench

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/api"
	"github.com/lodedb/lode/api/v1"
	"github.com/lodedb/lode/client"
	"github.com/lodedb/lode/server"
)

const (
	httpRounds    = 15 // short ones, so that what else the machine does meets every way
	httpRoundTime = 300 * time.Millisecond
	inProcess     = "in the process"
)

// way is one way to ask the same queries.
type way struct {
	name string
	ask  func(query int, buf *bytes.Buffer) error
	// answer asks a query and returns the ids found; nil for a way that finds nothing.
	answer   func(query int) ([]lode.DocID, error)
	queries  int
	bare     *way // the bare handler with the same bytes
	floor    *way // the bare handler that also searches
	demanded bool // what it takes has targets
}

// searchRound is what one round measured.
type searchRound struct {
	PerSecond float64 `json:"per_second"`
	P50       float64 `json:"p50_us"`
	P95       float64 `json:"p95_us"`
	P99       float64 `json:"p99_us"`
}

func (w *way) recall(d *VectorSet) (float64, error) {
	answers := make([][]uint32, len(d.Queries))
	for i := range d.Queries {
		ids, err := w.answer(i)
		if err != nil {
			return 0, err
		}
		if answers[i], err = rowNumbers(ids); err != nil {
			return 0, err
		}
	}
	return d.Recall(answers, httpK), nil
}

// run lets clients ask for a time and measures every answer. Rounds begin at different
// queries, so that no way finds memory warm from the one before it.
func (w *way) run(ctx context.Context, clients, round int) (searchRound, error) {
	took := make([][]time.Duration, clients)
	errs := make([]error, clients)
	var all sync.WaitGroup
	start := time.Now()
	for i := range clients {
		all.Go(func() {
			var buf bytes.Buffer
			query := (round*7919 + i*w.queries/clients + len(w.name)*131) % w.queries
			for time.Since(start) < httpRoundTime && ctx.Err() == nil && errs[i] == nil {
				before := time.Now()
				errs[i] = w.ask(query, &buf)
				took[i] = append(took[i], time.Since(before))
				query = (query + 1) % w.queries
			}
		})
	}
	all.Wait()
	elapsed := time.Since(start)
	if err := errors.Join(append(errs, ctx.Err())...); err != nil {
		return searchRound{}, err
	}
	each := slices.Concat(took...)
	slices.Sort(each)
	at := func(q float64) float64 { return float64(each[int(q*float64(len(each)-1))].Nanoseconds()) / 1e3 }
	return searchRound{PerSecond: float64(len(each)) / elapsed.Seconds(), P50: at(0.5), P95: at(0.95), P99: at(0.99)}, nil
}

// httpWays are the ways that are compared; done ends the bare handler.
func httpWays(ctx context.Context, node *server.Server, c *client.Client, d *VectorSet) (ways []*way, done func(), err error) {
	h := &httpClient{Client: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 8}}, node: node.URL()}
	done, err = h.serveBare()
	if err != nil {
		return nil, nil, err
	}
	engine := inProcessWay(ctx, node, d)
	h.search = func(query int) error { return engine.ask(query, nil) }
	ways = append(ways, engine)
	for _, f := range httpForms(ctx, c, d) {
		served, err := h.way(f, len(d.Queries))
		if err != nil {
			done()
			return nil, nil, err
		}
		ways = append(ways, served.bare, served.floor, served)
	}
	return ways, done, nil
}

// inProcessWay searches without HTTP.
func inProcessWay(ctx context.Context, node *server.Server, d *VectorSet) *way {
	engine, me := node.Engine(), lode.AllSeeing("bench")
	return &way{name: inProcess, queries: len(d.Queries), ask: func(query int, _ *bytes.Buffer) error {
		view, err := engine.View(ctx, me, httpCollection)
		if err != nil {
			return err
		}
		found, err := view.Dense(ctx, d.Queries[query], httpK, lode.Filter{})
		if err == nil && len(found) != httpK {
			err = fmt.Errorf("query %d found %d rows", query, len(found))
		}
		return err
	}}
}

// form is how bodies of searches look.
type form struct {
	name        string
	contentType string
	accept      string
	body        func(query int) ([]byte, error)
	answer      func(query int) ([]lode.DocID, error)
	demanded    bool
}

// httpForms are the forms of bodies that are measured: JSON as it is without a word about
// what is wanted, JSON and frames with ids and scores alone.
func httpForms(ctx context.Context, c *client.Client, d *VectorSet) []form {
	no, k := false, httpK
	whole := func(query int) v1.SearchVectors { return v1.SearchVectors{Vector: d.Queries[query], K: &k} }
	lean := func(query int) v1.SearchVectors {
		req := whole(query)
		req.WithText, req.WithMetadata = &no, &no
		return req
	}
	asJSON := func(req func(int) v1.SearchVectors) func(int) ([]byte, error) {
		return func(query int) ([]byte, error) { return json.Marshal(req(query)) }
	}
	ids := func(req func(int) v1.SearchVectors) func(int) ([]lode.DocID, error) {
		return func(query int) ([]lode.DocID, error) { return hitIDs(c.SearchVectors(ctx, httpCollection, req(query))) }
	}
	asFrame := func(query int) ([]byte, error) {
		f := v1.SearchFrame{Vectors: d.Queries[query : query+1], K: httpK}
		return f.Append(nil)
	}
	return []form{
		{name: "JSON with texts", contentType: v1.MediaTypeJSON, body: asJSON(whole), answer: ids(whole)},
		{name: "JSON", contentType: v1.MediaTypeJSON, body: asJSON(lean), demanded: true},
		{name: "binary", contentType: v1.MediaTypeVectors, accept: v1.MediaTypeVectors, body: asFrame, answer: ids(lean), demanded: true},
	}
}

func hitIDs(found *v1.VectorHits, err error) ([]lode.DocID, error) {
	if err != nil {
		return nil, err
	}
	ids := make([]lode.DocID, len(found.Hits))
	for i := range found.Hits {
		ids[i] = found.Hits[i].DocumentID
	}
	return ids, nil
}

// httpClient asks over connections that stay.
type httpClient struct {
	*http.Client
	node, bare string // URLs
	answers    sync.Map
	search     func(query int) error
}

// way is the node under the bodies of a form, and the bare handlers beside it.
func (h *httpClient) way(f form, queries int) (*way, error) {
	bodies := make([][]byte, queries)
	for i := range bodies {
		var err error
		if bodies[i], err = f.body(i); err != nil {
			return nil, err
		}
	}
	at := func(name string, url func(query int) string) *way {
		return &way{name: name, queries: queries, ask: func(query int, buf *bytes.Buffer) error {
			_, err := h.post(url(query), f, bodies[query], buf)
			return err
		}}
	}
	target := h.node + v1.Path(v1.PathVectorsSearch, httpCollection)
	served := at(f.name, func(int) string { return target })
	served.answer, served.demanded = f.answer, f.demanded
	var sample bytes.Buffer
	header, err := h.post(target, f, bodies[0], &sample)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", f.name, err)
	}
	header.Del("Date") // which every server writes
	h.answers.Store(f.name, bareAnswer{header, sample.Bytes()})
	path := h.bare + "/" + url.PathEscape(f.name)
	served.bare = at(f.name+", bare handler", func(int) string { return path })
	served.floor = at(f.name+", bare handler that searches", func(query int) string { return path + "?" + strconv.Itoa(query) })
	return served, nil
}

func (h *httpClient) post(url string, f form, body []byte, into *bytes.Buffer) (http.Header, error) {
	req, err := http.NewRequest(http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", f.contentType)
	if f.accept != "" {
		req.Header.Set("Accept", f.accept)
	}
	resp, err := h.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	into.Reset()
	if _, err := into.ReadFrom(resp.Body); err != nil {
		return nil, err
	}
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s: %.200s", resp.Status, into.Bytes())
	}
	return resp.Header, nil
}

// bareAnswer is an answer of the node, byte by byte.
type bareAnswer struct {
	header http.Header
	body   []byte
}

// serveBare answers every body with an answer of the node, and does nothing else, but search in
// the process where a query is named. Connections have the limits of the node's.
func (h *httpClient) serveBare() (done func(), err error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	h.bare = "http://" + listener.Addr().String()
	s := api.NewServer(http.HandlerFunc(h.answerBare), nil)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = s.Serve(listener) // ends when it is closed
	}()
	return func() {
		_ = s.Close()
		<-ended
	}, nil
}

func (h *httpClient) answerBare(w http.ResponseWriter, r *http.Request) {
	answer, known := h.answers.Load(r.URL.Path[1:])
	_, err := io.ReadAll(r.Body)
	if query, named := strconv.Atoi(r.URL.RawQuery); err == nil && named == nil {
		err = h.search(query)
	}
	if err != nil || !known {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	a := answer.(bareAnswer)
	maps.Copy(w.Header(), a.header)
	_, _ = w.Write(a.body)
}
