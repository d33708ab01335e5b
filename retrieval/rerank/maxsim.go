package rerank

import (
	"context"
	"math"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/embed"
)

// MaxSimOptions bound the work of [MaxSim].
type MaxSimOptions struct {
	// QueryTokens are how many different tokens of the query count, the first ones. The default is 64.
	QueryTokens int
	// PassageTokens are how many tokens of a passage count, title and headings first. The default is 512.
	PassageTokens int
}

// EnsureDefaults fills what the caller left out.
func (o *MaxSimOptions) EnsureDefaults() {
	setDefault(&o.QueryTokens, 64)
	setDefault(&o.PassageTokens, 512)
}

// Validate checks the options after [MaxSimOptions.EnsureDefaults].
func (o *MaxSimOptions) Validate() error {
	const most = 1 << 16
	switch {
	case o.QueryTokens < 1 || o.QueryTokens > most:
		return lode.Invalid("query_tokens", o.QueryTokens, "query_tokens must be 1 to %d", most)
	case o.PassageTokens < 1 || o.PassageTokens > most:
		return lode.Invalid("passage_tokens", o.PassageTokens, "passage_tokens must be 1 to %d", most)
	}
	return nil
}

// MaxSim is late interaction (Khattab, Zaharia 2020) over vectors of single tokens: each token of
// the query looks for the token of the passage that is nearest in direction, and the score is the
// mean of these cosines, each weighed by what its token is worth to the embedder, which for the
// built-in model with weights includes how rare the word is in the collection. Scores are -1 to 1,
// and 1 for a passage that holds every word of the query. Of contributions each token of the query
// has one, by the name "token:" and the token.
type MaxSim struct {
	lexicon embed.Lexicon
	dim     int
	o       MaxSimOptions
}

var _ Ranker = (*MaxSim)(nil)

// NewMaxSim returns a ranker by the tokens of an embedder. One whose model has no vectors of single
// tokens is [lode.CodeInvalid].
func NewMaxSim(e embed.Embedder, o MaxSimOptions) (*MaxSim, error) {
	o.EnsureDefaults()
	if err := o.Validate(); err != nil {
		return nil, err
	}
	lexicon, ok := e.(embed.Lexicon)
	if !ok {
		return nil, lode.Invalid("rerank.name", NameMaxSim, "the embedder %s has no vectors of single words", e.Fingerprint()).
			WithHint("maxsim is for the built-in model lode-en-v1 and for local static models")
	}
	return &MaxSim{lexicon: lexicon, dim: e.Dim(), o: o}, nil
}

// Name implements [Ranker].
func (*MaxSim) Name() string { return NameMaxSim }

// Rank implements [Ranker].
func (m *MaxSim) Rank(ctx context.Context, query string, ps []lode.RerankPassage) ([]lode.RerankScore, error) {
	all, err := m.match(ctx, query, ps)
	if err != nil || len(ps) == 0 {
		return nil, err
	}
	out := make([]lode.RerankScore, len(ps))
	for i := range ps {
		contributions := make([]lode.ScoreContribution, len(all.names))
		for t, name := range all.names {
			contributions[t] = lode.ScoreContribution{Name: "token:" + name, Value: all.shares[t] * all.best(t, i)}
		}
		out[i] = summed(contributions)
	}
	return out, nil
}

// scores are those of Rank without who contributed what.
func (m *MaxSim) scores(ctx context.Context, query string, ps []lode.RerankPassage) ([]float64, error) {
	all, err := m.match(ctx, query, ps)
	if err != nil {
		return nil, err
	}
	out := make([]float64, len(ps))
	for i := range ps {
		for t := range all.names {
			out[i] += float64(all.shares[t] * all.best(t, i))
		}
	}
	return out, nil
}

// matched is what the tokens of a query found.
type matched struct {
	names    []string  // of the query's tokens
	shares   []float64 // what each counts; together 1
	cosines  [][]float64
	passages [][]uint32 // tokens of each passage, none twice
}

// best is the cosine of a token of the query with the nearest one of a passage; 0 in an empty one.
func (m *matched) best(token, passage int) float64 {
	tokens := m.passages[passage]
	if len(tokens) == 0 {
		return 0
	}
	best := math.Inf(-1)
	for _, t := range tokens {
		best = max(best, m.cosines[token][t])
	}
	return best
}

// match compares each token of the query once with each different token of all passages.
func (m *MaxSim) match(ctx context.Context, query string, ps []lode.RerankPassage) (*matched, error) {
	v := newVocabulary(m.lexicon, m.dim)
	asked := v.read(query, m.o.QueryTokens, math.MaxInt)
	asked = slices.DeleteFunc(asked, func(t uint32) bool { return v.lengths[t] == 0 })
	out := &matched{passages: make([][]uint32, len(ps))}
	for i := range ps {
		if err := ended(ctx); err != nil {
			return nil, err
		}
		out.passages[i] = v.read(whole(&ps[i], m.o.PassageTokens), math.MaxInt, m.o.PassageTokens)
	}
	total := 0.0
	for _, t := range asked {
		total += v.lengths[t]
	}
	for _, t := range asked {
		if err := ended(ctx); err != nil {
			return nil, err
		}
		out.names = append(out.names, v.names[t])
		out.shares = append(out.shares, v.lengths[t]/total)
		out.cosines = append(out.cosines, v.cosines(t))
	}
	return out, nil
}

// mostTokenBytes is more than a word is long: what is beyond so many bytes for each token that counts
// cannot hold a token that does, but for runs without a word.
const mostTokenBytes = 128

// whole is a passage with what stands above it, cut where no more tokens count.
func whole(p *lode.RerankPassage, tokens int) string {
	var b strings.Builder
	for _, part := range append([]string{p.Title}, p.Path...) {
		if part != "" {
			b.WriteString(part)
			b.WriteString("\n\n")
		}
	}
	b.WriteString(p.Text)
	return cutBytes(b.String(), tokens*mostTokenBytes)
}

// cutBytes cuts a text at a character.
func cutBytes(s string, most int) string {
	if len(s) <= most {
		return s
	}
	for most > 0 && !utf8.RuneStart(s[most]) {
		most--
	}
	return s[:most]
}

func setDefault[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}
