package train

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/lodedb/lode/embed/table"
	"github.com/lodedb/lode/internal/report"
)

// Report is what a run of `make model` says of itself.
type Report struct {
	report.Head
	Sources []Fetched      `json:"sources"`
	Pairs   map[string]int `json:"pairs"` // by kind
	Options Options        `json:"options"`
	Trained Trained        `json:"trained"`
	SHA256  string         `json:"sha256"` // of the table
}

// NewReport describes a made model; figures are added by [Evaluation.Run] and [Report.AddSize].
func NewReport(m *Made, o Options) *Report {
	sum := sha256.Sum256(m.Table)
	r := &Report{
		Head:    report.Head{Name: "model-lode-en-v1", Title: "The table of lode-en-v1", Command: "make model", Date: time.Now().UTC().Truncate(time.Second), Seed: o.Seed, Machine: report.ThisMachine()},
		Sources: m.Fetched, Pairs: map[string]int{}, Options: o, Trained: m.Trained, SHA256: hex.EncodeToString(sum[:]),
	}
	r.Data = fmt.Sprintf("%d pairs of %d kinds, %d batches of %d", m.Corpus.Pairs(), len(m.Corpus.Sources), o.Batches, o.Batch)
	for _, s := range m.Corpus.Sources {
		r.Pairs[s.Name] = len(s.Pairs)
	}
	return r
}

// AddSize adds the bytes of the table and how many passages of thirty words one core embeds.
func (r *Report) AddSize(t *table.Table) {
	r.Demand("bytes of the table", float64(t.Bytes()), "bytes", "<=", 16e6)
	r.Demand("speed on one core, passages of 30 words", speed(t), "passages/s", ">=", 20_000)
}

// speedPassage has thirty words, one of which no table knows.
const speedPassage = "Ore comes out of the mine with clay and sand on it, so wash it in running water before anything else, for the clay hides the colour of the Kuhschellenerz stones."

// speed is the median of five rounds.
func speed(t *table.Table) float64 {
	const passages = 20_000
	embed, rounds := t.NewAdder(nil), make([]float64, 5)
	v := make([]float32, t.Dim())
	for i := range rounds {
		start := time.Now()
		for range passages {
			embed.Vector(speedPassage, v)
		}
		rounds[i] = passages / time.Since(start).Seconds()
	}
	return report.Median(rounds)
}

// WriteCard writes the generated parts of the model's card: sources and figures, as Markdown.
func (r *Report) WriteCard(w io.Writer) {
	fmt.Fprintf(w, "Made at commit %s on %s by `%s` with seed %d: %s, loss %.3f at the end. SHA-256 of the table: `%s`.\n\n", r.Commit, r.Date.Format(time.DateOnly), r.Command, r.Seed, r.Data, r.Trained.Loss, r.SHA256)
	fmt.Fprint(w, "| package | version | bytes | licence | SHA-256 |\n|---|---|--:|---|---|\n")
	for _, s := range r.Sources {
		fmt.Fprintf(w, "| %s | %s | %d | %s | `%s` |\n", s.Package, s.Version, s.Bytes, s.Licence, s.SHA256)
	}
	fmt.Fprint(w, "\n| pairs | number |\n|---|--:|\n")
	for _, name := range sortedKeys(r.Pairs) {
		fmt.Fprintf(w, "| %s | %d |\n", name, r.Pairs[name])
	}
	fmt.Fprint(w, "\n| figure | value | asked | met |\n|---|--:|---|---|\n")
	for _, f := range r.Figures {
		fmt.Fprintf(w, "| %s | %s | %s | %s |\n", f.Name, number(f.Value), f.Asked(), f.Verdict())
	}
}

func number(x float64) string {
	if x >= 1000 || x <= -1000 {
		return fmt.Sprintf("%.0f", x)
	}
	return strings.TrimSuffix(fmt.Sprintf("%.4f", x), ".0000")
}

// Marks around the generated parts of the card.
const (
	cardBegins = "<!-- generated: make model-card -->"
	cardEnds   = "<!-- end of generated -->"
)

// InsertCard replaces the generated parts of a card.
func (r *Report) InsertCard(card string) (string, error) {
	before, rest, ok := strings.Cut(card, cardBegins)
	_, after, ends := strings.Cut(rest, cardEnds)
	if !ok || !ends {
		return "", fmt.Errorf("the card has no lines %q and %q", cardBegins, cardEnds)
	}
	var b strings.Builder
	b.WriteString(before + cardBegins + "\n")
	r.WriteCard(&b)
	return b.String() + cardEnds + after, nil
}
