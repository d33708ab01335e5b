package collection_test

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/collection"
)

// modelDoc is what the model knows of one document or raw vector.
type modelDoc struct {
	shown    []modelRow // of the current version
	metadata lode.Metadata
	readers  []string
	uri      string

	pending  string // text of a newest version that is not shown; "" when there is none
	failed   bool   // and it is in quarantine
	nextMeta lode.Metadata
	nextRead []string
	nextURI  string
	job      lode.Job
	old      []lode.Job // jobs that do not hold any more

	who *modelWho
	// past is set on what was shown at an earlier moment: who may see it now decides too.
	past bool
}

// modelWho is a document through its versions: the newest state, or the last one.
type modelWho struct{ now *modelDoc }

// modelWorld is what is there at a moment.
type modelWorld struct {
	docs   map[lode.DocID]*modelDoc // "d…"
	points map[lode.DocID]*modelDoc // "p…"
	at     time.Time                // zero: now
}

type modelRow struct {
	id     lode.RowID
	text   string
	vector lode.Vector
	image  lode.Vector       // nil: none
	words  lode.SparseVector // without entries: none
}

// other gives a point vectors in two named spaces, or in one, or in none.
func (m *model) other(t *rapid.T, p *lode.Point) {
	if x := rapid.IntRange(0, 3).Draw(t, "image"); x > 0 {
		p.Vectors = map[string]lode.Vector{"image": {float32(x), 1}}
	}
	if x := rapid.Uint32Range(0, 3).Draw(t, "words"); x > 0 {
		p.Sparse = map[string]lode.SparseVector{"words": {Indices: []uint32{x, 7}, Values: []float32{float32(x), -1}}}
	}
}

func (d *modelDoc) maySee(p lode.Principal) bool {
	if d.past && !d.who.now.maySee(p) {
		return false
	}
	return p.MaySee(d.readers) && (d.pending == "" || p.MaySee(d.nextRead))
}

// model drives a node and a plain map side by side.
type model struct {
	*node
	*modelWorld
	moments []moment
	from    time.Time     // since when there is a history
	kept    time.Duration // how long it is; 0: there is none
	asked   int           // questions about the past that were answered
	lastRow lode.RowID
	early   int // answers before a collection was loaded
}

var words = []string{"zebra", "lion", "tiger", "otter", "heron"}

func (m *model) anyText(t *rapid.T) string {
	lines := rapid.SliceOfN(rapid.SampledFrom(words), 1, 3).Draw(t, "lines")
	return strings.Join(lines, "\n")
}

func (m *model) anyFacts(t *rapid.T) (lode.Metadata, []string) {
	var metadata lode.Metadata
	if year := rapid.IntRange(2019, 2022).Draw(t, "year"); year > 2019 {
		metadata = lode.Metadata{"year": lode.IntegerValue(int64(year))}
	}
	readers := [][]string{nil, {"a"}, {"b"}, {"a", "b"}}
	return metadata, rapid.SampledFrom(readers).Draw(t, "readers")
}

func anyDoc(t *rapid.T) lode.DocID {
	return lode.DocID(fmt.Sprint("d", rapid.IntRange(0, 3).Draw(t, "doc")))
}

// anyJob picks a document with work to do.
func (m *model) anyJob(t *rapid.T) *modelDoc {
	var open []lode.DocID
	for id, d := range m.docs {
		if d.pending != "" && !d.failed {
			open = append(open, id)
		}
	}
	if len(open) == 0 {
		t.Skip("no job")
	}
	slices.Sort(open)
	return m.docs[rapid.SampledFrom(open).Draw(t, "job")]
}

func newModelDoc() *modelDoc {
	d := &modelDoc{who: &modelWho{}}
	d.who.now = d
	return d
}

func (m *model) Submit(t *rapid.T) {
	id, text := anyDoc(t), m.anyText(t)
	a := m.accepted("c", id, text)
	a.Metadata, a.Readers = m.anyFacts(t)
	a.URI = rapid.SampledFrom([]string{"file:a", "file:b"}).Draw(t, "uri")
	r := m.submit(a)
	d := m.docs[id]
	if d == nil {
		d = newModelDoc()
		m.docs[id] = d
	}
	newest := d.pending
	if newest == "" {
		newest = modelText(d.shown)
	}
	switch {
	case newest == text && d.pending == "":
		d.metadata, d.readers, d.uri = a.Metadata, a.Readers, a.URI
	case newest == text && !d.failed:
		d.nextMeta, d.nextRead, d.nextURI = a.Metadata, a.Readers, a.URI
	default:
		if d.pending != "" {
			d.old = append(d.old, d.job)
		}
		d.pending, d.failed = text, false
		d.nextMeta, d.nextRead, d.nextURI = a.Metadata, a.Readers, a.URI
		d.job = m.job("c", r)
	}
	if len(d.shown) == 0 {
		d.metadata, d.readers = a.Metadata, a.Readers
	}
}

