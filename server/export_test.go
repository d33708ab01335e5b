package server

import (
	"net/http"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/internal/vfs"
)

func (c *Config) UseFS(fsys vfs.FS)                                        { c.fsys = fsys }
func (c *Config) Identify(who func(*http.Request) (lode.Principal, error)) { c.authenticate = who }
func (c *Config) HoldApply(hold func())                                    { c.hold = hold }
func (c *Config) UseSpace(space func(string) (vfs.Space, error), allocate func(string, int64) error) {
	c.space, c.allocate = space, allocate
}

// Valve is the margin of every limit.
type Valve = valve

func (v *valve) Set(left, least, margin int64) (closed bool) { return v.set(left, least, margin) }

var DiskReserve = diskReserve
