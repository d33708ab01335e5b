package train

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/lodedb/lode/embed/contrast"
	"github.com/lodedb/lode/embed/table"
	"github.com/lodedb/lode/internal/report"
)

// Maker makes a model, stage by stage, in a folder where each stage leaves its file. A stage whose
// file is there is not repeated.
type Maker struct {
	Dir     string // of all stages
	Options Options
	Say     func(format string, args ...any) // progress; no document text
}

// PairSeed draws crops and sentences. It is no option: runs with another training seed see the same
// pairs.
const PairSeed = 1

// Made is what a run leaves.
type Made struct {
	Fetched    []Fetched
	Corpus     *Corpus
	Vocabulary *Vocabulary
	Rows       []float32
	Table      []byte
	Trained    Trained
}

// Make runs the stages to the table.
func (m *Maker) Make(ctx context.Context) (*Made, error) {
	m.Options.EnsureDefaults()
	if m.Options.Dim <= GloVeDim {
		return nil, fmt.Errorf("options of training: %d dimensions, want more than the %d of the vectors", m.Options.Dim, GloVeDim)
	}
	made := &Made{}
	for _, stage := range []struct {
		name string
		run  func(context.Context, *Made) error
	}{{"sources", m.sources}, {"pairs", m.pairs}, {"training", m.training}, {"table", m.table}} {
		start := time.Now()
		if err := stage.run(ctx, made); err != nil {
			return nil, fmt.Errorf("%s: %w", stage.name, err)
		}
		m.Say("%s: done in %.1fs", stage.name, time.Since(start).Seconds())
	}
	return made, nil
}

// SourcesDir is where the sources lie.
func (m *Maker) SourcesDir() string { return filepath.Join(m.Dir, "sources") }

func (m *Maker) sources(ctx context.Context, made *Made) (err error) {
	made.Fetched, err = Fetch(ctx, m.SourcesDir(), m.Say)
	return err
}

func (m *Maker) source(format string) Source {
	for _, s := range Sources {
		if s.Format == format {
			return s
		}
	}
	return Source{}
}

// WordNet reads the fetched database.
func (m *Maker) WordNet() (*WordNet, error) {
	return ReadWordNet(m.source("wordnet").Dir(m.SourcesDir()))
}

// GloVe reads the fetched vectors.
func (m *Maker) GloVe() (*GloVe, error) {
	s := m.source("glove")
	return ReadGloVe(filepath.Join(s.Dir(m.SourcesDir()), s.Package+".json"))
}

func (m *Maker) pairs(ctx context.Context, made *Made) (err error) {
	path := filepath.Join(m.Dir, "pairs.bin")
	if _, err := os.Stat(path); err == nil {
		made.Corpus, err = contrast.ReadCorpus(path)
		return err
	}
	if made.Corpus, err = m.extract(ctx); err != nil {
		return err
	}
	f, err := os.Create(path + ".new")
	if err != nil {
		return err
	}
	defer f.Close()
	if err := made.Corpus.Write(f); err != nil {
		return err
	}
	return os.Rename(path+".new", path)
}

func (m *Maker) extract(ctx context.Context) (*Corpus, error) {
	w, err := m.WordNet()
	if err != nil {
		return nil, err
	}
	held, err := ReadHeldOut()
	if err != nil {
		return nil, err
	}
	c := NewCorpus()
	AddWordNet(c, w, held)
	docs := NewDocPairs(c, w, held, PairSeed)
	for _, s := range Sources {
		if s.Format != "html" && s.Format != "pod" {
			continue
		}
		before, pages := c.Pairs(), 0
		skipped, err := ReadDocs(ctx, s, m.SourcesDir(), func(sections []Section) { pages++; docs.Add(sections) })
		if err != nil {
			return nil, err
		}
		if pages == 0 {
			return nil, fmt.Errorf("%s holds no documents", s.Package)
		}
		m.Say("pairs of %s: %d of %d pages, %d passed over", s.Package, c.Pairs()-before, pages, skipped)
	}
	for _, s := range c.Sources {
		m.Say("pairs %s: %d", s.Name, len(s.Pairs))
	}
	return c, nil
}

func (m *Maker) training(ctx context.Context, made *Made) error {
	g, err := m.GloVe()
	if err != nil {
		return err
	}
	o := m.Options
	made.Vocabulary = NewVocabulary(made.Corpus, g, o.Words)
	t, err := contrast.NewTrainer(made.Corpus, made.Vocabulary.Words, made.Vocabulary.Rows(g, o.Dim, o.Buckets, o.Seed), o)
	if err != nil {
		return err
	}
	checkpoint := filepath.Join(m.Dir, fmt.Sprintf("training-%d.bin", o.Seed))
	if err := t.Resume(checkpoint); err != nil {
		return err
	}
	p := progress{say: m.Say, o: o}
	if last, err := report.Read[Trained](checkpoint + ".json"); err == nil && t.Done() > 0 {
		p.Trained = *last
	}
	err = t.Run(ctx, p.note, func() error {
		if err := report.Write(checkpoint+".json", p.Trained); err != nil {
			return err
		}
		return t.Save(checkpoint)
	})
	made.Rows, made.Trained = t.Rows(), p.Trained
	return err
}

// Trained is what a run says of its training, over all its restarts.
type Trained struct {
	Loss    float64 `json:"loss"`    // mean, the last weighing a hundredth
	Seconds float64 `json:"seconds"` // in batches, waiting for other programs included
}

// progress prints the loss as it falls.
type progress struct {
	Trained
	say  func(format string, args ...any)
	o    Options
	took time.Duration // since the last line
}

func (p *progress) note(batch int, loss float64, took time.Duration) {
	if p.Loss == 0 {
		p.Loss = loss
	}
	p.Loss += (loss - p.Loss) / 100
	p.Seconds += took.Seconds()
	p.took += took
	if (batch+1)%50 == 0 {
		p.say("batch %d of %d: loss %.4f, %.0f pairs/s", batch+1, p.o.Batches, p.Loss, 50*float64(p.o.Batch)/p.took.Seconds())
		p.took = 0
	}
}

func (m *Maker) table(_ context.Context, made *Made) (err error) {
	made.Table, err = table.Build(table.Contents{Dim: m.Options.Dim, Buckets: m.Options.Buckets, Words: made.Vocabulary.Words, Rows: made.Rows})
	if err != nil {
		return err
	}
	return report.WriteFile(filepath.Join(m.Dir, fmt.Sprintf("table-%d.bin", m.Options.Seed)), made.Table)
}
