package evaluation

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"reflect"
	"slices"

	"github.com/lodedb/lode"
)

// Outcome is what a comparison says of the second report.
type Outcome string

// The outcomes.
const (
	Drop Outcome = "drop" // the second report is worse, by more than chance and by more than the least difference
	Gain Outcome = "gain" // it is better, in the same sense
	Same Outcome = "same" // neither was shown
)

// CompareOptions say when a difference is one.
type CompareOptions struct {
	// Metrics are compared; the default is [NDCG10] alone. Each is a comparison of its own: with
	// more of them a false alarm is more likely.
	Metrics []Metric
	// MinDelta is the least difference of means that matters. The default is [DefaultMinDelta];
	// a negative one is 0, which lets the interval decide alone.
	MinDelta float64
	// Seed of the bootstrap.
	Seed uint64
	// OtherCorpus allows reports about other documents. Then a difference may be theirs.
	OtherCorpus bool
}

// DefaultMinDelta is a difference that users of a ranking can notice: less is not worth an alarm.
const DefaultMinDelta = 0.01

// EnsureDefaults fills what the caller left out.
func (o *CompareOptions) EnsureDefaults() {
	if len(o.Metrics) == 0 {
		o.Metrics = []Metric{NDCG10}
	}
	switch {
	case o.MinDelta == 0:
		o.MinDelta = DefaultMinDelta
	case o.MinDelta < 0:
		o.MinDelta = 0
	}
}

// Validate checks the options after [CompareOptions.EnsureDefaults].
func (o *CompareOptions) Validate() error {
	for i, m := range o.Metrics {
		if err := m.Validate(); err != nil {
			return err
		}
		if slices.Contains(o.Metrics[:i], m) {
			return lode.Invalid("metric", m, "the metric is named twice")
		}
	}
	if !(o.MinDelta >= 0 && o.MinDelta < 1) {
		return lode.Invalid("min_delta", o.MinDelta, "min_delta must be 0 to 1")
	}
	return nil
}

// Comparison is the difference of two reports in one metric.
type Comparison struct {
	Metric    Metric   `json:"metric"`
	A         float64  `json:"a"` // means
	B         float64  `json:"b"`
	Delta     float64  `json:"delta"` // of B less A
	Interval  Interval `json:"interval"`
	Questions int      `json:"questions"`
	Better    int      `json:"better"` // questions that B answers better
	Worse     int      `json:"worse"`
	Outcome   Outcome  `json:"outcome"`
}

// Compared is what [Compare] found.
type Compared struct {
	Comparisons []Comparison `json:"comparisons"`
	MinDelta    float64      `json:"min_delta"`
	Seed        uint64       `json:"seed"`
	// Differences are what else differs between the runs: what may have made the difference.
	Differences []Difference `json:"differences"`
}

// Difference is something that two reports do not agree about.
type Difference struct {
	What string `json:"what"`
	A    string `json:"a"`
	B    string `json:"b"`
}

// Dropped reports whether any metric did.
func (c *Compared) Dropped() bool {
	return slices.ContainsFunc(c.Comparisons, func(c Comparison) bool { return c.Outcome == Drop })
}

// Compare says how b differs from a. Both must be runs of the same set, over the same documents unless
// the options allow others; else [lode.CodeConflict]. A difference is called one only if its interval
// excludes 0 and its size is more than the least: the first keeps chance out, the second what nobody
// would notice.
func Compare(a, b *Report, o CompareOptions) (*Compared, error) {
	o.EnsureDefaults()
	if err := o.Validate(); err != nil {
		return nil, err
	}
	if err := fitTogether(a, b, o.OtherCorpus); err != nil {
		return nil, err
	}
	out := &Compared{MinDelta: o.MinDelta, Seed: o.Seed, Differences: differences(a, b)}
	for _, m := range o.Metrics {
		c, err := compareIn(a, b, m, &o)
		if err != nil {
			return nil, err
		}
		out.Comparisons = append(out.Comparisons, c)
	}
	return out, nil
}

