package local

import (
	"cmp"
	"encoding/json"
	"math"
	"os"
	"path/filepath"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/embed"
	"github.com/lodedb/lode/embed/safetensors"
)

// encoderConfig is what the files beside the weights say of an encoder.
type encoderConfig struct {
	Hidden, Inner, Layers, Heads int
	Epsilon                      float64
	Window                       int       // pieces at once, [CLS] and [SEP] included
	First                        bool      // the vector is that of [CLS], not the mean
	Scaled                       bool      // to length one
	Prefixes                     [2]string // by kind of text
	activate                     func(float32) float32
}

// The files that say how vectors of pieces become that of a text, by sentence-transformers.
const (
	modulesFile = "modules.json"
	poolingFile = "1_Pooling/config.json"
	limitFile   = "sentence_bert_config.json"
	promptsFile = "config_sentence_transformers.json"
)

// bertFile is config.json of a BERT model.
type bertFile struct {
	Type      string  `json:"model_type"`
	Hidden    int     `json:"hidden_size"`
	Inner     int     `json:"intermediate_size"`
	Layers    int     `json:"num_hidden_layers"`
	Heads     int     `json:"num_attention_heads"`
	Window    int     `json:"max_position_embeddings"`
	Epsilon   float64 `json:"layer_norm_eps"`
	Activate  string  `json:"hidden_act"`
	Places    string  `json:"position_embedding_type"`
	Normalize bool    `json:"normalize"` // of model2vec
}

// activations are the functions between the two layers of a block.
var activations = map[string]func(float32) float32{
	"gelu": func(x float32) float32 {
		return float32(0.5 * float64(x) * (1 + math.Erf(float64(x)/math.Sqrt2)))
	},
	"gelu_new": geluTanh, "gelu_pytorch_tanh": geluTanh,
	"relu": func(x float32) float32 { return max(x, 0) },
}

func geluTanh(x float32) float32 {
	y := float64(x)
	return float32(0.5 * y * (1 + math.Tanh(math.Sqrt(2/math.Pi)*(y+0.044715*y*y*y))))
}

// Bounds of an encoder; the largest BERT has a fourth of each.
const (
	mostLayers = 96
	mostInner  = 32 << 10
)

// encoder checks the file and fills in what the files of sentence-transformers say.
func (b *bertFile) encoder(dir string) (c encoderConfig, err error) {
	c = encoderConfig{Hidden: b.Hidden, Inner: b.Inner, Layers: b.Layers, Heads: b.Heads, Epsilon: b.Epsilon, Window: b.Window, activate: activations[b.Activate]}
	switch {
	case c.activate == nil:
		return c, lode.FieldError(lode.CodeUnsupportedMedia, "config.json:hidden_act", b.Activate, "the activation is not known here")
	case b.Places != "" && b.Places != "absolute":
		return c, lode.FieldError(lode.CodeUnsupportedMedia, "config.json:position_embedding_type", b.Places, "the kind of places is not known here")
	case c.Hidden < 1 || c.Hidden > lode.MaxDim || c.Heads < 1 || c.Hidden%c.Heads != 0:
		return c, lode.FieldError(lode.CodeMalformed, "config.json:hidden_size", c.Hidden, "hidden_size must be 1 to %d and a multiple of the %d heads", lode.MaxDim, c.Heads)
	case c.Layers < 1 || c.Layers > mostLayers || c.Inner < 1 || c.Inner > mostInner || c.Window < 3 || c.Epsilon <= 0:
		return c, lode.FieldError(lode.CodeMalformed, "config.json", "", "a size of the model is out of range")
	}
	var limit struct {
		Most int `json:"max_seq_length"`
	}
	if err := readOptional(dir, limitFile, &limit); err != nil {
		return c, err
	}
	if limit.Most > 2 {
		c.Window = min(c.Window, limit.Most)
	}
	var prompts struct {
		Prompts map[string]string `json:"prompts"`
	}
	if err := readOptional(dir, promptsFile, &prompts); err != nil {
		return c, err
	}
	c.Prefixes[embed.Query] = prompts.Prompts["query"]
	c.Prefixes[embed.Document] = cmp.Or(prompts.Prompts["document"], prompts.Prompts["passage"])
	return c, c.readPooling(dir)
}

