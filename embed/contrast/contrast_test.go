package contrast

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// tiny is a corpus in which "word N" goes with "other N".
func tiny() *Corpus {
	c := NewCorpus()
	for i := range 64 {
		name := strings.Repeat(string(rune('a'+i%26)), 3+i/26)
		c.Add(c.Source("names", 1), name, "q"+name+" filler")
		c.Add(c.Source("more", .5), "the "+name+" is here and there", "a q"+name)
	}
	return c
}

// tinyWords have rows; the others are spelled.
var tinyWords = []string{"the", "filler", "is", "aaa", "bbb", "here", "there", "qaaa", "qbbb", "ccc"}

func randomRows(n, dim int) []float32 {
	random, rows := rand.New(rand.NewPCG(5, 5)), make([]float32, n*dim)
	for i := range rows {
		rows[i] = float32(random.NormFloat64() / math.Sqrt(float64(dim)))
	}
	return rows
}

func tinyOptions() Options {
	return Options{Dim: 128, Words: 100, Buckets: 40, Batches: 60, Batch: 32, Seed: 3}
}

func tinyTrainer(t *testing.T, o Options) *Trainer {
	t.Helper()
	words := tinyWords
	trainer, err := NewTrainer(tiny(), words, randomRows(len(words)+o.Buckets, o.Dim), o)
	if err != nil {
		t.Fatal(err)
	}
	return trainer
}

// train runs to the end and returns the losses.
func train(t *testing.T, trainer *Trainer) (losses []float64) {
	t.Helper()
	err := trainer.Run(t.Context(), func(_ int, loss float64, _ time.Duration) { losses = append(losses, loss) }, func() error { return nil })
	if err != nil {
		t.Fatal(err)
	}
	return losses
}

func mean(x []float64) (m float64) {
	for _, v := range x {
		m += v / float64(len(x))
	}
	return m
}

func TestLossFalls(t *testing.T) {
	losses := train(t, tinyTrainer(t, tinyOptions()))
	first, last := mean(losses[:10]), mean(losses[50:])
	if last > first/2 {
		t.Errorf("the loss fell from %.3f to %.3f only", first, last)
	}
	for i, loss := range losses {
		if loss < -1e-6 || math.IsNaN(loss) {
			t.Fatalf("batch %d: loss %v", i, loss)
		}
	}
}

// Equal seeds give equal bits, however many threads there are; another seed gives others.
func TestSameBits(t *testing.T) {
	rows := func(change func(*Options)) []float32 {
		o := tinyOptions()
		change(&o)
		trainer := tinyTrainer(t, o)
		train(t, trainer)
		return trainer.Rows()
	}
	want := rows(func(*Options) {})
	for _, threads := range []int{1, 2, 3} {
		if !slices.Equal(rows(func(o *Options) { o.Threads = threads }), want) {
			t.Errorf("%d threads give other bits", threads)
		}
	}
	if slices.Equal(rows(func(o *Options) { o.Seed = 4 }), want) {
		t.Error("another seed gives the same rows")
	}
}

// A run that was stopped ends with the bits of one that was not.
func TestResume(t *testing.T) {
	whole := tinyTrainer(t, tinyOptions())
	train(t, whole)
	path := filepath.Join(t.TempDir(), "checkpoint")
	stopped := tinyTrainer(t, tinyOptions())
	ctx, cancel := context.WithCancel(t.Context())
	err := stopped.Run(ctx, func(batch int, _ float64, _ time.Duration) {
		if batch == 20 {
			cancel()
		}
	}, func() error { return nil })
	if err == nil {
		t.Fatal("a canceled run returns no error")
	}
	if err := stopped.Save(path); err != nil {
		t.Fatal(err)
	}
	resumed := tinyTrainer(t, tinyOptions())
	if err := resumed.Resume(path); err != nil || resumed.Done() != 21 {
		t.Fatalf("resumed after %d batches: %v", resumed.Done(), err)
	}
	if train(t, resumed); !slices.Equal(resumed.Rows(), whole.Rows()) {
		t.Error("the resumed run ends with other bits")
	}
	o := tinyOptions()
	o.Rate = .5
	if other := tinyTrainer(t, o); other.Resume(path) != nil || other.Done() != 0 {
		t.Error("the checkpoint of another run is gone on with")
	}
	if fresh := tinyTrainer(t, tinyOptions()); fresh.Resume(path+"-none") != nil || fresh.Done() != 0 {
		t.Error("a run without checkpoint does not begin")
	}
}

