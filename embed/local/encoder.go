package local

import (
	"context"
	"fmt"
	"math"
	"runtime"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/embed"
	"github.com/lodedb/lode/embed/safetensors"
	"github.com/lodedb/lode/embed/tokenizer"
	"github.com/lodedb/lode/index/distance"
)

// encoder is a model of the BERT family: a transformer whose vectors of a text's pieces,
// which know of each other, are averaged. Weights are copied into memory as float32.
type encoder struct {
	name, digest string
	config       encoderConfig
	words        *tokenizer.Tokenizer
	first, last  int32 // ids of [CLS] and [SEP]

	table, places, kinds matrix // what a piece, its place and the only kind of text add
	norm                 layerNorm
	layers               []layer
	scratch              sync.Pool // of *encoding
}

var _ Model = (*encoder)(nil)

// matrix is rows of numbers.
type matrix struct {
	data []float32
	cols int
}

func (m matrix) row(i int) []float32 { return m.data[i*m.cols : (i+1)*m.cols] }
func (m matrix) rows() int           { return len(m.data) / m.cols }

// linear is a layer y = Wx + b.
type linear struct {
	weight matrix // a row for each output
	bias   []float32
}

type layerNorm struct{ weight, bias []float32 }

// layer is one layer of the transformer.
type layer struct {
	query, key, value, joined linear
	afterAttention            layerNorm
	up, down                  linear
	afterAll                  layerNorm
}

func loadEncoder(name, digest string, words *tokenizer.Tokenizer, file *safetensors.File, config encoderConfig) (*encoder, error) {
	e := &encoder{name: name, digest: digest, words: words, config: config}
	e.scratch.New = func() any { return &encoding{} }
	var ok [2]bool
	e.first, ok[0] = words.ID("[CLS]")
	e.last, ok[1] = words.ID("[SEP]")
	if !ok[0] || !ok[1] {
		return nil, lode.FieldError(lode.CodeUnsupportedMedia, "tokenizer.json", "", "the vocabulary of a BERT model has [CLS] and [SEP]")
	}
	if err := words.KeepUnknown(); err != nil {
		return nil, err
	}
	r := &tensorReader{file: file}
	if _, has := file.Tensor("bert.embeddings.word_embeddings.weight"); has {
		r.prefix = "bert."
	}
	h := config.Hidden
	e.table = r.matrix("embeddings.word_embeddings.weight", -1, h)
	e.places = r.matrix("embeddings.position_embeddings.weight", -1, h)
	e.kinds = r.matrix("embeddings.token_type_embeddings.weight", -1, h)
	e.norm = r.norm("embeddings.LayerNorm", h)
	for i := range config.Layers {
		at := fmt.Sprintf("encoder.layer.%d.", i)
		e.layers = append(e.layers, layer{
			query: r.linear(at+"attention.self.query", h, h), key: r.linear(at+"attention.self.key", h, h),
			value: r.linear(at+"attention.self.value", h, h), joined: r.linear(at+"attention.output.dense", h, h),
			afterAttention: r.norm(at+"attention.output.LayerNorm", h),
			up:             r.linear(at+"intermediate.dense", config.Inner, h), down: r.linear(at+"output.dense", h, config.Inner),
			afterAll: r.norm(at+"output.LayerNorm", h),
		})
	}
	if r.err != nil {
		return nil, r.err
	}
	if e.table.rows() < words.Size() || e.kinds.rows() < 1 {
		return nil, lode.FieldError(lode.CodeMalformed, "embeddings", e.table.rows(), "the table has fewer rows than the vocabulary of %d", words.Size())
	}
	e.config.Window = min(e.config.Window, e.places.rows())
	return e, nil
}

// Fingerprint implements [embed.Embedder].
func (e *encoder) Fingerprint() string {
	return fmt.Sprintf("local/%s/%d/%s", e.name, e.config.Hidden, e.digest)
}

// Dim implements [embed.Embedder].
func (e *encoder) Dim() int { return e.config.Hidden }

