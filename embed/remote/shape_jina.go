package remote

import (
	"github.com/lodedb/lode/embed"
	"github.com/lodedb/lode/internal/provider"
)

// jinaShape is POST /v1/embeddings of the Jina API.
var jinaShape = shape{
	base: "https://api.jina.ai/v1", texts: embed.DefaultBatchTexts, most: 2048, bytes: embed.DefaultBatchBytes, dims: true,
	path: fixed("embeddings"), sign: provider.Bearer, read: readIndexed,
	body: func(model string, kind embed.Kind, dim int, texts []string) any {
		return struct {
			Model      string   `json:"model"`
			Task       string   `json:"task"`
			Dimensions int      `json:"dimensions,omitempty"`
			Type       string   `json:"embedding_type"`
			Truncate   bool     `json:"truncate"`
			Input      []string `json:"input"`
		}{model, byKind(kind, "retrieval.passage", "retrieval.query"), dim, "base64", false, texts}
	},
}
