package v1

import (
	"time"

	"github.com/lodedb/lode"
)

// CheckAnswer asks whether the passages that an answer cites hold what it says.
type CheckAnswer struct {
	Answer    string           `json:"answer" doc:"The answer of a model, with the numbers of its citations in brackets: [1], [2, 3]." minLength:"1" maxLength:"65536" example:"The ferry leaves at 8.15 [1]."`
	Citations []AnswerCitation `json:"citations,omitempty" doc:"What the numbers stand for; the citations of a context can be given as they are." maxItems:"128"`
}

// AnswerCitation is a number of an answer and the passage that it stands for: a [Citation], of which
// all but the number and the chunk may be left out.
type AnswerCitation struct {
	Number     int          `json:"number" doc:"As in [1]." minimum:"1" example:"1"`
	ChunkID    lode.ChunkID `json:"chunk_id" doc:"The chunk." example:"ch-12-1-0"`
	Collection string       `json:"collection,omitempty" doc:"Where the passage is from; the default is the collection of the path." example:"docs"`
	Span       *Span        `json:"span,omitempty" doc:"Where the passage is in the canonical text; the default is the chunk, below its header."`
	Parts      []Span       `json:"parts,omitempty" doc:"The spans of a passage that has several."`
	Headers    []Span       `json:"headers,omitempty" doc:"The spans of table headers above it."`
	DocumentID lode.DocID   `json:"document_id,omitempty" doc:"Not looked at, as all that follows."`
	URI        string       `json:"uri,omitempty" doc:"Not looked at."`
	Title      string       `json:"title,omitempty" doc:"Not looked at."`
	Path       []string     `json:"path,omitempty" doc:"Not looked at."`
	Page       int          `json:"page,omitempty" doc:"Not looked at."`
	Bronze     *lode.Hash   `json:"bronze,omitempty" doc:"Not looked at."`
	ReceivedAt *time.Time   `json:"received_at,omitempty" doc:"Not looked at."`
	AgeSeconds int64        `json:"age_seconds,omitempty" doc:"Not looked at."`
	Flags      []Flag       `json:"flags,omitempty" doc:"Not looked at."`
}

// AnswerCitations are the citations of a context as an answer to it has them.
func AnswerCitations(of []Citation) []AnswerCitation {
	out := make([]AnswerCitation, len(of))
	for i, c := range of {
		span := c.Span
		out[i] = AnswerCitation{Number: c.Number, ChunkID: c.ChunkID, Collection: c.Collection, Span: &span, Parts: c.Parts, Headers: c.Headers}
	}
	return out
}

// CheckedAnswer is an answer held against its sources.
type CheckedAnswer struct {
	Sentences []CheckedSentence `json:"sentences" doc:"The sentences of the answer, in order."`
	Claims    int               `json:"claims" doc:"Sentences that say something that can be held." example:"4"`
	Supported int               `json:"supported" doc:"Of them those that their citations hold." example:"3"`
	Citations []CheckedCitation `json:"citations" doc:"The citations, in the order of the request."`
}

// CheckedSentence is a sentence of an answer held against the passages that it cites.
type CheckedSentence struct {
	Text    string  `json:"text" doc:"The sentence."`
	Span    Span    `json:"span" doc:"Where it is in the answer, in bytes."`
	Cites   []int   `json:"cites,omitempty" doc:"The numbers that it cites."`
	Unknown []int   `json:"unknown,omitempty" doc:"Numbers that it cites and no citation has."`
	Verdict string  `json:"verdict" doc:"supported: the passages hold it; weak: most of it, or all but a name or a negation; unsupported: they do not, or a number is missing; uncited: it cites nothing; no_claim: it says nothing that could be held." enum:"supported,weak,unsupported,uncited,no_claim" example:"supported"`
	Score   float64 `json:"score" doc:"Share of what it says that one place of one passage holds: numbers count three times, names twice." example:"0.92"`
	// Number and Place are missing where nothing holds anything of it.
	Number  int      `json:"number,omitempty" doc:"The citation that holds most of it; of all of them for one that is uncited." example:"1"`
	Place   *Span    `json:"place,omitempty" doc:"Where, in bytes of what the citation shows: the text of the chunk below its header, or headers and parts as they are given, a line end between two."`
	Missing []string `json:"missing,omitempty" doc:"What that place does not hold."`
}

// CheckedCitation is a citation followed to the bytes.
type CheckedCitation struct {
	Number   int          `json:"number" doc:"As in [1]." example:"1"`
	ChunkID  lode.ChunkID `json:"chunk_id" doc:"The chunk." example:"ch-12-1-0"`
	Found    bool         `json:"found" doc:"There is such a chunk, and the caller may see it." example:"true"`
	Kind     string       `json:"kind,omitempty" doc:"What it belongs to; the text of a vector was not made from bytes that were received, and is not verified." enum:"document,vector" example:"document"`
	Verified bool         `json:"verified" doc:"Every hash between its text and the bytes that were received holds." example:"true"`
	Reason   string       `json:"reason,omitempty" doc:"Why it is not found or not verified." example:"there is no such passage"`
	Cited    bool         `json:"cited" doc:"A sentence of the answer cites it." example:"true"`
}
