package embed

import (
	"context"
	"time"

	"github.com/lodedb/lode/internal/provider"
)

// ErrRefused is in the chain of an error of an [Embedder] whose provider refused the request
// itself and would refuse it again. Other texts, or some of the same ones, may pass.
var ErrRefused = provider.ErrRefused

// Request is one request to a provider, as it ended.
type Request struct {
	Texts     int
	Bytes     int64         // of the texts
	Tokens    int64         // that the provider counted, or that are estimated; 0 when it failed
	Estimated bool          // the provider did not say
	Duration  time.Duration // from sending to the last byte
	Err       error         // coded; nil when it was answered
}

// bytesPerToken is what an estimate of tokens goes by where a provider counts none: English
// has about four bytes a token in the vocabularies in use.
const bytesPerToken = 4

// EstimateTokens returns about how many tokens so many bytes of text are.
func EstimateTokens(bytes int64) int64 { return (bytes + bytesPerToken - 1) / bytesPerToken }

type meterKey struct{}

// WithMeter returns a context under which embedders that send requests report each of them,
// repeated ones too, before Embed returns. The meter may be called by many goroutines at once.
func WithMeter(ctx context.Context, meter func(Request)) context.Context {
	return context.WithValue(ctx, meterKey{}, meter)
}

// Report hands a request to the context's meter, if there is one.
func Report(ctx context.Context, r Request) {
	if meter, ok := ctx.Value(meterKey{}).(func(Request)); ok {
		meter(r)
	}
}