func (c *encoderConfig) readPooling(dir string) error {
	var pooling struct {
		Mean  *bool `json:"pooling_mode_mean_tokens"`
		First bool  `json:"pooling_mode_cls_token"`
		Most  bool  `json:"pooling_mode_max_tokens"`
		Root  bool  `json:"pooling_mode_mean_sqrt_len_tokens"`
	}
	if err := readOptional(dir, poolingFile, &pooling); err != nil {
		return err
	}
	mean := pooling.Mean == nil && !pooling.First || pooling.Mean != nil && *pooling.Mean
	if mean == pooling.First || pooling.Most || pooling.Root {
		return lode.FieldError(lode.CodeUnsupportedMedia, poolingFile, "", "the vector of a text is neither the mean nor that of [CLS]")
	}
	c.First = pooling.First
	var modules []struct {
		Type string `json:"type"`
	}
	if err := readOptional(dir, modulesFile, &modules); err != nil {
		return err
	}
	for _, m := range modules {
		switch m.Type {
		case "sentence_transformers.models.Normalize":
			c.Scaled = true
		case "sentence_transformers.models.Transformer", "sentence_transformers.models.Pooling":
		default:
			return lode.FieldError(lode.CodeUnsupportedMedia, modulesFile, m.Type, "the module is not known here")
		}
	}
	return nil
}

// readOptional reads a file of JSON where there is one.
func readOptional(dir, name string, into any) error {
	b, err := os.ReadFile(filepath.Join(dir, filepath.FromSlash(name)))
	switch {
	case os.IsNotExist(err):
		return nil
	case err != nil:
		return unreadable(name, err)
	case json.Unmarshal(b, into) != nil:
		return lode.FieldError(lode.CodeMalformed, name, "", "%s is no JSON of its kind", name)
	}
	return nil
}

// tensorReader copies tensors into memory and keeps the first error.
type tensorReader struct {
	file   *safetensors.File
	prefix string
	err    error
}

// matrix reads a tensor of so many rows, any when negative, and columns.
func (r *tensorReader) matrix(name string, rows, cols int) matrix {
	t, ok := r.file.Tensor(r.prefix + name)
	if !ok || len(t.Shape) != 2 || t.Shape[1] != cols || rows >= 0 && t.Shape[0] != rows {
		r.fail(name, ok, t)
		return matrix{cols: cols}
	}
	return matrix{t.Float32s(), cols}
}

// vector reads a tensor of one row. Older files have other names for those of norms.
func (r *tensorReader) vector(size int, names ...string) []float32 {
	for _, name := range names {
		if t, ok := r.file.Tensor(r.prefix + name); ok {
			if len(t.Shape) == 1 && t.Shape[0] == size {
				return t.Float32s()
			}
			r.fail(name, true, t)
			return nil
		}
	}
	r.fail(names[0], false, safetensors.Tensor{})
	return nil
}

func (r *tensorReader) fail(name string, there bool, t safetensors.Tensor) {
	if r.err != nil {
		return
	}
	if !there {
		r.err = lode.FieldError(lode.CodeMalformed, name, "", "the file of tensors lacks %s", name)
		return
	}
	r.err = lode.FieldError(lode.CodeMalformed, name, t.Shape, "%s has another shape than config.json says", name)
}

func (r *tensorReader) linear(name string, out, in int) linear {
	return linear{r.matrix(name+".weight", out, in), r.vector(out, name+".bias")}
}

func (r *tensorReader) norm(name string, size int) layerNorm {
	return layerNorm{r.vector(size, name+".weight", name+".gamma"), r.vector(size, name+".bias", name+".beta")}
}
