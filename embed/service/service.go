package service

import (
	"context"
	"crypto/rand"
	"errors"
	"log/slog"
	"path/filepath"
	"sync"
	"time"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/embed"
	"github.com/lodedb/lode/internal/vfs"
)

// Defaults of [Options].
const (
	DefaultWait     = 2 * time.Millisecond
	DefaultCacheAge = 30 * 24 * time.Hour
)

// upkeepEvery is the time between two rounds that save the ledger and sweep the cache.
const upkeepEvery = time.Minute

// Options configure a [Service].
type Options struct {
	// Dir is the folder of cache and ledger. Required.
	Dir string
	// CacheBytes bounds the cache. 0: there is none.
	CacheBytes int64
	// CacheAge bounds the age of its entries. The default is 30 days.
	CacheAge time.Duration
	// Wait is how long a text waits for others to share its request. The default is 2 ms.
	Wait time.Duration
	// Room says whether there is room on the disk for the cache. The default is that there is.
	Room   func() bool
	FS     vfs.FS           // the default is the machine's
	Clock  func() time.Time // the default is time.Now
	Logger *slog.Logger     // the default discards
	Events Events
}

// Events are told what happened, for metrics. Nil members are skipped. They are called by
// many goroutines at once and must not block.
type Events struct {
	// Request reports a request to a provider.
	Request func(provider string, r embed.Request)
	// Texts reports how many texts of a call were found in the cache, shared a request that
	// was under way, or were sent.
	Texts func(provider string, cached, shared, sent int)
}

// EnsureDefaults fills what the caller left out.
func (o *Options) EnsureDefaults() {
	if o.CacheAge == 0 {
		o.CacheAge = DefaultCacheAge
	}
	if o.Wait == 0 {
		o.Wait = DefaultWait
	}
	if o.FS == nil {
		o.FS = vfs.OS
	}
	if o.Clock == nil {
		o.Clock = time.Now
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Events.Request == nil {
		o.Events.Request = func(string, embed.Request) {}
	}
	if o.Events.Texts == nil {
		o.Events.Texts = func(string, int, int, int) {}
	}
}

// Validate checks the options after [Options.EnsureDefaults].
func (o *Options) Validate() error {
	switch {
	case o.Dir == "":
		return errors.New("embedding service: no folder")
	case o.CacheBytes != 0 && o.CacheBytes < leastCacheBytes:
		return lode.Invalid("embed_cache", o.CacheBytes, "embed_cache must be 0 (none) or at least %d", leastCacheBytes)
	case o.CacheAge < time.Minute:
		return lode.Invalid("embed_cache_age", o.CacheAge, "embed_cache_age must be at least a minute")
	case o.Wait < 0:
		return lode.Invalid("embed_wait", o.Wait, "embed_wait must not be negative")
	}
	return nil
}

// Service shares embedders among callers. All methods may be called at the same time.
type Service struct {
	o      Options
	secret *[32]byte // of keys while there is no cache
	ledger *Ledger
	base   context.Context // ends with the service
	end    context.CancelFunc
	work   sync.WaitGroup

	mu struct {
		sync.Mutex
		cache  *Cache // opened with the first source that is reached over a network
		queues []*queue
		closed bool
	}
}

// Open returns a service. Nothing is written before a source over a network is added.
func Open(o Options) (*Service, error) {
	o.EnsureDefaults()
	if err := o.Validate(); err != nil {
		return nil, err
	}
	s := &Service{o: o, secret: new([32]byte)}
	_, _ = rand.Read(s.secret[:]) // it ends the program rather than fail
	var err error
	if s.ledger, err = openLedger(o.FS, filepath.Join(o.Dir, "ledger.json")); err != nil {
		return nil, err
	}
	s.base, s.end = context.WithCancel(context.Background())
	s.work.Go(s.upkeep)
	return s, nil
}

// upkeep saves the ledger and removes what is too old from the cache.
func (s *Service) upkeep() {
	tick := time.NewTicker(upkeepEvery)
	defer tick.Stop()
	for {
		select {
		case <-s.base.Done():
			return
		case <-tick.C:
		}
		if cache := s.opened(); cache != nil {
			cache.Sweep()
		}
		s.saveLedger()
	}
}

// opened returns the cache, nil while there is none.
func (s *Service) opened() *Cache {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.mu.cache
}

// cache opens the cache when it is first needed. A cache that cannot be opened is none.
func (s *Service) cache() *Cache {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.mu.cache != nil || s.o.CacheBytes == 0 || s.mu.closed {
		return s.mu.cache
	}
	cache, err := OpenCache(CacheOptions{
		Dir: s.o.Dir, Bytes: s.o.CacheBytes, Age: s.o.CacheAge, Room: s.o.Room, FS: s.o.FS, Clock: s.o.Clock, Logger: s.o.Logger,
	})
	if err != nil {
		s.o.Logger.Warn("there is no embedding cache", "error", err)
		return nil
	}
	s.mu.cache = cache
	return cache
}

// key returns the key of a text, under the cache's secret when there is a cache.
func (s *Service) key(cache *Cache, fingerprint string, kind embed.Kind, text string) Key {
	if cache != nil {
		return cache.Key(fingerprint, kind, text)
	}
	return keyOf(s.secret, fingerprint, kind, text)
}

// ClearCache removes every vector that the service keeps.
func (s *Service) ClearCache() error {
	if cache := s.opened(); cache != nil {
		return cache.Clear()
	}
	if s.o.CacheBytes == 0 {
		return nil
	}
	cache := s.cache() // that of an earlier run
	if cache == nil {
		return lode.Errorf(lode.CodeUnavailable, "the embedding cache cannot be opened; the log says why")
	}
	return cache.Clear()
}

// CacheStats counts what the cache holds; false when there is none.
func (s *Service) CacheStats() (CacheStats, bool) {
	cache := s.opened()
	if cache == nil {
		return CacheStats{}, false
	}
	return cache.Stats(), true
}

// Entries are the rows of the ledger, by provider, model and collection.
func (s *Service) Entries() []Entry { return s.ledger.Entries() }

// Charge counts a request that was sent for a collection by other ways than a source, such as to a
// service that re-ranks passages. price is that of a million tokens.
func (s *Service) Charge(a Account, r embed.Request, price float64) {
	if r.Err == nil {
		s.ledger.add(a, func(t *Totals) { t.Texts += int64(r.Texts) })
		s.o.Events.Texts(a.Provider, 0, 0, r.Texts)
	}
	s.ledger.charge(a, []part{{collection: a.Collection, texts: r.Texts, bytes: r.Bytes}}, r, price)
	s.o.Events.Request(a.Provider, r)
}

// Close ends all requests and saves the ledger; calls that wait end with an error. It may be
// called twice.
func (s *Service) Close() error {
	s.end()
	s.mu.Lock()
	queues := s.mu.queues
	s.mu.Unlock()
	for _, q := range queues {
		q.shut()
	}
	s.work.Wait()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.mu.closed {
		return nil
	}
	s.mu.closed = true
	s.saveLedger()
	if s.mu.cache != nil {
		return s.mu.cache.Close()
	}
	return nil
}

// saveLedger keeps what was counted. A disk without room must not keep a node from closing.
func (s *Service) saveLedger() {
	if err := s.ledger.save(); err != nil {
		s.o.Logger.Warn("the ledger of embeddings cannot be written", "error", err)
	}
}
