package evaluation

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/internal/beir"
)

func passage(doc lode.DocID, start, end int) Passage {
	return Passage{Document: doc, Span: lode.Span{Start: start, End: end}}
}

func TestJudge(t *testing.T) {
	f := func(p Passage, s Span, covered, iou float64, relevant bool) {
		t.Helper()
		v, same := Judge(&p, &s)
		if !same || math.Abs(v.Covered-covered) > 1e-12 || math.Abs(v.IoU-iou) > 1e-12 || v.Relevant() != relevant {
			t.Errorf("%v, %v: %+v of the same document %v", p.Span, s, v, same)
		}
	}
	span := Span{Document: "d", Start: 100, End: 200, Grade: 1}
	f(passage("d", 100, 200), span, 1, 1, true)
	f(passage("d", 0, 1000), span, 1, 0.1, true)         // a large passage holds the answer
	f(passage("d", 150, 1000), span, 0.5, 50./900, true) // just half of it
	f(passage("d", 151, 1000), span, 0.49, 49./900, false)
	f(passage("d", 130, 165), span, 0.35, 0.35, true) // a small passage of a long answer
	f(passage("d", 130, 159), span, 0.29, 0.29, false)
	f(passage("d", 200, 300), span, 0, 0, false)
	f(passage("d", 5, 6), Span{Document: "d", Grade: 1}, 1, 1, true) // judged whole

	text, other := lode.HashOf([]byte("a")), lode.HashOf([]byte("b"))
	of := func(p Passage, s Span, want bool) {
		t.Helper()
		if _, same := Judge(&p, &s); same != want {
			t.Errorf("%+v is of the document of %+v: %v", p, s, same)
		}
	}
	of(Passage{Document: "x", Bronze: text}, Span{Document: "d", Bronze: text}, true)   // a copy under another id
	of(Passage{Document: "d", Bronze: other}, Span{Document: "d", Bronze: text}, false) // another version
	of(Passage{Document: "d", URI: "u"}, Span{Document: "e", URI: "u"}, false)
	of(Passage{Document: "d", URI: "u"}, Span{URI: "u"}, true)
	of(Passage{Document: "d"}, Span{URI: ""}, false)
}

// TestScoresAgree compares with the functions that public sets are scored with, where they say the
// same: each passage answers one span.
func TestScoresAgree(t *testing.T) {
	seed := rand.Uint64()
	random := rand.New(rand.NewPCG(seed, 0))
	for round := range 500 {
		q, grades := Question{ID: "q"}, map[string]int{}
		for i := range 1 + random.IntN(12) {
			q.Spans = append(q.Spans, Span{Document: lode.DocID(fmt.Sprint(i)), Grade: random.IntN(4)})
			grades[fmt.Sprint(i)] = q.Spans[i].Grade
		}
		if q.Relevant() == 0 {
			continue
		}
		var hits []Passage
		var ranked []string
		for _, i := range random.Perm(40)[:random.IntN(30)] {
			hits, ranked = append(hits, passage(lode.DocID(fmt.Sprint(i)), 0, 1)), append(ranked, fmt.Sprint(i))
		}
		var s Scores
		s.rank(&q, q.judge(hits))
		for m, want := range map[Metric]float64{NDCG10: beir.NDCG(ranked, grades, 10), Recall5: beir.Recall(ranked, grades, 5), Recall20: beir.Recall(ranked, grades, 20)} {
			if got, _ := s.Of(m); math.Abs(got-want) > 1e-12 {
				t.Fatalf("seed %d, round %d: %s is %v, want %v", seed, round, m, got, want)
			}
		}
	}
}

func TestScores(t *testing.T) {
	q := Question{ID: "q", Spans: []Span{
		{Document: "d", Start: 0, End: 10, Grade: 1}, {Document: "d", Start: 20, End: 30, Grade: 1}, {Document: "e", Start: 0, End: 10, Grade: 1},
	}}
	f := func(hits []Passage, ndcg, recall5, mrr, ap float64) {
		t.Helper()
		var s Scores
		s.rank(&q, q.judge(hits))
		for m, want := range map[Metric]float64{NDCG10: ndcg, Recall5: recall5, MRR: mrr, MAP: ap} {
			if got, _ := s.Of(m); math.Abs(got-want) > 1e-12 {
				t.Errorf("%v: %s is %v, want %v", hits, m, got, want)
			}
		}
	}
	ideal := 1 + 1/math.Log2(3) + 0.5
	f([]Passage{passage("d", 0, 10), passage("d", 20, 30), passage("e", 0, 10)}, 1, 1, 1, 1)
	f([]Passage{passage("d", 0, 30), passage("e", 0, 10)}, 1, 1, 1, 1) // one passage answers two
	f([]Passage{passage("d", 0, 30)}, 2/ideal, 2./3, 1, 2./3)
	f([]Passage{passage("x", 0, 10), passage("d", 0, 10), passage("d", 0, 9)}, (1/math.Log2(3))/ideal, 1./3, 0.5, 0.5/3) // a repeat gains nothing
	f(nil, 0, 0, 0, 0)
}

// TestWholeDocuments ranks documents where judgements are about documents.
func TestWholeDocuments(t *testing.T) {
	q := Question{ID: "q", Spans: []Span{{Document: "d", Grade: 1}}}
	var s Scores
	s.rank(&q, q.judge([]Passage{passage("x", 0, 5), passage("x", 5, 9), passage("x", 9, 12), passage("d", 3, 4)}))
	if s.MRR != 0.5 {
		t.Errorf("MRR %v, want 1/2: three passages of one document are one place", s.MRR)
	}
	q.Spans = append(q.Spans, Span{Document: "e", Start: 1, End: 2, Grade: 1})
	s.rank(&q, q.judge([]Passage{passage("x", 0, 5), passage("x", 5, 9), passage("x", 9, 12), passage("d", 3, 4)}))
	if s.MRR != 0.25 {
		t.Errorf("MRR %v, want 1/4: passages are ranked where a span is judged", s.MRR)
	}
}
