package contrast

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/lodedb/lode"
)

// Options are the settings of a training run. The zero value is the recipe.
type Options struct {
	Dim     int // the default is 256
	Words   int // with a row of their own, where they are chosen. The default is 44,000.
	Buckets int // rows for parts of other words. The default is 14,000.
	Batches int // the default is 3,000
	Batch   int // pairs in a batch. The default is 1,024.

	Rate        float32 // of learning, at its height. The default is .02.
	Temperature float32 // the default is .05
	Seed        uint64  // the default is 1
	Threads     int     // the default is 1; the bits do not depend on it
}

// EnsureDefaults fills what the caller left out.
func (o *Options) EnsureDefaults() {
	setDefault(&o.Dim, 256)
	setDefault(&o.Words, 44_000)
	setDefault(&o.Buckets, 14_000)
	setDefault(&o.Batches, 3000)
	setDefault(&o.Batch, 1024)
	setDefault(&o.Rate, .02)
	setDefault(&o.Temperature, .05)
	setDefault(&o.Seed, 1)
	setDefault(&o.Threads, 1)
}

func setDefault[T int | uint64 | float32](to *T, value T) {
	if *to == 0 {
		*to = value
	}
}

// Validate checks the ranges after [Options.EnsureDefaults].
func (o Options) Validate() error {
	if o.Dim < 4 || o.Dim%4 != 0 || o.Batch < 4 || o.Batch%4 != 0 || o.Words < 1 || o.Buckets < 1 || o.Batches < 1 {
		return lode.Invalid("options", fmt.Sprintf("%+v", o), "dim and batch are multiples of 4, the rest is positive")
	}
	return nil
}

// Chances that change a text of training.
const (
	dropChance  = .1 // a word is left out of a text of more than 3
	spellChance = .1 // a word is spelled by its parts
	warmUp      = .03
	duplicate   = .9999   // texts this near are no wrong answers
	negligible  = 0.00001 // probabilities below are not learned from
)

// Trainer holds the state of a training run.
type Trainer struct {
	o      Options
	corpus *Corpus
	words  *spellings
	random *rand.Rand
	rows   []float32
	steps  []float32 // of each row, the sum of its squared gradients
	done   int       // batches

	left, right side
	scores      []float32 // of the batch, left by right
	losses      []float64 // of each left text
}

// side is one half of a batch.
type side struct {
	texts     [][]feature
	vectors   []float32 // of length one
	lengths   []float32
	gradients []float32
}

// NewTrainer prepares a run that goes on from rows: one for each of the words, then one for each
// bucket. It changes them in place.
func NewTrainer(c *Corpus, words []string, rows []float32, o Options) (*Trainer, error) {
	o.EnsureDefaults()
	if err := o.Validate(); err != nil {
		return nil, err
	}
	if c.Pairs() == 0 {
		return nil, lode.Errorf(lode.CodeInvalid, "train: no pairs")
	}
	if len(rows) != (len(words)+o.Buckets)*o.Dim {
		return nil, lode.Invalid("rows", len(rows), "%d words and %d buckets of %d dimensions have others", len(words), o.Buckets, o.Dim)
	}
	t := &Trainer{o: o, corpus: c, words: newSpellings(c, words, o.Buckets), rows: rows, steps: make([]float32, len(rows)/o.Dim)}
	for _, s := range []*side{&t.left, &t.right} {
		*s = side{texts: make([][]feature, o.Batch), vectors: make([]float32, o.Batch*o.Dim), lengths: make([]float32, o.Batch), gradients: make([]float32, o.Batch*o.Dim)}
	}
	t.scores, t.losses = make([]float32, o.Batch*o.Batch), make([]float64, o.Batch)
	return t, nil
}

// Rows are the rows as trained so far.
func (t *Trainer) Rows() []float32 { return t.rows }

// Done is how many batches are behind.
func (t *Trainer) Done() int { return t.done }

// Run trains to the end, or until ctx ends. Each batch draws from a source of randomness of its
// own, so that a run goes on from a checkpoint as if it had never stopped. after is told of each
// batch; save is called now and then, and at the end.
func (t *Trainer) Run(ctx context.Context, after func(batch int, loss float64, took time.Duration), save func() error) error {
	for t.done < t.o.Batches && ctx.Err() == nil {
		start := time.Now()
		loss := t.step()
		after(t.done, loss, time.Since(start))
		t.done++
		if t.done%checkpointEvery == 0 || t.done == t.o.Batches {
			if err := save(); err != nil {
				return err
			}
		}
	}
	return ctx.Err()
}

// step learns from one batch and returns its mean loss.
func (t *Trainer) step() float64 {
	t.random = rand.New(rand.NewPCG(t.o.Seed, 1<<32+uint64(t.done)))
	t.draw()
	t.parallel(t.embed)
	t.parallel(t.score)
	t.parallel(t.gradientsLeft)
	t.parallel(t.gradientsRight)
	rate := t.rate()
	t.learn(&t.left, rate)
	t.learn(&t.right, rate)
	sum := 0.
	for _, loss := range t.losses {
		sum += loss
	}
	return sum / float64(t.o.Batch)
}

// rate rises in a line and falls in a line.
func (t *Trainer) rate() float32 {
	at := (float64(t.done) + 1) / float64(t.o.Batches)
	if at < warmUp {
		return t.o.Rate * float32(at/warmUp)
	}
	return t.o.Rate * float32((1-at)/(1-warmUp))
}

// parallel calls f for ranges of the batch's texts, each of a multiple of 4. What f writes belongs
// to its range, so that the number of threads changes no bit.
func (t *Trainer) parallel(f func(from, to int)) {
	if t.o.Threads == 1 {
		f(0, t.o.Batch)
		return
	}
	var wait sync.WaitGroup
	share := (t.o.Batch/t.o.Threads + 3) / 4 * 4
	share = max(4, share)
	for from := 0; from < t.o.Batch; from += share {
		wait.Go(func() { f(from, min(from+share, t.o.Batch)) })
	}
	wait.Wait()
}

