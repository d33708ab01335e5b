package remote

import (
	"encoding/json"

	"github.com/lodedb/lode/embed"
	"github.com/lodedb/lode/internal/provider"
)

// teiShape is POST /embed of Text Embeddings Inference, whose server has one model and takes
// 32 texts at a time unless it was told otherwise. It has no default address.
var teiShape = shape{
	texts: 32, most: 2048, bytes: embed.DefaultBatchBytes,
	path: fixed("embed"), sign: provider.Bearer,
	body: func(_ string, _ embed.Kind, dim int, texts []string) any {
		return struct {
			Inputs     []string `json:"inputs"`
			Normalize  bool     `json:"normalize"`
			Truncate   bool     `json:"truncate"`
			Dimensions int      `json:"dimensions,omitempty"`
		}{texts, true, false, dim}
	},
	read: func(answer []byte, n int) (reading, error) {
		var a []json.RawMessage
		if err := provider.Unmarshal(answer, &a); err != nil {
			return reading{}, err
		}
		vectors, err := counted(a, n)
		return reading{vectors: vectors}, err
	},
}
