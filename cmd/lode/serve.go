package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"
	"time"

	"github.com/alecthomas/kong"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/index/distance"
	"github.com/lodedb/lode/server"
)

// serveCommand holds every setting of a node: one description each, from which come the
// flag, the LODE_* variable, the key in the file, the help and docs/configuration.md.
type serveCommand struct {
	Config      kong.ConfigFlag `help:"YAML file with settings; flags and LODE_* variables come first." placeholder:"FILE"`
	CheckConfig bool            `help:"Check the settings, print them and exit." env:"-"`

	Data   string `help:"Folder of everything the node keeps." default:"${default_data}" placeholder:"DIR"`
	Listen string `help:"host:port of the HTTP API; port 0 takes a free one." default:"${default_listen}" placeholder:"ADDR"`

	MaxBody       byteSize      `help:"Largest HTTP request body." default:"64MiB" placeholder:"SIZE"`
	MaxDocument   byteSize      `help:"Largest document." default:"64MiB" placeholder:"SIZE"`
	MaxDisk       byteSize      `help:"Largest size of the catalogue file; 0 is no limit." default:"0" placeholder:"SIZE"`
	DiskLimit     byteSize      `help:"Most that the data folder may take of the disk; 0 is no limit but the disk's own." default:"0" placeholder:"SIZE"`
	MemoryLimit   memorySize    `help:"Most memory of the node's process; auto is 80 % of what its container or the machine has, 0 is no limit." default:"auto" placeholder:"SIZE"`
	SegmentSize   byteSize      `help:"Size at which the growing part of a collection becomes a sealed file." default:"64MiB" placeholder:"SIZE"`
	GraphRows     int           `help:"Rows that a sealed file must have to get a graph; fewer are compared one by one." default:"4096" placeholder:"N"`
	ScrubEvery    time.Duration `help:"Pause between two rounds that compare the sealed files with their checksums; 0 makes none." default:"24h" placeholder:"TIME"`
	ScrubRate     byteSize      `help:"Most that such a round reads in a second." default:"32MiB" placeholder:"SIZE"`
	FlushInterval time.Duration `help:"Longest time that a write stays in the log and in memory before it goes to the data files." default:"1s" placeholder:"TIME"`
	MaxRequests   int           `help:"Requests served at once; more are answered with 429." default:"256" placeholder:"N"`
	Workers       int           `help:"Documents parsed at once; 0 is the number of CPUs." default:"0" placeholder:"N"`
	ParseTimeout  time.Duration `help:"Longest time to parse one document." default:"30s" placeholder:"TIME"`
	ParseMemory   byteSize      `help:"Most memory of one parser process." default:"512MiB" placeholder:"SIZE"`
	ParsePages    int           `help:"Most pages of one document." default:"5000" placeholder:"N"`

	AllowedHost []string `help:"Name under which web pages may reach a node on loopback, for a proxy in front of it; repeat for more." placeholder:"HOST"`

	OpenaiURL     string        `name:"openai-url" help:"Base URL of an OpenAI-compatible embeddings API, e.g. https://api.openai.com/v1." placeholder:"URL"`
	OpenaiKey     string        `name:"openai-key" help:"Its key. Other users can see arguments: prefer LODE_OPENAI_KEY or --openai-key-file." placeholder:"KEY"`
	OpenaiKeyFile string        `name:"openai-key-file" help:"File that holds its key." type:"path" placeholder:"FILE"`
	OpenaiTimeout time.Duration `name:"openai-timeout" help:"Longest time for one request to it." default:"60s" placeholder:"TIME"`

	Provider     []string `help:"Providers of embeddings, by API: ${providers}. The key of each is in LODE_<NAME>_KEY." placeholder:"NAME,..."`
	ProviderFile string   `help:"YAML file of providers of embeddings with their settings, see docs/embedding.md." type:"path" placeholder:"FILE"`
	RerankerFile string   `help:"YAML file of services that re-rank passages, see docs/reranking.md." type:"path" placeholder:"FILE"`
	EgressAllow  []string `help:"What the node may connect to: hosts, host:port, *.domains and networks; the default is everything but link-local and metadata addresses, which never are." placeholder:"HOST,..."`
	EgressProxy  string   `help:"URL of a proxy for these connections, or none; the default is what HTTPS_PROXY, HTTP_PROXY and NO_PROXY say." placeholder:"URL"`

	Models        string        `help:"Folder of local models; the default is models in the data folder." type:"path" placeholder:"DIR"`
	EmbedCache    byteSize      `help:"Size of the vectors of providers that are kept on disk, to not embed the same text again; 0 keeps none." default:"256MiB" placeholder:"SIZE"`
	EmbedCacheAge time.Duration `help:"Age at which they go." default:"720h" placeholder:"TIME"`

	BackupTo    string        `help:"Repository of backups: a folder, or s3://bucket/prefix?endpoint=https://host:9000&region=R." placeholder:"URL"`
	BackupEvery time.Duration `help:"Time between scheduled backups; 0 makes them only when asked." default:"0" placeholder:"TIME"`
	BackupKeep  int           `help:"Backups that stay; older ones are removed." default:"7" placeholder:"N"`
	BackupKeys  string        `help:"File with the keys of the bucket, as ~/.aws/credentials; the default is AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY." type:"path" placeholder:"FILE"`

	kernelFlag

	DiskTimeout     time.Duration `help:"Longest time that a call on the disk may take; then the node stops." default:"10s" placeholder:"TIME"`
	ShutdownTimeout time.Duration `help:"Time for requests under way when the node is stopped." default:"15s" placeholder:"TIME"`
	LogLevel        string        `help:"Least level that is logged: ${enum}." enum:"debug,info,warn,error" default:"info" placeholder:"LEVEL"`
	LogFormat       string        `help:"Form of the log on standard error: ${enum}." enum:"text,json" default:"text" placeholder:"FORM"`
}