func modelText(rows []modelRow) string {
	var lines []string
	for _, r := range rows {
		lines = append(lines, r.text)
	}
	return strings.Join(lines, "\n")
}

func (m *model) Finish(t *rapid.T) {
	d := m.anyJob(t)
	if err := m.finish(d.job, d.pending); err != nil {
		t.Fatalf("finish: %v", err)
	}
	d.shown = nil
	for line := range strings.SplitSeq(d.pending, "\n") {
		m.lastRow++
		d.shown = append(d.shown, modelRow{id: m.lastRow, text: line, vector: vectorOf(line)})
	}
	d.metadata, d.readers, d.uri = d.nextMeta, d.nextRead, d.nextURI
	d.pending, d.nextMeta, d.nextRead = "", nil, nil
	d.old = append(d.old, d.job)
}

func (m *model) Stage(t *rapid.T) {
	d := m.anyJob(t)
	_, chunks := refine(d.job, "staged\nonly")
	if err := m.StageChunks(ctx, d.job, chunks); err != nil {
		t.Fatalf("stage: %v", err)
	}
	m.claim(t, d)
}

func (m *model) claim(t *rapid.T, d *modelDoc) {
	fresh, err := m.Claim(ctx, d.job)
	if err != nil || fresh.Epoch != d.job.Epoch+1 {
		t.Fatalf("claim: %+v, %v", fresh, err)
	}
	d.old = append(d.old, d.job)
	d.job = fresh
}

func (m *model) Claim_(t *rapid.T) { m.claim(t, m.anyJob(t)) }

func (m *model) Fail_(t *rapid.T) {
	d := m.anyJob(t)
	err := m.Fail(ctx, d.job, lode.Failure{Stage: lode.StageParse, Code: lode.CodeMalformed}, nil)
	if err != nil {
		t.Fatalf("fail: %v", err)
	}
	d.failed = true
}

func (m *model) Retry_(t *rapid.T) {
	id := anyDoc(t)
	d := m.docs[id]
	j, err := m.Retry(ctx, root, "c", id)
	switch {
	case d == nil:
		wantCode(t, err, lode.CodeNotFound)
	case !d.failed:
		wantCode(t, err, lode.CodeConflict)
	case err != nil:
		t.Fatalf("retry: %v", err)
	default:
		d.old = append(d.old, d.job)
		d.job, d.failed = j, false
	}
}

// Stale works under jobs that do not hold any more: nothing of it may have an effect.
func (m *model) Stale(t *rapid.T) {
	d := m.docs[anyDoc(t)]
	if d == nil || len(d.old) == 0 {
		t.Skip("no old job")
	}
	j := rapid.SampledFrom(d.old).Draw(t, "old")
	wantCode(t, m.finish(j, "stale"), lode.CodeSuperseded)
	wantCode(t, m.Fail(ctx, j, lode.Failure{Stage: lode.StageParse, Code: lode.CodeInternal}, nil), lode.CodeSuperseded)
	_, err := m.Claim(ctx, j)
	wantCode(t, err, lode.CodeSuperseded)
}

func (m *model) Delete(t *rapid.T) {
	id := anyDoc(t)
	errs, err := m.DeleteDocuments(ctx, root, "c", lode.KindDocument, []lode.DocID{id})
	if err != nil || (errs[0] == nil) != (m.docs[id] != nil) {
		t.Fatalf("delete: %v, %v", errs, err)
	}
	delete(m.docs, id)
}

