package remote

import (
	"github.com/lodedb/lode/embed"
	"github.com/lodedb/lode/internal/provider"
)

// openaiShape is POST /embeddings of the OpenAI API. It does not tell documents from queries.
// Vectors are asked to be shortened only on demand: older models and most compatible servers
// refuse the member.
var openaiShape = shape{
	base: "https://api.openai.com/v1", texts: embed.DefaultBatchTexts, most: 2048, bytes: embed.DefaultBatchBytes,
	path: fixed("embeddings"), sign: provider.Bearer, read: readIndexed,
	body: func(model string, _ embed.Kind, dim int, texts []string) any {
		return struct {
			Input      []string `json:"input"`
			Model      string   `json:"model"`
			Encoding   string   `json:"encoding_format"`
			Dimensions int      `json:"dimensions,omitempty"`
		}{texts, model, "base64", dim}
	},
}