// draw fills the batch with pairs of one source, drawn by their number and weight.
func (t *Trainer) draw() {
	pairs := t.drawSource().Pairs
	for i := range t.o.Batch {
		p := pairs[t.random.IntN(len(pairs))]
		left, right := p.Left, p.Right
		if t.random.IntN(2) == 0 {
			left, right = right, left
		}
		t.left.texts[i] = t.features(t.left.texts[i][:0], left)
		t.right.texts[i] = t.features(t.right.texts[i][:0], right)
	}
}

func (t *Trainer) drawSource() *PairSource {
	total := 0.
	for _, s := range t.corpus.Sources {
		total += s.Weight * float64(len(s.Pairs))
	}
	at := t.random.Float64() * total
	last := 0
	for i, s := range t.corpus.Sources {
		if len(s.Pairs) == 0 {
			continue
		}
		last = i
		if at -= s.Weight * float64(len(s.Pairs)); at < 0 {
			break
		}
	}
	return &t.corpus.Sources[last]
}

// features writes a text in rows, some words dropped and some spelled.
func (t *Trainer) features(to []feature, words []uint32) []feature {
	for _, word := range words {
		if len(words) > 3 && t.random.Float64() < dropChance {
			continue
		}
		to = t.words.append(to, word, t.random.Float64() < spellChance)
	}
	if len(to) == 0 {
		to = t.words.append(to, words[0], false)
	}
	return to
}

// embed sums rows for a range of texts of both sides.
func (t *Trainer) embed(from, to int) {
	for _, s := range []*side{&t.left, &t.right} {
		for i := from; i < to; i++ {
			v := s.vectors[i*t.o.Dim : (i+1)*t.o.Dim]
			clear(v)
			for _, f := range s.texts[i] {
				AddScaled(v, t.row(f.row), f.count)
			}
			s.lengths[i] = Normalize(v)
		}
	}
}

func (t *Trainer) row(i int32) []float32 {
	return t.rows[int(i)*t.o.Dim : (int(i)+1)*t.o.Dim]
}

// score compares left texts with all right ones, and turns the scores to what the loss says of
// them: the probability of each right text, less one for the true one.
func (t *Trainer) score(from, to int) {
	n, dim := t.o.Batch, t.o.Dim
	for j := 0; j < n; j += 4 {
		others := t.right.vectors[j*dim : (j+4)*dim]
		for i := from; i < to; i += 2 {
			dots(t.left.vectors[i*dim:], t.left.vectors[(i+1)*dim:], others, dim, t.scores[i*n+j:], t.scores[(i+1)*n+j:])
		}
	}
	for i := from; i < to; i++ {
		t.losses[i] = softmax(t.scores[i*n:(i+1)*n], i, t.o.Temperature)
	}
}

// softmax does it for one left text whose partner is at true.
func softmax(scores []float32, partner int, temperature float32) (loss float64) {
	most := scores[partner]
	for _, s := range scores {
		most = max(most, s)
	}
	own := float64((scores[partner] - most) / temperature)
	var sum float32
	for j, s := range scores {
		if j != partner && s > duplicate {
			scores[j] = 0
			continue
		}
		scores[j] = expm((s - most) / temperature)
		sum += scores[j]
	}
	for j := range scores {
		scores[j] /= sum
	}
	scores[partner]--
	return math.Log(float64(sum)) - own
}

// gradientsLeft gathers, for a range of left texts, where they should move.
func (t *Trainer) gradientsLeft(from, to int) {
	n, dim := t.o.Batch, t.o.Dim
	for i := from; i < to; i++ {
		g := t.left.gradients[i*dim : (i+1)*dim]
		clear(g)
		for j, p := range t.scores[i*n : (i+1)*n] {
			if p > negligible || p < -negligible {
				AddScaled(g, t.right.vectors[j*dim:(j+1)*dim], p)
			}
		}
		t.left.throughLength(i, dim)
	}
}

// gradientsRight does the same for right texts.
func (t *Trainer) gradientsRight(from, to int) {
	n, dim := t.o.Batch, t.o.Dim
	clear(t.right.gradients[from*dim : to*dim])
	for i := range n {
		u := t.left.vectors[i*dim : (i+1)*dim]
		for j := from; j < to; j++ {
			if p := t.scores[i*n+j]; p > negligible || p < -negligible {
				AddScaled(t.right.gradients[j*dim:(j+1)*dim], u, p)
			}
		}
	}
	for j := from; j < to; j++ {
		t.right.throughLength(j, dim)
	}
}

// throughLength turns the gradient of a unit vector to that of the sum it was made of.
func (s *side) throughLength(i, dim int) {
	v, g := s.vectors[i*dim:(i+1)*dim], s.gradients[i*dim:(i+1)*dim]
	if s.lengths[i] == 0 {
		clear(g)
		return
	}
	AddScaled(g, v, -Dot(g, v))
	Scale(g, 1/s.lengths[i])
}

// learn moves the rows of the texts of a side, each by its own step (Adagrad by rows).
func (t *Trainer) learn(s *side, rate float32) {
	dim := t.o.Dim
	for i, text := range s.texts {
		g := s.gradients[i*dim : (i+1)*dim]
		mean := Dot(g, g) / float32(dim)
		if mean == 0 {
			continue
		}
		for _, f := range text {
			t.steps[f.row] += float32(f.count * f.count * mean)
			AddScaled(t.row(f.row), g, -rate*f.count/float32(math.Sqrt(float64(t.steps[f.row]))))
		}
	}
}
