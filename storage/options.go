package storage

import (
	"context"
	"io"
	"log/slog"
	"path/filepath"
	"time"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/internal/vfs"
)

// MinMaxBytes is the least that [Options.MaxBytes] can be: the catalogue grows in steps of
// 16 MiB.
const MinMaxBytes = 64 << 20

// Defaults of [Options].
const (
	DefaultFlushInterval = time.Second
	DefaultFlushBytes    = 16 << 20
)

// Options are the settings of a store. The zero value is good.
type Options struct {
	// Logger hears what happened to the files of the store. The default is silence.
	Logger *slog.Logger
	// MaxBytes bounds the file of the catalogue. [Store.Admit] refuses before it is reached,
	// while there is room for what cannot be refused. The default, 0, is no bound.
	MaxBytes int64
	// FlushInterval is the longest that an update stays in memory and in the log only; at
	// FlushBytes it goes to the files earlier. The defaults are [DefaultFlushInterval] and
	// [DefaultFlushBytes].
	FlushInterval time.Duration
	FlushBytes    int64
	// Failed is told once, in a goroutine of its own, that a write to the files failed so
	// that nobody knows what they hold: the node must stop. The default does nothing; then
	// the next Update says so.
	Failed func(error)
	// Fetch opens a segment that a snapshot refers to and this node lacks. The default
	// knows none.
	Fetch func(context.Context, SegmentRef) (io.ReadCloser, error)
	// FS is where our own files go: tests make it fail. Catalogue and growing segments are
	// opened by bbolt and do not go through it, except for being renamed and removed. The
	// default is [vfs.OS].
	FS vfs.FS
	// Pace is told of work in the background that may take seconds: a segment's file that is built,
	// a catalogue that is copied. yield is called every few milliseconds of it and may block for
	// a while, to leave the machine to others; end, when it is over. The default does nothing.
	Pace func(context.Context) (yield, end func())
	// Memory holds catalogue and growing segments instead of bbolt, for simulations.
	Memory *Memory
}

func (o *Options) ensureDefaults() {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.FS == nil {
		o.FS = vfs.OS
	}
	if o.Pace == nil {
		o.Pace = func(context.Context) (yield, end func()) { return unpaced, unpaced }
	}
	if o.FlushInterval == 0 {
		o.FlushInterval = DefaultFlushInterval
	}
	if o.FlushBytes == 0 {
		o.FlushBytes = DefaultFlushBytes
	}
}

// unpaced is how work goes on that others wait for.
func unpaced() {}

func (o *Options) validate() error {
	switch {
	case o.MaxBytes != 0 && o.MaxBytes < MinMaxBytes:
		return lode.Invalid("max_bytes", o.MaxBytes, "max_bytes must be 0 (no bound) or at least %d", MinMaxBytes)
	case o.FlushInterval < 0:
		return lode.Invalid("flush_interval", o.FlushInterval, "flush_interval must not be negative")
	case o.FlushBytes < 0 || o.FlushBytes > maxLayerBytes:
		return lode.Invalid("flush_bytes", o.FlushBytes, "flush_bytes must be 1 to %d", maxLayerBytes)
	}
	return nil
}

// files chooses where catalogue and growing segments are.
func (o *Options) files(dir string) baseFiles {
	if o.Memory != nil {
		return o.Memory
	}
	return &boltFiles{fsys: o.FS, catalog: filepath.Join(dir, catalogName), segments: filepath.Join(dir, segmentsName), max: o.MaxBytes}
}
