package v1

import "github.com/lodedb/lode"

// CheckAnswer asks whether the passages that an answer cites hold what it says.
type CheckAnswer struct {
	Answer    string           `json:"answer" doc:"The answer of a model, with the numbers of its citations in brackets: [1], [2, 3]." minLength:"1" maxLength:"65536" example:"The ferry leaves at 8.15 [1]."`
	Citations []AnswerCitation `json:"citations,omitempty" doc:"What the numbers stand for; the citations of a context can be given as they are." maxItems:"128"`
}

// AnswerCitation is a number of an answer and the chunk that it stands for.
type AnswerCitation struct {
	Number  int          `json:"number" doc:"As in [1]." minimum:"1" example:"1"`
	ChunkID lode.ChunkID `json:"chunk_id" doc:"The chunk." example:"ch-12-1-0"`
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
	Place   *Span    `json:"place,omitempty" doc:"Where, in bytes of the text of the chunk."`
	Missing []string `json:"missing,omitempty" doc:"What that place does not hold."`
}

// CheckedCitation is a citation followed to the bytes.
type CheckedCitation struct {
	Number   int          `json:"number" doc:"As in [1]." example:"1"`
	ChunkID  lode.ChunkID `json:"chunk_id" doc:"The chunk." example:"ch-12-1-0"`
	Found    bool         `json:"found" doc:"There is such a chunk, and the caller may see it." example:"true"`
	Verified bool         `json:"verified" doc:"Every hash between its text and the bytes that were received holds." example:"true"`
	Cited    bool         `json:"cited" doc:"A sentence of the answer cites it." example:"true"`
}