func fitTogether(a, b *Report, otherCorpus bool) error {
	if a.Set.Hash != b.Set.Hash {
		return lode.FieldError(lode.CodeConflict, "set.hash", b.Set.Hash, "the reports are about different sets").
			WithHint("run both on the same set")
	}
	if a.Corpus.Fingerprint != b.Corpus.Fingerprint && !otherCorpus {
		return lode.FieldError(lode.CodeConflict, "corpus.fingerprint", b.Corpus.Fingerprint, "the reports are about different documents (%d and %d)",
			a.Corpus.Documents, b.Corpus.Documents).WithHint("run both on the same documents, or say that they may differ")
	}
	if a.Partial+b.Partial > 0 {
		return lode.FieldError(lode.CodeConflict, "partial", a.Partial+b.Partial, "some answers were not complete: their scores are those of a deadline").
			WithHint("run again with a longer timeout")
	}
	return nil
}

func compareIn(a, b *Report, m Metric, o *CompareOptions) (Comparison, error) {
	rows := make(map[string]*Row, len(a.Rows))
	for i := range a.Rows {
		rows[a.Rows[i].ID] = &a.Rows[i]
	}
	c := Comparison{Metric: m}
	var deltas, olds, news []float64
	for i := range b.Rows {
		row := rows[b.Rows[i].ID]
		if row == nil || len(a.Rows) != len(b.Rows) {
			return c, lode.FieldError(lode.CodeConflict, "rows", b.Rows[i].ID, "the reports are about different questions")
		}
		was, measuredA := row.Of(m)
		is, measuredB := b.Rows[i].Of(m)
		if measuredA != measuredB {
			return c, lode.FieldError(lode.CodeConflict, "metric", m, "one report has no %s of question %s", m, lode.CutValue(row.ID))
		}
		if measuredA {
			olds, news, deltas = append(olds, was), append(news, is), append(deltas, is-was)
		}
	}
	if len(deltas) == 0 {
		return c, lode.Invalid("metric", m, "the reports have no %s", m)
	}
	c.A, c.B, c.Delta, c.Questions = mean(olds), mean(news), mean(deltas), len(deltas)
	c.Interval = Bootstrap(deltas, o.Seed)
	c.judge(deltas, o.MinDelta)
	return c, nil
}

// judge counts questions and says what the difference is.
func (c *Comparison) judge(deltas []float64, least float64) {
	sign := 1.0
	if c.Metric.LessIsBetter() {
		sign = -1
	}
	for _, d := range deltas {
		switch {
		case sign*d > 0:
			c.Better++
		case sign*d < 0:
			c.Worse++
		}
	}
	c.Outcome = Same
	if c.Interval.ExcludesZero() && math.Abs(c.Delta) > least {
		c.Outcome = Gain
		if sign*c.Delta < 0 {
			c.Outcome = Drop
		}
	}
}

// differences lists what two reports say of what they were made of.
func differences(a, b *Report) []Difference {
	list := []Difference{}
	add := func(what string, x, y any) {
		if s, t := fmt.Sprint(x), fmt.Sprint(y); s != t {
			list = append(list, Difference{What: what, A: s, B: t})
		}
	}
	add("corpus", a.Corpus.Fingerprint, b.Corpus.Fingerprint)
	add("documents", a.Corpus.Documents, b.Corpus.Documents)
	add("chunks", a.Corpus.Chunks, b.Corpus.Chunks)
	add("missing spans", a.Set.Missing, b.Set.Missing)
	add("collection", a.Collection, b.Collection)
	add("fingerprint", a.Fingerprint, b.Fingerprint)
	names := maps.Clone(a.Index)
	if names == nil {
		names = map[string]string{}
	}
	maps.Copy(names, b.Index)
	for _, name := range sortedKeys(names) {
		add("index "+name, a.Index[name], b.Index[name])
	}
	add("ranking", asJSON(a.Ranking), asJSON(b.Ranking))
	add("query", asJSON(a.Query), asJSON(b.Query))
	add("code", a.Code, b.Code)
	return list
}

// asJSON writes a value in few characters; nothing for nothing.
func asJSON(v any) string {
	if v == nil || reflect.ValueOf(v).IsZero() {
		return ""
	}
	raw, err := json.Marshal(v)
	var flat bytes.Buffer
	if err != nil || json.Compact(&flat, raw) != nil {
		return fmt.Sprint(v)
	}
	return flat.String()
}
