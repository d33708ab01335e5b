package server

import "github.com/lodedb/lode/internal/vfs"

func (c *Config) UseFS(fsys vfs.FS)     { c.fsys = fsys }
func (c *Config) HoldApply(hold func()) { c.hold = hold }