// Run serves until the context ends, then closes the node in order.
func (c *serveCommand) Run(ctx context.Context, std streams) error {
	cfg, err := c.settings(std.err)
	if err != nil {
		return usageError{err}
	}
	if c.CheckConfig {
		return c.printConfig(std, cfg)
	}
	ctx, fatal := context.WithCancelCause(ctx)
	defer fatal(nil)
	cfg.OnFatal = func(err error) { fatal(err) }
	server.LimitMemory(&cfg)
	node, err := server.Open(ctx, cfg)
	if errors.Is(err, context.Canceled) && errors.Is(context.Cause(ctx), context.Canceled) {
		return nil // told to stop while opening
	}
	if err != nil {
		return err
	}
	if err := announce(std, node.URL()); err != nil {
		return errors.Join(err, node.Close())
	}
	<-ctx.Done()
	cause := context.Cause(ctx)
	if errors.Is(cause, context.Canceled) {
		cause = nil
	}
	return errors.Join(cause, node.Close())
}

// announce says where the node is reached, which programs that start it wait for.
func announce(std streams, url string) error {
	if std.json {
		return writeJSON(std.out, map[string]string{"listening": url})
	}
	_, err := fmt.Fprintf(std.out, "listening on %s\n", url)
	return err
}

func (c *serveCommand) settings(logTo io.Writer) (server.Config, error) {
	key := c.OpenaiKey
	if c.OpenaiKeyFile != "" {
		content, err := os.ReadFile(c.OpenaiKeyFile)
		if err != nil {
			return server.Config{}, lode.Invalid("openai_key_file", c.OpenaiKeyFile, "cannot be read: %v", err)
		}
		key = strings.TrimSpace(string(content))
	}
	keys, err := backupCredentials(c.BackupKeys)
	if err != nil {
		return server.Config{}, err
	}
	providers, err := readProviders(c.Provider, c.ProviderFile)
	if err != nil {
		return server.Config{}, err
	}
	rerankers, err := readRerankers(c.RerankerFile)
	if err != nil {
		return server.Config{}, err
	}
	cfg := server.Config{
		DataDir: c.Data, Listen: c.Listen, Version: version, Commit: commit,
		MaxBodyBytes: int64(c.MaxBody), MaxDocumentBytes: int64(c.MaxDocument), MaxDiskBytes: int64(c.MaxDisk),
		SegmentBytes: int64(c.SegmentSize), GraphRows: c.GraphRows, FlushInterval: c.FlushInterval,
		ScrubEvery: scrubEvery(c.ScrubEvery), ScrubRate: int64(c.ScrubRate),
		DiskLimitBytes: int64(c.DiskLimit), MemoryBytes: int64(c.MemoryLimit),
		MaxRequests: c.MaxRequests, Workers: c.Workers,
		ParseTimeout: c.ParseTimeout, ParseMemoryBytes: int64(c.ParseMemory), ParseMaxPages: c.ParsePages,
		OpenAI:          server.OpenAIConfig{BaseURL: c.OpenaiURL, APIKey: key, Timeout: c.OpenaiTimeout},
		Providers:       providers,
		Rerankers:       rerankers,
		Egress:          server.EgressConfig{Allow: c.EgressAllow, Proxy: c.EgressProxy},
		Embedding:       server.EmbeddingConfig{CacheBytes: embedCache(c.EmbedCache), CacheAge: c.EmbedCacheAge},
		ModelsDir:       c.Models,
		AllowedHosts:    c.AllowedHost,
		Backup:          server.BackupConfig{To: c.BackupTo, Every: c.BackupEvery, Keep: c.BackupKeep, Credentials: keys},
		DiskTimeout:     c.DiskTimeout,
		ShutdownTimeout: c.ShutdownTimeout,
		Logger:          c.logger(logTo),
	}
	cfg.EnsureDefaults()
	return cfg, cfg.Validate()
}

