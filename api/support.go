package api

import (
	"cmp"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"time"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/api/v1"
	"github.com/lodedb/lode/retrieval/support"
)

// checkAnswer holds an answer against the passages that it cites. One that is not there, or
// that the caller may not see, holds nothing: whoever checks an answer wants to know that too.
func (s *service) checkAnswer(w http.ResponseWriter, r *http.Request, p lode.Principal) error {
	collection, err := pathCollection(r)
	if err != nil {
		return err
	}
	var req v1.CheckAnswer
	if err := readJSON(r, &req); err != nil {
		return err
	}
	if err := validateCheck(&req); err != nil {
		return err
	}
	asOf, err := s.readAt(r)
	if err != nil {
		return err
	}
	quoted, err := s.quote(r, p, collection, req.Citations, asOf)
	if err != nil {
		return err
	}
	out := v1.CheckedAnswer{Citations: make([]v1.CheckedCitation, len(req.Citations))}
	sources := make([]support.Source, len(req.Citations))
	for i, c := range req.Citations {
		out.Citations[i] = v1.CheckedCitation{Number: c.Number, ChunkID: c.ChunkID, Found: quoted[i].Found, Verified: quoted[i].Verified, Reason: quoted[i].Reason}
		if quoted[i].Found {
			out.Citations[i].Kind = kindName(quoted[i].Kind)
		}
		sources[i] = support.Source{Number: c.Number, Text: quoted[i].Text}
	}
	checked, err := support.Check(req.Answer, sources)
	if err != nil {
		return err
	}
	fillChecked(&out, req.Answer, checked)
	return writeJSON(w, http.StatusOK, out)
}

func validateCheck(req *v1.CheckAnswer) error {
	if req.Answer == "" {
		return lode.Invalid("answer", "", "there is no answer to check")
	}
	if len(req.Answer) > support.MaxAnswerBytes { // before anything is read for it
		return lode.Invalid("answer", len(req.Answer), "an answer has at most %d bytes", support.MaxAnswerBytes)
	}
	if len(req.Citations) > support.MaxSources {
		return lode.Invalid("citations", len(req.Citations), "an answer has at most %d citations", support.MaxSources)
	}
	for i, c := range req.Citations {
		if c.Number < 1 {
			return lode.Invalid(fmt.Sprintf("citations[%d].number", i), c.Number, "numbers begin at 1")
		}
		if n := len(c.Parts) + len(c.Headers); n > maxCitedSpans {
			return lode.Invalid(fmt.Sprintf("citations[%d].parts", i), n, "a citation has at most %d spans", maxCitedSpans)
		}
	}
	return nil
}

// maxCitedSpans bounds the spans of one citation. A passage of more chunks is larger than any budget.
const maxCitedSpans = 100_000

// quote follows citations to their texts. One of another collection, in an answer from several, is
// looked for there.
func (s *service) quote(r *http.Request, p lode.Principal, collection string, citations []v1.AnswerCitation, asOf time.Time) ([]lode.Quotation, error) {
	of := map[string][]int{collection: nil} // also without citations: it must be there
	for i, c := range citations {
		name := cmp.Or(c.Collection, collection)
		of[name] = append(of[name], i)
	}
	out := make([]lode.Quotation, len(citations))
	for _, name := range slices.Sorted(maps.Keys(of)) {
		cited := make([]lode.Cited, len(of[name]))
		for j, i := range of[name] {
			cited[j] = citedBy(&citations[i])
		}
		quoted, err := s.Backend.Ingest.Quote(r.Context(), p, name, cited, asOf)
		if coded := codedError(err); err != nil && name != collection && coded.Code == lode.CodeNotFound {
			for _, i := range of[name] {
				out[i].Reason = "there is no such collection"
			}
			continue
		}
		if err != nil {
			return nil, err
		}
		for j, i := range of[name] {
			out[i] = quoted[j]
		}
	}
	return out, nil
}

// citedBy is what a citation shows: headers, then parts, or the span that stands for them.
func citedBy(c *v1.AnswerCitation) lode.Cited {
	cited := lode.Cited{Chunk: c.ChunkID}
	parts := c.Parts
	if len(parts) == 0 && c.Span != nil {
		parts = []v1.Span{*c.Span}
	}
	if len(parts) > 0 {
		for _, span := range slices.Concat(c.Headers, parts) {
			cited.Spans = append(cited.Spans, lode.Span(span))
		}
	}
	return cited
}

func fillChecked(out *v1.CheckedAnswer, answer string, checked *support.Report) {
	out.Claims, out.Supported = checked.Claims, checked.Supported
	out.Sentences = make([]v1.CheckedSentence, len(checked.Sentences))
	for i, s := range checked.Sentences {
		sentence := v1.CheckedSentence{
			Text: answer[s.Span.Start:s.Span.End], Span: v1.Span(s.Span), Cites: s.Cites, Unknown: s.Unknown,
			Verdict: string(s.Verdict), Score: s.Score, Number: s.Source, Missing: s.Missing,
		}
		if s.Score > 0 {
			place := v1.Span(s.Place)
			sentence.Place = &place
		}
		out.Sentences[i] = sentence
	}
	for i := range out.Citations {
		out.Citations[i].Cited = !slices.Contains(checked.Unused, out.Citations[i].Number)
	}
}
