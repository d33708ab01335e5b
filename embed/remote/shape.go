package remote

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"

	"github.com/lodedb/lode/embed"
	"github.com/lodedb/lode/internal/provider"
)

// API names a protocol.
type API string

// The protocols.
const (
	OpenAI API = "openai" // OpenAI itself and what is compatible: vLLM, Ollama, llama.cpp, LM Studio, LocalAI
	Cohere API = "cohere"
	Voyage API = "voyage"
	Gemini API = "gemini"
	Jina   API = "jina"
	TEI    API = "tei" // Text Embeddings Inference
)

// APIs lists the protocols in order of name.
func APIs() []API { return slices.Sorted(maps.Keys(shapes)) }

// shape is what is particular to a protocol. Its functions keep no state.
type shape struct {
	base  string // address of the provider itself; empty: there is none
	texts int    // in one request, unless the options say otherwise
	most  int    // that they may say
	bytes int    // of text in one request, unless the options say otherwise
	// dims says whether providers are asked for Options.Dim unless the options say otherwise.
	dims bool
	// path is appended to the base address.
	path func(model string) string
	// sign puts the key into the headers.
	sign func(h http.Header, key string)
	// body is the request as a value for encoding/json. dim is 0 when it is not sent.
	body func(model string, kind embed.Kind, dim int, texts []string) any
	// read takes an answer for n texts apart.
	read func(answer []byte, n int) (reading, error)
}

// reading is an answer taken apart, before its vectors are decoded.
type reading struct {
	vectors []json.RawMessage // one for each text, in order: base64 or numbers
	tokens  int64             // 0: the provider did not say
}

var shapes = map[API]*shape{
	OpenAI: &openaiShape, Cohere: &cohereShape, Voyage: &voyageShape, Gemini: &geminiShape, Jina: &jinaShape, TEI: &teiShape,
}

// fixed is the path of protocols that name the model in the body.
func fixed(path string) func(string) string { return func(string) string { return path } }

// byKind chooses the name that a protocol has for a kind of text.
func byKind(kind embed.Kind, document, query string) string {
	if kind == embed.Query {
		return query
	}
	return document
}

// counted checks a list whose order is that of the texts.
func counted(vectors []json.RawMessage, n int) ([]json.RawMessage, error) {
	if len(vectors) != n {
		return nil, fmt.Errorf("%d vectors for %d texts", len(vectors), n)
	}
	return vectors, nil
}

// indexed is the answer of OpenAI, Voyage and Jina. Its order does not matter, its indexes do.
type indexed struct {
	Data []struct {
		Index     *int            `json:"index"`
		Embedding json.RawMessage `json:"embedding"`
	} `json:"data"`
	Usage struct {
		Prompt int64 `json:"prompt_tokens"`
		Total  int64 `json:"total_tokens"`
	} `json:"usage"`
}

func readIndexed(answer []byte, n int) (reading, error) {
	var a indexed
	if err := provider.Unmarshal(answer, &a); err != nil {
		return reading{}, err
	}
	if len(a.Data) != n {
		return reading{}, fmt.Errorf("%d vectors for %d texts", len(a.Data), n)
	}
	out := make([]json.RawMessage, n)
	for _, item := range a.Data {
		switch {
		case item.Index == nil:
			return reading{}, errors.New("a vector without index")
		case *item.Index < 0 || *item.Index >= n:
			return reading{}, fmt.Errorf("index %d for %d texts", *item.Index, n)
		case out[*item.Index] != nil:
			return reading{}, fmt.Errorf("index %d comes twice", *item.Index)
		case len(item.Embedding) == 0:
			return reading{}, fmt.Errorf("vector %d: no embedding", *item.Index)
		}
		out[*item.Index] = item.Embedding
	}
	return reading{vectors: out, tokens: max(a.Usage.Prompt, a.Usage.Total)}, nil
}
