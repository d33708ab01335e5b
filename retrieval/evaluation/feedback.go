package evaluation

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"time"
)

// Judgement is what somebody said of a span that a query found.
type Judgement struct {
	Query  string
	Span   Span // with its grade
	Answer string
	At     time.Time
}

// FromFeedback makes a set of judgements: those of the same query are one question, of those of the
// same span the latest counts. A query of which nothing was useful is left out, as no ranking could
// be right. The set may be empty, and then is not valid. Questions come in order of their ids, which
// are hashes of the queries.
func FromFeedback(all []Judgement) *Set {
	sorted := slices.Clone(all)
	slices.SortStableFunc(sorted, func(a, b Judgement) int { return a.At.Compare(b.At) })
	byQuery := map[string]*Question{}
	for _, j := range sorted {
		q := byQuery[j.Query]
		if q == nil {
			q = &Question{ID: feedbackID(j.Query), Query: j.Query}
			byQuery[j.Query] = q
		}
		q.Answer = cmp.Or(j.Answer, q.Answer)
		q.Spans = slices.DeleteFunc(q.Spans, func(s Span) bool {
			s.Grade = j.Span.Grade
			return s == j.Span
		})
		q.Spans = append(q.Spans, j.Span)
		if len(q.Spans) > MaxSpans {
			q.Spans = q.Spans[1:]
		}
	}
	set := &Set{}
	for _, q := range byQuery {
		if q.Relevant() > 0 {
			set.Questions = append(set.Questions, *q)
		}
	}
	slices.SortFunc(set.Questions, func(a, b Question) int { return cmp.Compare(a.ID, b.ID) })
	return set
}

func feedbackID(query string) string {
	h := sha256.Sum256([]byte(query))
	return "feedback-" + hex.EncodeToString(h[:8])
}
