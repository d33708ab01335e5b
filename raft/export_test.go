package raft

import (
	"time"

	hraft "github.com/hashicorp/raft"
)

type DurableStore = durableStore

var OpenWAL = openWAL

func (o *Options) UseTransport(t hraft.Transport)                { o.transport = t }
func (o *Options) UseStore(wrap func(DurableStore) DurableStore) { o.wrapStore = wrap }
func (o *Options) UseSegments(bytes int)                         { o.segmentBytes = bytes }
func (o *Options) KeepSnapshots(n int)                           { o.retain = n }
func (o *Options) KeepTrailing(entries int64)                    { o.minTrailing = entries }
func (o *Options) KeepDraining(d time.Duration)                  { o.drain = d }

func (n *Node) Raft() *hraft.Raft { return n.raft }

func (o *Options) Transport() hraft.Transport { return o.transport }