// Static implements [embed.Embedder].
func (e *encoder) Static() bool { return false }

// Rows implements [Model].
func (e *encoder) Rows() int { return e.table.rows() }

// Kind implements [Model].
func (e *encoder) Kind() string { return "BERT, " + e.words.Kind() }

// Embed implements [embed.Embedder]. Documents and queries differ by what the model puts before
// them. Texts are embedded by as many goroutines as there are CPUs.
func (e *encoder) Embed(ctx context.Context, kind embed.Kind, texts []string) ([]lode.Vector, error) {
	out := make([]lode.Vector, len(texts))
	group, inner := errgroup.WithContext(ctx)
	group.SetLimit(runtime.GOMAXPROCS(0))
	for i, text := range texts {
		group.Go(func() error {
			v, err := e.vector(inner, e.config.Prefixes[kind]+text)
			if err == nil && v.ValidateFor(e.config.Hidden, lode.Cosine) != nil {
				err = lode.FieldError(lode.CodeCorrupt, fmt.Sprintf("texts[%d]", i), "", "model %s gives numbers that are not finite", e.name)
			}
			out[i] = v
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	if err := embed.ContextError(ctx); err != nil {
		return nil, err
	}
	return out, nil
}

// vector embeds a text, window by window when it has more pieces than the model takes at once.
func (e *encoder) vector(ctx context.Context, text string) (lode.Vector, error) {
	s := e.scratch.Get().(*encoding)
	defer e.scratch.Put(s)
	s.ids = e.words.Append(s.ids[:0], text)
	sums := make([]float64, e.config.Hidden)
	for rest := s.ids; ; {
		n := min(len(rest), e.config.Window-2)
		if err := s.window(ctx, e, rest[:n]); err != nil {
			return nil, err
		}
		s.pool(e, sums)
		if rest = rest[n:]; len(rest) == 0 {
			break
		}
	}
	v := make(lode.Vector, len(sums))
	norm := 1.0
	if e.config.Scaled {
		norm = 0
		for _, x := range sums {
			norm += float64(x * x)
		}
		norm = math.Sqrt(norm)
	} else {
		norm = float64(e.weightOf(len(s.ids)))
	}
	for i, x := range sums {
		v[i] = float32(x / norm)
	}
	return v, nil
}

// weightOf is how many vectors were added up for a text of so many pieces.
func (e *encoder) weightOf(pieces int) int {
	windows := max(1, (pieces+e.config.Window-3)/(e.config.Window-2))
	if e.config.First {
		return windows
	}
	return pieces + 2*windows
}

func (e *encoder) check() error {
	for i, x := range e.table.data {
		if math.IsNaN(float64(x)) || math.IsInf(float64(x), 0) {
			return lode.FieldError(lode.CodeMalformed, "embeddings", x, "number %d of row %d of the table is not finite", i%e.table.cols, i/e.table.cols)
		}
	}
	return nil
}

// apply computes y = Wx + b for every row of x. The weights are taken in blocks that stay in
// the CPU's cache while all rows pass by.
func (l *linear) apply(x, y matrix) {
	const block = 32
	for start := 0; start < y.cols; start += block {
		end := min(start+block, y.cols)
		weights := l.weight.data[start*x.cols : end*x.cols]
		for i := range x.rows() {
			out := y.row(i)[start:end]
			distance.DotRows(out, x.row(i), weights)
			for j := range out {
				out[j] += l.bias[start+j]
			}
		}
	}
}

// apply scales a row to mean 0 and variance 1, then by the layer's weights.
func (n *layerNorm) apply(row []float32, epsilon float64) {
	mean, variance := 0.0, 0.0
	for _, x := range row {
		mean += float64(x)
	}
	mean /= float64(len(row))
	for _, x := range row {
		d := float64(x) - mean
		variance += float64(d * d)
	}
	scale := 1 / math.Sqrt(variance/float64(len(row))+epsilon)
	for i, x := range row {
		row[i] = float32(float64((float64(x)-mean)*scale)*float64(n.weight[i]) + float64(n.bias[i]))
	}
}