// The gradients are those of the loss: moving a row a little changes the loss as they say.
func TestGradients(t *testing.T) {
	o := tinyOptions()
	trainer := tinyTrainer(t, o)
	trainer.random = rand.New(rand.NewPCG(9, 9))
	trainer.draw()
	all := func() float64 {
		trainer.embed(0, o.Batch)
		trainer.score(0, o.Batch)
		sum := 0.
		for _, loss := range trainer.losses {
			sum += loss
		}
		return sum
	}
	all()
	trainer.gradientsLeft(0, o.Batch)
	trainer.gradientsRight(0, o.Batch)
	gradient := map[int32][]float64{}
	for _, s := range []*side{&trainer.left, &trainer.right} {
		for i, text := range s.texts {
			for _, f := range text {
				if gradient[f.row] == nil {
					gradient[f.row] = make([]float64, o.Dim)
				}
				for d, g := range s.gradients[i*o.Dim : (i+1)*o.Dim] {
					gradient[f.row][d] += float64(g*f.count) / float64(trainer.o.Temperature)
				}
			}
		}
	}
	row := trainer.left.texts[0][0].row
	for _, d := range []int{0, 50, 127} {
		x := &trainer.row(row)[d]
		const h = 1e-3
		old := *x
		*x = old + h
		up := all()
		*x = old - h
		down := all()
		*x = old
		if got, want := (up-down)/(2*h), gradient[row][d]; math.Abs(got-want) > .02*(math.Abs(want)+1) {
			t.Errorf("dimension %d: the loss changes by %.4f, the gradient says %.4f", d, got, want)
		}
	}
}

func TestSoftmax(t *testing.T) {
	scores := []float32{.5, .4, .3, 1} // the last is a duplicate of the left text, no wrong answer
	loss := softmax(scores, 0, .1)
	e := math.Exp
	want := -math.Log(1 / (1 + e(-1) + e(-2)))
	if math.Abs(loss-want) > 1e-5 || scores[3] != 0 || math.Abs(float64(scores[1])-e(-1)/(1+e(-1)+e(-2))) > 1e-5 {
		t.Errorf("loss %.5f, want %.5f; %v", loss, want, scores)
	}
	if sum := scores[0] + scores[1] + scores[2]; math.Abs(float64(sum)) > 1e-5 {
		t.Errorf("the differences add up to %v", sum)
	}
}

func TestExpm(t *testing.T) {
	for x := 0.; x > -79; x -= .37 {
		if got, want := float64(expm(float32(x))), math.Exp(float64(float32(x))); math.Abs(got/want-1) > 1e-5 {
			t.Errorf("expm(%v) = %v, want %v", x, got, want)
		}
	}
	if expm(-1000) != 0 {
		t.Error("far below is not 0")
	}
}

func TestRate(t *testing.T) {
	trainer := &Trainer{o: Options{Batches: 1000, Rate: 1}}
	for done, want := range map[int]float64{14: .5, 29: 1, 514: .5, 999: 0} {
		trainer.done = done
		if got := float64(trainer.rate()); math.Abs(got-want) > .01 {
			t.Errorf("after %d batches the rate is %.3f, want %.3f", done, got, want)
		}
	}
}

func TestOptionsValidate(t *testing.T) {
	var o Options
	o.EnsureDefaults()
	if err := o.Validate(); err != nil {
		t.Error(err)
	}
	for _, change := range []func(*Options){
		func(o *Options) { o.Dim = 2 }, func(o *Options) { o.Dim = 130 }, func(o *Options) { o.Batch = 30 },
		func(o *Options) { o.Words = -1 }, func(o *Options) { o.Batches = -1 },
	} {
		bad := o
		if change(&bad); bad.Validate() == nil {
			t.Errorf("%+v is valid", bad)
		}
	}
}

func BenchmarkStep(b *testing.B) {
	c := tiny()
	for i := range 4096 {
		c.Add(c.Source("names", 1), fmt.Sprintf("name %d of many words and some more of them", i), fmt.Sprintf("this is what %d means in a sentence of about twenty words, give or take", i))
	}
	var o Options
	o.EnsureDefaults()
	t, err := NewTrainer(c, tinyWords, randomRows(len(tinyWords)+o.Buckets, o.Dim), o)
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		t.step()
	}
	b.ReportMetric(float64(b.N)*float64(o.Batch)/b.Elapsed().Seconds(), "pairs/s")
}
