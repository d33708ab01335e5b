package remote

import (
	"encoding/json"

	"github.com/lodedb/lode/embed"
	"github.com/lodedb/lode/internal/provider"
)

// cohereShape is POST /v2/embed of the Cohere API. Its base64 is not documented to be
// little-endian float32, so numbers are asked for.
var cohereShape = shape{
	base: "https://api.cohere.com", texts: 96, most: 96, bytes: embed.DefaultBatchBytes, dims: true,
	path: fixed("v2/embed"), sign: provider.Bearer,
	body: func(model string, kind embed.Kind, dim int, texts []string) any {
		return struct {
			Model      string   `json:"model"`
			Texts      []string `json:"texts"`
			InputType  string   `json:"input_type"`
			Types      []string `json:"embedding_types"`
			Dimensions int      `json:"output_dimension,omitempty"`
			Truncate   string   `json:"truncate"`
		}{model, texts, byKind(kind, "search_document", "search_query"), []string{"float"}, dim, "NONE"}
	},
	read: func(answer []byte, n int) (reading, error) {
		var a struct {
			Embeddings struct {
				Float []json.RawMessage `json:"float"`
			} `json:"embeddings"`
			Meta struct {
				Billed struct {
					Tokens float64 `json:"input_tokens"` // the API's schema says double
				} `json:"billed_units"`
			} `json:"meta"`
		}
		if err := provider.Unmarshal(answer, &a); err != nil {
			return reading{}, err
		}
		vectors, err := counted(a.Embeddings.Float, n)
		return reading{vectors: vectors, tokens: int64(a.Meta.Billed.Tokens)}, err
	},
}
