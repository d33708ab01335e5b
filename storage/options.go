package storage

import (
	"log/slog"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/internal/vfs"
)

// MinMaxBytes is the least that [Options.MaxBytes] can be: the catalogue grows in steps of
// 16 MiB.
const MinMaxBytes = 64 << 20

// Options are the settings of a store. The zero value is good.
type Options struct {
	// Logger hears what happened to the files of the store. The default is silence.
	Logger *slog.Logger
	// MaxBytes bounds the file of the catalogue; a write beyond it is refused with
	// [lode.CodeOverloaded] and changes nothing. [Store.Admit] refuses earlier, while there
	// is room for what cannot be refused. The default, 0, is no bound.
	MaxBytes int64
	// FS is where our own files go: tests make it fail. The catalogue is opened by bbolt and
	// does not go through it, except for being renamed. The default is [vfs.OS].
	FS vfs.FS
}

func (o *Options) ensureDefaults() {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.FS == nil {
		o.FS = vfs.OS
	}
}

func (o *Options) validate() error {
	if o.MaxBytes != 0 && o.MaxBytes < MinMaxBytes {
		return lode.Invalid("max_bytes", o.MaxBytes, "max_bytes must be 0 (no bound) or at least %d", MinMaxBytes)
	}
	return nil
}
