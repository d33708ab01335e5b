package server_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/api/v1"
	"github.com/lodedb/lode/client"
	"github.com/lodedb/lode/server"
)

// world is a collection of random raw vectors with texts.
type world struct {
	t      *testing.T
	node   *client.Client
	random *rand.Rand
	ids    []lode.DocID
	found  map[lode.ReasonStage]int // how often each reason was named
}

const worldWords = 24

func newWorld(t *testing.T, node *client.Client, random *rand.Rand, name string) *world {
	t.Helper()
	w := &world{t: t, node: node, random: random, found: map[lode.ReasonStage]int{}}
	if _, err := node.CreateCollection(t.Context(), v1.CreateCollection{Name: name, Embedder: &v1.Embedder{Provider: lode.ProviderNone, Dim: 3}}); err != nil {
		t.Fatal(err)
	}
	var points []v1.Point
	for i := range 100 + random.IntN(200) {
		p := v1.Point{
			ID: lode.DocID(fmt.Sprint("p", i)), Vector: w.vector(), Text: w.text(3 + random.IntN(9)),
			Metadata: lode.Metadata{"year": lode.IntegerValue(int64(2000 + random.IntN(5))), "source": lode.StringValue(fmt.Sprint("s", random.IntN(6)))},
		}
		if random.IntN(4) == 0 && i > 0 {
			p.Text = points[random.IntN(i)].Text
		}
		if random.IntN(5) == 0 {
			p.Readers = []string{"staff"}
		}
		points, w.ids = append(points, p), append(w.ids, p.ID)
	}
	if _, err := node.PutVectors(t.Context(), name, points...); err != nil {
		t.Fatal(err)
	}
	return w
}

func (w *world) vector() lode.Vector {
	return lode.Vector{w.random.Float32() - 0.3, w.random.Float32() - 0.3, w.random.Float32()}
}

func (w *world) text(n int) string {
	var words []string
	for range n {
		words = append(words, fmt.Sprintf("word%c", 'a'+min(w.random.IntN(worldWords), w.random.IntN(worldWords))))
	}
	return strings.Join(words, " ")
}

func (w *world) chance(n int) bool { return w.random.IntN(n) == 0 }

// question is a query with whatever can drop a document.
func (w *world) question() v1.Retrieve {
	k, budget := 1+w.random.IntN(12), 40+w.random.IntN(400)
	q := v1.Retrieve{K: &k, BudgetTokens: &budget, Text: w.text(2), Vector: w.vector()}
	q.Mode = []lode.Mode{lode.ModeHybrid, lode.ModeHybrid, lode.ModeDense, lode.ModeLexical}[w.random.IntN(4)]
	q.Fusion = []lode.Fusion{"", lode.FusionRRF, lode.FusionDBSF}[w.random.IntN(3)]
	if w.chance(2) {
		f := lode.And(lode.WhereEq("year", lode.IntegerValue(int64(2000+w.random.IntN(5)))), lode.Where("source", lode.Test{Ne: ptr(lode.StringValue("s1"))}))
		q.Filter = &f
	}
	if w.chance(3) {
		q.MinScore = map[string]float64{[]string{"score", "fused", "dense", "lexical"}[w.random.IntN(4)]: w.random.Float64()}
	}
	if w.chance(3) {
		q.Collapse = ptr(0.3 + 0.7*w.random.Float64())
	}
	if w.chance(3) {
		q.PerSource = ptr(1 + w.random.IntN(3))
	}
	if w.chance(3) {
		q.Diversity = ptr(w.random.Float64())
	}
	if w.chance(4) {
		q.Depth = ptr(k + w.random.IntN(40))
	}
	if w.chance(4) && q.MinScore == nil { // a least score is exact, and scores decay with every second
		q.Recency = &v1.Recency{HalfLife: lode.Period(time.Hour), Weight: 0.5}
	}
	return q
}

// change makes the change in a question as a program would.
func (w *world) change(q *v1.Retrieve, c *v1.Change) {
	w.t.Helper()
	raw, err := json.Marshal(q)
	if err != nil {
		w.t.Fatal(err)
	}
	members := map[string]any{}
	if err := json.Unmarshal(raw, &members); err != nil {
		w.t.Fatal(err)
	}
	if members[c.Field] = c.Value; c.Value == nil {
		delete(members, c.Field)
	}
	if raw, err = json.Marshal(members); err != nil {
		w.t.Fatal(err)
	}
	*q = v1.Retrieve{}
	if err := json.Unmarshal(raw, q); err != nil {
		w.t.Fatal(err)
	}
}

