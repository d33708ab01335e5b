package api

import (
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/api/v1"
	"github.com/lodedb/lode/retrieval/support"
)

// checkAnswer holds an answer against the chunks that it cites. A chunk that is not there, or
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
	if req.Answer == "" {
		return lode.Invalid("answer", "", "there is no answer to check")
	}
	if len(req.Citations) > support.MaxSources {
		return lode.Invalid("citations", len(req.Citations), "an answer has at most %d citations", support.MaxSources)
	}
	asOf, err := s.readAt(r)
	if err != nil {
		return err
	}
	out := v1.CheckedAnswer{Citations: make([]v1.CheckedCitation, len(req.Citations))}
	var sources []support.Source
	for i, c := range req.Citations {
		out.Citations[i] = v1.CheckedCitation{Number: c.Number, ChunkID: c.ChunkID}
		source, err := s.followCitation(r, p, collection, &out.Citations[i], asOf)
		if lode.IsCode(err, lode.CodeInvalid) {
			return lode.Invalid(fmt.Sprintf("citations[%d].chunk_id", i), c.ChunkID, "%s", codedError(err).Message)
		}
		if err != nil {
			return err
		}
		sources = append(sources, source)
	}
	checked, err := support.Check(req.Answer, sources)
	if err != nil {
		return err
	}
	fillChecked(&out, req.Answer, checked)
	return writeJSON(w, http.StatusOK, out)
}

// followCitation reads the text of a citation and follows it to the bytes.
func (s *service) followCitation(r *http.Request, p lode.Principal, collection string, c *v1.CheckedCitation, asOf time.Time) (support.Source, error) {
	source := support.Source{Number: c.Number}
	trace, err := s.Backend.Ingest.Trace(r.Context(), p, collection, c.ChunkID, asOf)
	if coded := codedError(err); err != nil && coded.Code == lode.CodeNotFound && coded.Field != "collection" {
		return source, nil
	}
	if err != nil {
		return source, err
	}
	c.Found, c.Verified = true, trace.Verified()
	source.Text = trace.Chunk.Text
	return source, nil
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
