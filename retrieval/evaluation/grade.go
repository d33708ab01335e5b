package evaluation

import "github.com/lodedb/lode"

// Grade is how good an answer a passage is: the largest grade of the spans that it is relevant to; 0 of
// none.
func (q *Question) Grade(p *Passage) int {
	grade := 0
	for i := range q.Spans {
		if span := &q.Spans[i]; span.Grade > grade {
			if v, same := Judge(p, span); same && v.Relevant() {
				grade = span.Grade
			}
		}
	}
	return grade
}

// ScoreNDCG is [NDCG10] of a ranking of a valid question, as runs have it.
func (q *Question) ScoreNDCG(hits []Passage) float64 { return q.ndcg(q.judge(hits), 10) }

// EnsureAsked refuses a set of which more than half was drafted of the texts: such questions choose the
// search for words, whatever people ask.
func (s *Set) EnsureAsked() error {
	n := s.DraftedCount()
	if 2*n <= len(s.Questions) {
		return nil
	}
	return lode.FieldError(lode.CodePrecondition, "drafted", n, "%d of %d questions were drafted of the texts: they favour the search for words", n, len(s.Questions)).
		WithHint("take questions that people asked, such as feedback")
}