func (m *model) PutPoint(t *rapid.T) {
	id := lode.DocID(fmt.Sprint("p", rapid.IntRange(0, 5).Draw(t, "point")))
	text := rapid.SampledFrom(append(words, "")).Draw(t, "text")
	p := lode.Point{ID: id, Text: text, Vector: vectorOf(rapid.SampledFrom(words).Draw(t, "vector"))}
	p.Metadata, p.Readers = m.anyFacts(t)
	m.other(t, &p)
	if errs, err := m.PutPoints(ctx, root, "c", []lode.Point{p}); err != nil || errs[0] != nil {
		t.Fatalf("put: %v, %v", errs, err)
	}
	d := m.points[id]
	if d == nil || d.shown[0].text != text || !slices.Equal(d.shown[0].vector, p.Vector) ||
		!slices.Equal(d.shown[0].image, p.Vectors["image"]) || !d.shown[0].words.Equal(p.Sparse["words"]) {
		m.lastRow++
		who := &modelWho{}
		if d != nil {
			who = d.who
		}
		d = &modelDoc{who: who, shown: []modelRow{{id: m.lastRow, text: text, vector: p.Vector, image: p.Vectors["image"], words: p.Sparse["words"]}}}
		who.now = d
		m.points[id] = d
	}
	d.metadata, d.readers = p.Metadata, p.Readers
}

func (m *model) DeletePoint(t *rapid.T) {
	id := lode.DocID(fmt.Sprint("p", rapid.IntRange(0, 5).Draw(t, "point")))
	errs, err := m.DeleteDocuments(ctx, root, "c", lode.KindVector, []lode.DocID{id})
	if err != nil || (errs[0] == nil) != (m.points[id] != nil) {
		t.Fatalf("delete: %v, %v", errs, err)
	}
	delete(m.points, id)
}

func (m *model) Restart(*rapid.T) { m.restart() }

func (m *model) Flush(t *rapid.T) {
	if err := m.store.Flush(); err != nil {
		t.Fatal(err)
	}
}

func (m *model) Crash(*rapid.T) { m.crash() }

// Seal_ closes the growing segment and builds it, unless documents are being staged in it.
func (m *model) Seal_(t *rapid.T) {
	if _, err := m.Seal(ctx, root, "c"); err != nil && !lode.IsCode(err, lode.CodeConflict) {
		t.Fatal(err)
	}
}

// Build builds what was closed later, when the last document that was staged in it was done.
func (m *model) Build(t *rapid.T) {
	if _, err := m.MergeDue(ctx); err != nil {
		t.Fatal(err)
	}
	if _, err := m.SealDue(ctx); err != nil {
		t.Fatal(err)
	}
}

// Graphs builds the graphs that sealed segments lack.
func (m *model) Graphs(t *rapid.T) {
	if _, err := m.BuildGraphs(ctx); err != nil {
		t.Fatal(err)
	}
}

// Words writes the words that sealed segments lack.
func (m *model) Words(t *rapid.T) {
	if _, err := m.BuildWords(ctx); err != nil {
		t.Fatal(err)
	}
}

func (m *model) Restore_(t *rapid.T) {
	var copied bytes.Buffer
	write, release, err := m.Snapshot()
	if err != nil {
		t.Fatal(err)
	}
	defer release()
	before := m.hash()
	if err := errors.Join(write(&copied), m.Restore(&copied)); err != nil {
		t.Fatal(err)
	}
	if m.hash() != before {
		t.Fatal("snapshot and restore change the state")
	}
}

// search is brute force over the model.
func (m *modelWorld) search(p lode.Principal, f lode.Filter, score func(modelRow) (float64, bool)) []lode.Candidate {
	found := []lode.Candidate{}
	for _, docs := range []map[lode.DocID]*modelDoc{m.docs, m.points} {
		for _, d := range docs {
			if !d.maySee(p) || !f.Match(&lode.Document{Metadata: d.metadata}) {
				continue
			}
			for _, r := range d.shown {
				if s, ok := score(r); ok {
					found = append(found, lode.Candidate{Row: r.id, Score: s})
				}
			}
		}
	}
	slices.SortFunc(found, func(a, b lode.Candidate) int {
		return cmp.Or(cmp.Compare(b.Score, a.Score), cmp.Compare(a.Row, b.Row))
	})
	return found
}

func (m *model) stats() (s lode.CollectionStats) {
	for _, d := range m.docs {
		if len(d.shown) > 0 {
			s.Documents++
			s.Chunks += len(d.shown)
		}
		if d.pending != "" && d.failed {
			s.Quarantined++
		} else if d.pending != "" {
			s.Pending++
		}
	}
	s.Vectors = len(m.points)
	return s
}

// verify compares everything that can be seen.
func (m *model) verify(t *rapid.T) {
	m.verifyEarly(t)
	if _, stats, err := m.Collection(ctx, root, "c"); err != nil || stats != m.stats() {
		t.Fatalf("stats %+v, want %+v (%v)", stats, m.stats(), err)
	}
	m.remember()
	m.verifyView(t, m.modelWorld, func(p lode.Principal) (*collection.View, error) { return m.View(ctx, p, "c") })
	m.verifyPast(t)
}

