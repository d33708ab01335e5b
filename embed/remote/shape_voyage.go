package remote

import (
	"github.com/lodedb/lode/embed"
	"github.com/lodedb/lode/internal/provider"
)

// voyageBytes bounds the text of a request. The larger models take 120,000 tokens at a time,
// and a token has at least one byte.
const voyageBytes = 112 << 10

// voyageShape is POST /v1/embeddings of the Voyage API.
var voyageShape = shape{
	base: "https://api.voyageai.com/v1", texts: embed.DefaultBatchTexts, most: 1000, bytes: voyageBytes, dims: true,
	path: fixed("embeddings"), sign: provider.Bearer, read: readIndexed,
	body: func(model string, kind embed.Kind, dim int, texts []string) any {
		return struct {
			Input      []string `json:"input"`
			Model      string   `json:"model"`
			InputType  string   `json:"input_type"`
			Truncation bool     `json:"truncation"`
			Dimensions int      `json:"output_dimension,omitempty"`
			Type       string   `json:"output_dtype"`
			Encoding   string   `json:"encoding_format"`
		}{texts, model, byKind(kind, "document", "query"), false, dim, "float", "base64"}
	},
}
