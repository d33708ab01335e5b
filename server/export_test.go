package server

import (
	"context"
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

// Rank asks a re-ranker as queries of a collection do.
func (s *Server) Rank(ctx context.Context, collection, name, query string, ps []lode.RerankPassage) ([]lode.RerankScore, error) {
	c, _, err := s.engine.Collection(ctx, lode.AllSeeing("test"), collection)
	if err != nil {
		return nil, err
	}
	r, err := s.rerankers.forCollection(c, name)
	if err != nil {
		return nil, err
	}
	return r.Rank(ctx, query, ps)
}
