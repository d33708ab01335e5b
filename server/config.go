package server

import (
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"path/filepath"
	"runtime"
	"strconv"
	"time"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/collection"
	"github.com/lodedb/lode/internal/vfs"
	"github.com/lodedb/lode/storage"
)

// Defaults of [Config].
const (
	DefaultDataDir          = "./lode-data"
	DefaultListen           = "127.0.0.1:7700"
	DefaultMaxBodyBytes     = 64 << 20
	DefaultMaxDocumentBytes = 64 << 20
	DefaultParseTimeout     = 30 * time.Second
	DefaultParseMemoryBytes = 512 << 20
	DefaultParseMaxPages    = 5_000
	DefaultMaxRequests      = 256
	DefaultShutdownTimeout  = 15 * time.Second
	DefaultProviderTimeout  = 60 * time.Second
	DefaultDiskTimeout      = 10 * time.Second
)

// leastTimeout is the shortest time that any limit may be set to.
const leastTimeout = 10 * time.Millisecond

// Config says how a node runs. The zero value of a field is its default.
type Config struct {
	DataDir          string        // folder of everything the node keeps
	Listen           string        // host:port of the HTTP API; port 0 takes a free one
	MaxBodyBytes     int64         // of one HTTP request
	MaxDocumentBytes int64         // of one document
	MaxRequests      int           // served at once; more are answered with 429
	Workers          int           // documents parsed at once; the default is the number of CPUs
	ParseTimeout     time.Duration // for one document in the parser process
	ParseMemoryBytes int64         // resident memory of one parser process
	ParseMaxPages    int           // of one document
	MaxDiskBytes     int64         // of the catalogue file; 0 is no limit
	SegmentBytes     int64         // that a segment grows to before it is sealed
	GraphRows        int           // that a sealed segment must have to get a graph
	EarlyRows        int           // that a collection must have for the node to serve it before it is loaded
	ScrubEvery       time.Duration // pause between two rounds of the scrubber; [NoScrub] turns it off
	ScrubRate        int64         // bytes a second that it reads
	FlushInterval    time.Duration // that a write stays in the log and in memory alone
	DiskLimitBytes   int64         // of the data folder; 0 is no limit but the disk's own
	MemoryBytes      int64         // of the process; the default is 80 % of the container's or machine's, [NoMemoryLimit] is none
	DiskTimeout      time.Duration // of one call on the disk, before the node stops
	ShutdownTimeout  time.Duration // for requests that are under way when the node closes
	AllowedHosts     []string      // names under which web pages may reach a node on loopback
	OpenAI           OpenAIConfig
	Providers        map[string]ProviderConfig // by name
	Rerankers        map[string]RerankerConfig // by name
	Egress           EgressConfig
	Embedding        EmbeddingConfig
	ModelsDir        string // folder of local models; the default is models in the data folder
	Backup           BackupConfig
	Logger           *slog.Logger // discards by default
	Version, Commit  string       // of the program, for health and metrics
	// Clock is for tests; the default is time.Now.
	Clock func() time.Time
	// Hooks of the tests: the file system of the data folder, what every Apply calls first, who
	// sends a request, how much of the disk is free, and what takes some of it.
	fsys         vfs.FS
	hold         func()
	authenticate func(*http.Request) (lode.Principal, error) // nil: everybody sees everything
	space        func(path string) (vfs.Space, error)
	allocate     func(name string, size int64) error
	// OnFatal is called once when the node must stop serving at once: its log or its storage
	// failed. The default only logs and makes the node unready.
	OnFatal func(error)
}

// OpenAIConfig reaches a provider that speaks the OpenAI embeddings API. Collections name
// the model; address and key stay with the node.
type OpenAIConfig struct {
	BaseURL string // e.g. "https://api.openai.com/v1"; empty: no such provider
	APIKey  string // never logged
	Timeout time.Duration
}