// verifyView compares what a view answers.
func (m *model) verifyView(t *rapid.T, world *modelWorld, view func(lode.Principal) (*collection.View, error)) {
	principals := []lode.Principal{root, {ID: "a", Labels: []string{"a"}}, {ID: "nobody"}}
	from := lode.IntegerValue(2021)
	filters := []lode.Filter{{}, lode.Where("year", lode.Test{Gte: &from}), lode.Not(lode.WhereEq("year", from))}
	p := rapid.SampledFrom(principals).Draw(t, "principal")
	f := rapid.SampledFrom(filters).Draw(t, "filter")
	word := rapid.SampledFrom(words).Draw(t, "word")
	k := rapid.IntRange(1, 12).Draw(t, "k")
	query := vectorOf(word)
	v, err := view(p)
	if err != nil {
		t.Fatal(err)
	}
	got, err := v.Dense(ctx, query, k, f)
	want := world.search(p, f, func(r modelRow) (float64, bool) { return dot(query, r.vector), true })
	if want = want[:min(k, len(want))]; err != nil || !slices.Equal(got, want) {
		t.Fatalf("dense %v, want %v (%v)", got, want, err)
	}
	world.verifyRows(t, v, got)
	world.verifyOthers(t, v, p, f, k)
	scores := world.wordScores(t, word)
	got, err = v.Lexical(ctx, word, k, f)
	want = world.search(p, f, func(r modelRow) (float64, bool) { s, ok := scores[r.id]; return s, ok })
	if want = want[:min(k, len(want))]; err != nil || !slices.Equal(got, want) {
		t.Fatalf("lexical %v, want %v (%v)", got, want, err)
	}
}

// verifyEarly looks at what is answered before a collection is loaded, after a start.
func (m *model) verifyEarly(t *rapid.T) {
	v, err := m.EarlyView(ctx, root, "c")
	if err != nil {
		t.Fatal(err)
	}
	if v == nil {
		return
	}
	query, k := vectorOf(rapid.SampledFrom(words).Draw(t, "early")), rapid.IntRange(1, 12).Draw(t, "early k")
	got, err := v.Dense(ctx, query, k, lode.Filter{})
	if errors.Is(err, collection.ErrViewGone) {
		return
	}
	want := m.search(root, lode.Filter{}, func(r modelRow) (float64, bool) { return dot(query, r.vector), true })
	if want = want[:min(k, len(want))]; err != nil || !slices.Equal(got, want) {
		t.Fatalf("early %v, want %v (%v)", got, want, err)
	}
	m.verifyRows(t, v, got)
	m.early++
}

// verifyOthers compares the searches in named spaces.
func (m *modelWorld) verifyOthers(t *rapid.T, v *collection.View, p lode.Principal, f lode.Filter, k int) {
	near := lode.Vector{2, 1}
	got, err := v.DenseWith(ctx, near, lode.DenseSearch{K: k, Filter: f, Using: "image"})
	want := m.search(p, f, func(r modelRow) (float64, bool) {
		if r.image == nil {
			return 0, false
		}
		x, y := float64(near[0]-r.image[0]), float64(near[1]-r.image[1])
		return -(x*x + y*y) + 0, true
	})
	if want = want[:min(k, len(want))]; err != nil || !slices.Equal(got, want) {
		t.Fatalf("in space image %v, want %v (%v)", got, want, err)
	}
	got, err = v.Sparse(ctx, "words", lode.SparseVector{Indices: []uint32{2, 7}, Values: []float32{3, 1}}, k, f)
	want = m.search(p, f, func(r modelRow) (float64, bool) {
		if r.words.Len() == 0 {
			return 0, false
		}
		score := float64(r.words.Values[1])
		if r.words.Indices[0] == 2 {
			score += 3 * float64(r.words.Values[0])
		}
		return score, true
	})
	if want = want[:min(k, len(want))]; err != nil || !slices.Equal(got, want) {
		t.Fatalf("in space words %v, want %v (%v)", got, want, err)
	}
}