// scrubEvery is how a configuration says that there are no rounds.
func scrubEvery(d time.Duration) time.Duration {
	if d == 0 {
		return server.NoScrub
	}
	return d
}

func (c *serveCommand) logger(w io.Writer) *slog.Logger {
	var level slog.Level
	if err := level.UnmarshalText([]byte(c.LogLevel)); err != nil {
		level = slog.LevelInfo // the parser has checked the name
	}
	options := &slog.HandlerOptions{Level: level}
	if c.LogFormat == "json" {
		return slog.New(slog.NewJSONHandler(w, options))
	}
	return slog.New(slog.NewTextHandler(w, options))
}

func (c *serveCommand) printConfig(std streams, cfg server.Config) error {
	shown := map[string]any{
		"data": cfg.DataDir, "listen": cfg.Listen, "max_body": cfg.MaxBodyBytes, "max_document": cfg.MaxDocumentBytes,
		"max_disk": cfg.MaxDiskBytes, "disk_limit": cfg.DiskLimitBytes, "memory_limit": cfg.MemoryLimit(), "segment_size": cfg.SegmentBytes, "graph_rows": cfg.GraphRows, "scrub_every": max(cfg.ScrubEvery, 0).String(), "scrub_rate": cfg.ScrubRate, "flush_interval": cfg.FlushInterval.String(), "max_requests": cfg.MaxRequests, "workers": cfg.Workers,
		"parse_timeout": cfg.ParseTimeout.String(), "parse_memory": cfg.ParseMemoryBytes, "parse_pages": cfg.ParseMaxPages,
		"openai_url": cfg.OpenAI.BaseURL, "openai_key_set": cfg.OpenAI.APIKey != "", "openai_timeout": cfg.OpenAI.Timeout.String(),
		"providers":    shownNames(cfg.Providers, func(p server.ProviderConfig) string { return p.APIKey }),
		"rerankers":    shownNames(cfg.Rerankers, func(r server.RerankerConfig) string { return r.APIKey }),
		"egress_allow": strings.Join(cfg.Egress.Allow, ","), "egress_proxy": shownProxy(cfg.Egress.Proxy),
		"models": cfg.ModelsDir, "embed_cache": max(cfg.Embedding.CacheBytes, 0), "embed_cache_age": cfg.Embedding.CacheAge.String(),
		"backup_to": cfg.Backup.To, "backup_every": cfg.Backup.Every.String(), "backup_keep": cfg.Backup.Keep,
		"backup_keys_set":  cfg.Backup.Credentials.SecretKey != "",
		"kernel":           distance.Kernel(),
		"disk_timeout":     cfg.DiskTimeout.String(),
		"shutdown_timeout": cfg.ShutdownTimeout.String(), "log_level": c.LogLevel, "log_format": c.LogFormat,
	}
	if std.json {
		return writeJSON(std.out, shown)
	}
	for name, value := range shown {
		if size, ok := value.(int64); ok {
			shown[name] = byteSize(size)
		}
	}
	fmt.Fprintln(std.out, "the configuration is good")
	writeFields(std.out, shown)
	return nil
}
