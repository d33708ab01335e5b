package raft

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"slices"

	hclog "github.com/hashicorp/go-hclog"
)

// bridge sends hashicorp/raft's log to slog. What raft calls info is of interest only when
// raft itself is: it becomes debug. Methods that raft does not use come from hclog's null logger.
type bridge struct {
	hclog.Logger
	to *slog.Logger
	// warnings is the level of raft's warnings: a node that is alone warns about its own
	// election at every start.
	warnings slog.Level
	name     string
	args     []any
}

func newBridge(to *slog.Logger, alone bool) *bridge {
	b := &bridge{Logger: hclog.NewNullLogger(), to: to, warnings: slog.LevelWarn, name: "raft"}
	if alone {
		b.warnings = slog.LevelDebug
	}
	return b
}

var _ hclog.Logger = (*bridge)(nil)

func (b *bridge) level(l hclog.Level) slog.Level {
	switch {
	case l >= hclog.Error:
		return slog.LevelError
	case l == hclog.Warn:
		return b.warnings
	case l == hclog.Trace:
		return slog.LevelDebug - 4
	}
	return slog.LevelDebug
}

// Log logs at a level. hclog's lazy formats are resolved only when the line is wanted.
func (b *bridge) Log(l hclog.Level, msg string, args ...any) {
	ctx, level := context.Background(), b.level(l)
	if !b.to.Enabled(ctx, level) {
		return
	}
	b.to.Log(ctx, level, "raft: "+msg, append([]any{"part", b.name}, plain(slices.Concat(b.args, args))...)...)
}

// plain resolves hclog's lazy formats in place.
func plain(args []any) []any {
	for i, a := range args {
		if f, ok := a.(hclog.Format); ok && len(f) > 0 {
			args[i] = fmt.Sprintf(fmt.Sprint(f[0]), f[1:]...)
		}
	}
	return args
}

func (b *bridge) Trace(msg string, args ...any) { b.Log(hclog.Trace, msg, args...) }
func (b *bridge) Debug(msg string, args ...any) { b.Log(hclog.Debug, msg, args...) }
func (b *bridge) Info(msg string, args ...any)  { b.Log(hclog.Info, msg, args...) }
func (b *bridge) Warn(msg string, args ...any)  { b.Log(hclog.Warn, msg, args...) }
func (b *bridge) Error(msg string, args ...any) { b.Log(hclog.Error, msg, args...) }

func (b *bridge) enabled(l hclog.Level) bool { return b.to.Enabled(context.Background(), b.level(l)) }
func (b *bridge) IsTrace() bool              { return b.enabled(hclog.Trace) }
func (b *bridge) IsDebug() bool              { return b.enabled(hclog.Debug) }
func (b *bridge) IsInfo() bool               { return b.enabled(hclog.Info) }
func (b *bridge) IsWarn() bool               { return b.enabled(hclog.Warn) }
func (b *bridge) IsError() bool              { return b.enabled(hclog.Error) }
func (b *bridge) Name() string               { return b.name }
func (b *bridge) ImpliedArgs() []any         { return b.args }

// With returns a logger with more arguments on each line.
func (b *bridge) With(args ...any) hclog.Logger {
	c := *b
	c.args = slices.Concat(b.args, args)
	return &c
}

// Named returns a logger with a longer name.
func (b *bridge) Named(name string) hclog.Logger { return b.ResetNamed(b.name + "." + name) }

// ResetNamed returns a logger with another name.
func (b *bridge) ResetNamed(name string) hclog.Logger {
	c := *b
	c.name = name
	return &c
}

// StandardWriter returns a writer of lines.
func (b *bridge) StandardWriter(*hclog.StandardLoggerOptions) io.Writer { return io.Discard }
