package rerank

import (
	"context"
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
// mean of these cosines, each weighed by the square of the length of its token's vector: what it
// counts in a product of two texts. For the built-in model with weights that includes how rare the
// word is in the collection. Scores are -1 to 1,
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
	if len(ps) == 0 {
		return nil, ended(ctx)
	}
	out := make([]lode.RerankScore, len(ps))
	err := m.match(ctx, query, ps, func(i int, tokens []queryToken, cosines []float64) {
		contributions := make([]lode.ScoreContribution, len(tokens))
		for t := range tokens {
			contributions[t] = lode.ScoreContribution{Name: "token:" + tokens[t].name, Value: tokens[t].share * cosines[t]}
		}
		out[i] = summed(contributions)
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// scores are those of Rank without who contributed what.
func (m *MaxSim) scores(ctx context.Context, query string, ps []lode.RerankPassage) ([]float64, error) {
	out := make([]float64, len(ps))
	err := m.match(ctx, query, ps, func(i int, tokens []queryToken, cosines []float64) {
		for t := range tokens {
			out[i] += float64(tokens[t].share * cosines[t])
		}
	})
	return out, err
}

// match calls yield for each passage with the tokens of the query, and the cosine of each with the
// nearest in the passage.
func (m *MaxSim) match(ctx context.Context, query string, ps []lode.RerankPassage, yield func(i int, tokens []queryToken, cosines []float64)) error {
	match := newMatcher(m.lexicon, m.dim, query, m.o.QueryTokens)
	for i := range ps {
		if err := ended(ctx); err != nil {
			return err
		}
		yield(i, match.query, match.best(whole(&ps[i], m.o.PassageTokens), m.o.PassageTokens))
	}
	return nil
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
