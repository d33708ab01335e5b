package remote

import (
	"encoding/json"
	"net/http"
	"net/url"

	"github.com/lodedb/lode/embed"
	"github.com/lodedb/lode/internal/provider"
)

// geminiShape is POST /v1beta/models/MODEL:batchEmbedContents of the Gemini API. Each text is
// a content of its own: several parts of one content make one vector. Shortened vectors come
// without length 1, as all of Lode's raw spaces may.
var geminiShape = shape{
	base: "https://generativelanguage.googleapis.com/v1beta", texts: 100, most: 100, bytes: embed.DefaultBatchBytes, dims: true,
	path: func(model string) string { return "models/" + url.PathEscape(model) + ":batchEmbedContents" },
	sign: func(h http.Header, key string) { h.Set("X-Goog-Api-Key", key) },
	body: func(model string, kind embed.Kind, dim int, texts []string) any {
		requests := make([]geminiRequest, len(texts))
		for i, text := range texts {
			requests[i] = geminiRequest{
				Model: "models/" + model, Content: geminiContent{[]geminiPart{{text}}},
				Task: byKind(kind, "RETRIEVAL_DOCUMENT", "RETRIEVAL_QUERY"), Dimensions: dim,
			}
		}
		return map[string]any{"requests": requests}
	},
	read: func(answer []byte, n int) (reading, error) {
		var a struct {
			Embeddings []struct {
				Values json.RawMessage `json:"values"`
			} `json:"embeddings"`
			Usage struct {
				Tokens int64 `json:"promptTokenCount"` // newer models only
			} `json:"usageMetadata"`
		}
		if err := provider.Unmarshal(answer, &a); err != nil {
			return reading{}, err
		}
		vectors := make([]json.RawMessage, len(a.Embeddings))
		for i, e := range a.Embeddings {
			vectors[i] = e.Values
		}
		vectors, err := counted(vectors, n)
		return reading{vectors: vectors, tokens: a.Usage.Tokens}, err
	},
}

type (
	geminiRequest struct {
		Model      string        `json:"model"`
		Content    geminiContent `json:"content"`
		Task       string        `json:"taskType"`
		Dimensions int           `json:"outputDimensionality,omitempty"`
	}
	geminiContent struct {
		Parts []geminiPart `json:"parts"`
	}
	geminiPart struct {
		Text string `json:"text"`
	}
)