// wordScores are the scores of a fresh index of what is searchable: nothing that was
// replaced or removed may count in the statistics.
func (m *modelWorld) wordScores(t *rapid.T, word string) map[lode.RowID]float64 {
	everything := m.search(root, lode.Filter{}, func(modelRow) (float64, bool) { return 0, true })
	texts := map[lode.RowID]string{}
	for _, docs := range []map[lode.DocID]*modelDoc{m.docs, m.points} {
		for _, d := range docs {
			for _, r := range d.shown {
				texts[r.id] = r.text
			}
		}
	}
	var live []worded
	for _, c := range everything {
		live = append(live, worded{id: c.Row, text: texts[c.Row]})
	}
	scores := map[lode.RowID]float64{}
	for _, c := range oneIndex(t, live, word) {
		scores[c.Row] = c.Score
	}
	return scores
}

func (m *modelWorld) verifyRows(t *rapid.T, v answering, found []lode.Candidate) {
	rows, err := v.Rows(ctx, rowIDs(found), true)
	if err != nil {
		t.Fatalf("rows: %v", err)
	}
	for i, row := range rows {
		d := m.docs[row.Document.ID]
		if row.Document.Kind == lode.KindVector {
			d = m.points[row.Document.ID]
		}
		if row.Version.URI != d.uri || !m.at.IsZero() && row.Document.UpdatedAt.After(m.at) {
			t.Fatalf("as of %s row %+v of %+v, %+v; want URI %q", m.at, row, row.Document, row.Version, d.uri)
		}
		at := slices.IndexFunc(d.shown, func(r modelRow) bool { return r.id == found[i].Row })
		if at >= 0 && (!slices.Equal(d.shown[at].image, row.Vectors["image"]) || !d.shown[at].words.Equal(row.Sparse["words"])) {
			t.Fatalf("row %+v has other named vectors in the model", row)
		}
		if at < 0 || row.ID != found[i].Row || d.shown[at].text != row.Chunk.Text || !slices.Equal(d.shown[at].vector, row.Vector) {
			t.Fatalf("row %+v is not in the model", row)
		}
	}
}

func dot(a, b lode.Vector) (sum float64) {
	for i := range a {
		sum += float64(a[i]) * float64(b[i])
	}
	return sum
}

// TestModel: random operations on a node and on a map always look the same, and the log
// that they left gives the same state again.
func TestModel(t *testing.T) {
	_, past := testModel(t, func(*collection.Options) {})
	t.Logf("%d questions about the past", past)
	if past == 0 {
		t.Error("nothing was answered about the past")
	}
}

// TestModelEarly is TestModel for a node whose starts wait for no collection.
func TestModelEarly(t *testing.T) {
	if early, _ := testModel(t, func(o *collection.Options) { o.EarlyRows = 1 }); early == 0 {
		t.Error("nothing was answered early")
	}
}

func testModel(t *testing.T, change func(*collection.Options)) (early, past int) {
	rapid.Check(t, func(t *rapid.T) {
		n := open(t, withGraphs(&testGraphs{}), change)
		n.storage.FlushInterval = time.Hour // files change when the model says so
		n.restart()
		m := &model{node: n, modelWorld: &modelWorld{docs: map[lode.DocID]*modelDoc{}, points: map[lode.DocID]*modelDoc{}}}
		m.createSpaced("c")
		if rapid.IntRange(0, 3).Draw(t, "kept from the start") > 0 { // else few short runs have a past
			if err := m.keepFor(time.Hour); err != nil {
				t.Fatal(err)
			}
		}
		t.Repeat(map[string]func(*rapid.T){
			"":            m.verify,
			"submit":      m.Submit,
			"submit more": m.Submit,
			"finish":      m.Finish,
			"finish more": m.Finish,
			"stage":       m.Stage,
			"claim":       m.Claim_,
			"fail":        m.Fail_,
			"retry":       m.Retry_,
			"stale":       m.Stale,
			"delete":      m.Delete,
			"put point":   m.PutPoint,
			"drop point":  m.DeletePoint,
			"restart":     m.Restart,
			"graphs":      m.Graphs,
			"words":       m.Words,
			"flush":       m.Flush,
			"crash":       m.Crash,
			"seal":        m.Seal_,
			"build":       m.Build,
			"restore":     m.Restore_,
			"history":     m.History,
			"prune":       m.Prune,
			"describe":    m.Describe,
		})
		m.PutPoint(t)
		m.restart() // in few short runs another start was drawn, with something to answer from
		m.verify(t)
		other := openBare(t)
		other.Apply(m.log.all())
		if other.hash() != m.hash() {
			t.Fatal("the log gives another state when it is replayed from its beginning")
		}
		copyBlobs(t, m.node, other)
		early, past = early+m.early, past+m.asked
	})
	return early, past
}