// miss asks why a random document is not in an answer, and reports whether it was not.
func (w *world) miss(name string) bool {
	w.t.Helper()
	q, id := w.question(), w.ids[w.random.IntN(len(w.ids))]
	before, err := w.node.Retrieve(w.t.Context(), name, q)
	if err != nil {
		w.t.Fatal(err)
	}
	hit, cited := holds(before, id)
	if hit && cited {
		return false
	}
	why, err := w.node.WhyNot(w.t.Context(), name, v1.WhyNot{Query: q, Document: id, Kind: "vector"})
	if err != nil {
		w.t.Fatal(err)
	}
	if hit != (why.Rank > 0) || why.InContext || len(why.Reasons) == 0 {
		w.t.Fatalf("%s: hit %v, cited %v; %+v", id, hit, cited, why)
	}
	asked, shown := q, false
	for _, r := range why.Reasons {
		w.found[r.Stage]++
		if shown = r.Change == nil && r.Stage == lode.ReasonContext; r.Change != nil {
			w.change(&q, r.Change)
		}
	}
	after, err := w.node.Retrieve(w.t.Context(), name, q)
	if err != nil {
		raw, _ := json.Marshal(why)
		w.t.Fatalf("%v after %s", err, raw)
	}
	if hit, cited = holds(after, id); !hit || !cited && !shown {
		raw, _ := json.Marshal([]any{why, asked})
		w.t.Fatalf("%s is not back (hit %v, cited %v) after %s", id, hit, cited, raw)
	}
	return true
}

func holds(answer *v1.Retrieved, id lode.DocID) (hit, cited bool) {
	hit = slices.ContainsFunc(answer.Hits, func(h v1.Hit) bool { return h.DocumentID == id })
	cited = slices.ContainsFunc(answer.Context.Citations, func(c v1.Citation) bool { return c.DocumentID == id })
	return hit, cited
}

// TestWhyNotBringsBack: for random misses, removing the reasons that are named brings the document back.
func TestWhyNotBringsBack(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Log("seed", seed)
	misses, random := 1000, rand.New(rand.NewPCG(seed, 0))
	if testing.Short() {
		misses = 200
	}
	_, node := open(t, server.Config{})
	all := map[lode.ReasonStage]int{}
	for n, i := 0, 0; n < misses; i++ {
		name := fmt.Sprint("world-", i)
		w := newWorld(t, node, random, name)
		for range 100 {
			if w.miss(name) {
				n++
			}
		}
		for stage, count := range w.found {
			all[stage] += count
		}
	}
	t.Log(all)
	for _, stage := range []lode.ReasonStage{
		lode.ReasonFilter, lode.ReasonLexical, lode.ReasonDense, lode.ReasonMinScore, lode.ReasonCollapse, lode.ReasonCaps,
		lode.ReasonDiversity, lode.ReasonRank, lode.ReasonContext,
	} {
		if all[stage] == 0 {
			t.Errorf("%s was never a reason", stage)
		}
	}
}

// TestWhyNotOfWhatNoSearchShows names what is the matter with documents before any search, and tells
// of access only those who see everything.
func TestWhyNotOfWhatNoSearchShows(t *testing.T) {
	_, node := open(t, server.Config{})
	mustCreate(t, node, "docs")
	text, other, broken := "# Lode\n\nA vein of ore.", "# Gangue\n\nRock without ore.", "%PDF-1.4 broken"
	past := time.Now().Add(-time.Hour)
	_, err := node.UploadJSON(t.Context(), "docs", []v1.DocumentUpload{
		{ID: "open", Content: &text}, {ID: "staff", Content: &other, Readers: []string{"staff"}},
		{ID: "old", Content: &text, ExpiresAt: &past}, {ID: "broken", Content: &broken, MediaType: "application/pdf"},
	}, client.UploadOptions{})
	if err != nil {
		t.Fatal(err)
	}
	ask := func(id lode.DocID, as ...string) *v1.WhyNotAnswer {
		t.Helper()
		req := v1.WhyNot{Query: v1.Retrieve{Text: "ore"}, Document: id}
		if as != nil {
			req.As = &as
		}
		got, err := node.WhyNot(t.Context(), "docs", req)
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
	for _, c := range []struct {
		id   lode.DocID
		as   []string
		want lode.ReasonStage
	}{
		{"nothing", nil, lode.ReasonNotFound}, {"old", nil, lode.ReasonExpired}, {"broken", nil, lode.ReasonQuarantined},
		{"staff", []string{"guests"}, lode.ReasonAccess}, {"staff", []string{}, lode.ReasonAccess},
	} {
		if got := ask(c.id, c.as...); len(got.Reasons) != 1 || got.Reasons[0].Stage != c.want || got.Reasons[0].Remedy == "" || got.Rank != 0 {
			t.Errorf("%s as %v: %+v, want %s", c.id, c.as, got, c.want)
		}
	}
	if got := ask("open"); len(got.Reasons) != 0 || got.Rank == 0 || !got.InContext || got.ChunkID == nil {
		t.Errorf("%+v", got)
	}
	if got := ask("staff", "staff"); got.Rank == 0 {
		t.Errorf("%+v", got)
	}
	found, err := node.Retrieve(t.Context(), "docs", v1.Retrieve{Text: "ore"})
	if err != nil {
		t.Fatal(err)
	}
	id := found.Hits[0].ChunkID
	if got, err := node.WhyNot(t.Context(), "docs", v1.WhyNot{Query: v1.Retrieve{Text: "ore"}, Chunk: &id}); err != nil || got.Rank != 1 {
		t.Errorf("%+v, %v", got, err)
	}
	id.Version++ // a passage that is none
	if got, err := node.WhyNot(t.Context(), "docs", v1.WhyNot{Query: v1.Retrieve{Text: "ore"}, Chunk: &id}); err != nil || got.Reasons[0].Stage != lode.ReasonNotFound {
		t.Errorf("%+v, %v", got, err)
	}
}