// EnsureDefaults fills what the caller left out.
func (c *Config) EnsureDefaults() {
	setDefault(&c.DataDir, DefaultDataDir)
	setDefault(&c.Listen, DefaultListen)
	setDefault(&c.MaxBodyBytes, DefaultMaxBodyBytes)
	setDefault(&c.MaxDocumentBytes, min(DefaultMaxDocumentBytes, c.MaxBodyBytes))
	setDefault(&c.MaxRequests, DefaultMaxRequests)
	setDefault(&c.Workers, runtime.GOMAXPROCS(0))
	setDefault(&c.ParseTimeout, DefaultParseTimeout)
	setDefault(&c.ParseMemoryBytes, DefaultParseMemoryBytes)
	setDefault(&c.ParseMaxPages, DefaultParseMaxPages)
	setDefault(&c.SegmentBytes, collection.DefaultSealBytes)
	setDefault(&c.GraphRows, collection.DefaultGraphRows)
	setDefault(&c.EarlyRows, collection.DefaultEarlyRows)
	setDefault(&c.ScrubEvery, DefaultScrubEvery)
	setDefault(&c.ScrubRate, storage.DefaultScrubRate)
	setDefault(&c.FlushInterval, storage.DefaultFlushInterval)
	setDefault(&c.ShutdownTimeout, DefaultShutdownTimeout)
	setDefault(&c.OpenAI.Timeout, DefaultProviderTimeout)
	c.Embedding.ensureDefaults()
	setDefault(&c.ModelsDir, ModelsDir(c.DataDir))
	setDefault(&c.Backup.Keep, DefaultBackupKeep)
	setDefault(&c.DiskTimeout, DefaultDiskTimeout)
	if c.fsys == nil {
		c.fsys = vfs.OS
	}
	if c.space == nil {
		c.space = vfs.SpaceOf
	}
	if c.allocate == nil {
		c.allocate = vfs.Allocate
	}
	if c.hold == nil {
		c.hold = func() {}
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.Clock == nil {
		c.Clock = time.Now
	}
}

// ModelsDir is the folder of local models in a data folder.
func ModelsDir(dataDir string) string { return filepath.Join(dataDir, "models") }

func setDefault[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

// Validate checks a configuration after [Config.EnsureDefaults]. The error names the field
// and the value that it was given.
func (c *Config) Validate() error {
	if _, port, err := net.SplitHostPort(c.Listen); err != nil {
		return lode.Invalid("listen", c.Listen, "listen must be host:port")
	} else if _, err := strconv.ParseUint(port, 10, 16); err != nil {
		return lode.Invalid("listen", c.Listen, "port %q is not a number up to 65535", port).WithHint("the default is " + DefaultListen + "; port 0 takes a free one")
	}
	for _, field := range []struct {
		name  string
		value int64
		least int64
	}{
		{"max_body", c.MaxBodyBytes, 1 << 10},
		{"max_document", c.MaxDocumentBytes, 1 << 10},
		{"max_requests", int64(c.MaxRequests), 1},
		{"workers", int64(c.Workers), 1},
		{"parse_memory", c.ParseMemoryBytes, 32 << 20},
		{"parse_pages", int64(c.ParseMaxPages), 1},
		{"max_disk", c.MaxDiskBytes, 0},
		{"segment_size", c.SegmentBytes, 1 << 10},
		{"disk_limit", c.DiskLimitBytes, 0},
		{"scrub_rate", c.ScrubRate, 64 << 10},
	} {
		if field.value < field.least {
			return lode.Invalid(field.name, field.value, "%s must be at least %d", field.name, field.least)
		}
	}
	for name, d := range map[string]time.Duration{"parse_timeout": c.ParseTimeout, "disk_timeout": c.DiskTimeout, "flush_interval": c.FlushInterval, "shutdown_timeout": c.ShutdownTimeout, "openai_timeout": c.OpenAI.Timeout} {
		if d < leastTimeout {
			return lode.Invalid(name, d, "%s must be at least %s", name, leastTimeout)
		}
	}
	if err := c.validateLimits(); err != nil {
		return err
	}
	if c.MaxDocumentBytes > c.MaxBodyBytes {
		return lode.Invalid("max_document", c.MaxDocumentBytes, "max_document cannot exceed max_body (%d)", c.MaxBodyBytes)
	}
	if err := c.Backup.validate(); err != nil {
		return err
	}
	if err := c.OpenAI.validate(); err != nil {
		return err
	}
	if err := c.Embedding.validate(); err != nil {
		return err
	}
	if err := c.validateRerankers(); err != nil {
		return err
	}
	return c.validateProviders()
}

// The least that limits of the whole node can be.
const (
	leastDiskLimit   = 64 << 20
	leastMemoryLimit = 128 << 20
	bodyMemory       = 4 // what the largest body may take of the memory: a fourth
)

func (c *Config) validateLimits() error {
	switch {
	case c.ScrubEvery != NoScrub && c.ScrubEvery < time.Second:
		return lode.Invalid("scrub_every", c.ScrubEvery, "scrub_every must be 0 (off) or at least a second")
	case c.GraphRows < 1:
		return lode.Invalid("graph_rows", c.GraphRows, "graph_rows must be at least 1")
	case c.EarlyRows < 1:
		return lode.Invalid("early_rows", c.EarlyRows, "early_rows must be at least 1")
	case c.DiskLimitBytes != 0 && c.DiskLimitBytes < leastDiskLimit:
		return lode.Invalid("disk_limit", c.DiskLimitBytes, "disk_limit must be 0 (no limit) or at least %d", leastDiskLimit)
	case c.MemoryBytes < NoMemoryLimit || c.MemoryBytes > 0 && c.MemoryBytes < leastMemoryLimit:
		return lode.Invalid("memory_limit", c.MemoryBytes, "memory_limit must be auto, 0 (no limit) or at least %d", leastMemoryLimit)
	case c.MemoryBytes > 0 && c.MaxBodyBytes > c.MemoryBytes/bodyMemory:
		return lode.Invalid("max_body", c.MaxBodyBytes, "max_body can be a fourth of memory_limit (%d) at most", c.MemoryBytes).
			WithHint("lower --max-body and --max-document, or raise --memory-limit")
	}
	return nil
}

func (o *OpenAIConfig) validate() error {
	if o.BaseURL == "" {
		return nil
	}
	u, err := url.Parse(o.BaseURL)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" || u.User != nil {
		return lode.Invalid("openai_url", o.BaseURL, "openai_url must be an http or https URL without user and password")
	}
	return nil
}
