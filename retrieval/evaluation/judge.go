package evaluation

import (
	"github.com/lodedb/lode"
)

// A passage is relevant to a span of its document when it holds so much of the span, or when so much
// of what either holds is in both. The first finds small answers in large passages, the second small
// passages of long answers.
const (
	LeastCovered = 0.5
	LeastIoU     = 0.3
)

// Passage is text of a document that was found, without the text.
type Passage struct {
	Document lode.DocID `json:"document"`
	URI      string     `json:"-"`
	Bronze   lode.Hash  `json:"-"`
	Span     lode.Span  `json:"span"`
}

// Verdict says how a passage and a span of the same document meet. Both measures are kept, so that
// another rule can be applied to a report.
type Verdict struct {
	Covered float64 `json:"covered"` // share of the span that the passage holds
	IoU     float64 `json:"iou"`     // bytes of both over bytes of either
}

// Relevant reports whether the passage answers the span.
func (v Verdict) Relevant() bool { return v.Covered >= LeastCovered || v.IoU >= LeastIoU }

// Judge compares a passage with a span. Any passage of a document that is judged whole has a verdict
// of 1. The second result is false where the passage is of another document, or of another text of
// the document than was judged.
func Judge(p *Passage, s *Span) (Verdict, bool) {
	if !s.isOf(p.Document, p.URI, p.Bronze) {
		return Verdict{}, false
	}
	if s.Whole() {
		return Verdict{Covered: 1, IoU: 1}, true
	}
	both := min(p.Span.End, s.End) - max(p.Span.Start, s.Start)
	if both <= 0 {
		return Verdict{}, true
	}
	either := p.Span.Len() + s.End - s.Start - both
	return Verdict{Covered: float64(both) / float64(s.End-s.Start), IoU: float64(both) / float64(either)}, true
}

// isOf reports whether the span is in a document: by the hash of its bytes where the judgement has
// one, else by id, else by URI.
func (s *Span) isOf(id lode.DocID, uri string, bronze lode.Hash) bool {
	switch {
	case !s.Bronze.IsZero():
		return s.Bronze == bronze
	case s.Document != "":
		return s.Document == id
	}
	return s.URI != "" && s.URI == uri
}

// Found says where the first passage that answers a span stands, and how.
type Found struct {
	Span int `json:"span"` // index in Question.Spans
	Rank int `json:"rank"` // from 1
	Verdict
}

// judged is a ranking as the question sees it.
type judged struct {
	found []Found // each span once, by rank
	fresh []bool  // by rank: whether the hit is the first to answer a span
}

// judge goes down a ranking. A question that is judged by whole documents ranks documents: further
// passages of one take no place, as is usual for public sets, whose systems return documents.
func (q *Question) judge(hits []Passage) judged {
	if q.wholeDocuments() {
		hits = firstOfDocuments(hits)
	}
	j := judged{fresh: make([]bool, len(hits))}
	seen := make([]bool, len(q.Spans))
	for rank := range hits {
		for i := range q.Spans {
			span := &q.Spans[i]
			if seen[i] || span.Grade == 0 {
				continue
			}
			if v, same := Judge(&hits[rank], span); same && v.Relevant() {
				seen[i], j.fresh[rank] = true, true
				j.found = append(j.found, Found{Span: i, Rank: rank + 1, Verdict: v})
			}
		}
	}
	return j
}

func firstOfDocuments(hits []Passage) []Passage {
	first := make([]Passage, 0, len(hits))
	seen := make(map[lode.DocID]bool, len(hits))
	for _, h := range hits {
		if !seen[h.Document] {
			seen[h.Document] = true
			first = append(first, h)
		}
	}
	return first
}
