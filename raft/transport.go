package raft

import (
	"errors"
	"net"
	"sync/atomic"
	"time"

	hraft "github.com/hashicorp/raft"

	"github.com/lodedb/lode"
)

const (
	// maxRPCsInFlight of 1 turns pipelined replication off, which can deadlock for one
	// follower while its heartbeats go on (hashicorp/raft issue 612).
	maxRPCsInFlight = 1
	transportPool   = 3
	rpcTimeout      = 10 * time.Second
)

var errCut = errors.New("raft: the node is stopping")

// newTransport listens on o.Bind, or makes a transport that nobody can reach.
func newTransport(o *Options, logger *bridge) (hraft.Transport, error) {
	switch {
	case o.transport != nil:
		if _, ok := o.transport.(hraft.WithPreVote); !ok {
			return nil, errors.New("raft: the transport has no pre-vote")
		}
		return o.transport, nil
	case o.Bind == "":
		_, t := hraft.NewInmemTransport(hraft.ServerAddress(o.NodeID))
		return t, nil
	}
	stream, err := listenStream(o.Bind, o.Advertise)
	if err != nil {
		return nil, err
	}
	return &network{stream: stream, NetworkTransport: hraft.NewNetworkTransportWithConfig(&hraft.NetworkTransportConfig{
		Stream: stream, MaxPool: transportPool, MaxRPCsInFlight: maxRPCsInFlight, Timeout: rpcTimeout, Logger: logger,
	})}, nil
}

// network is raft over TCP that can be cut: raft's own Close leaves a leader free to dial.
type network struct {
	*hraft.NetworkTransport
	stream *stream
}

var (
	_ hraft.WithPreVote = (*network)(nil)
	_ hraft.WithClose   = (*network)(nil)
)

// Close stops listening, drops connections and refuses to dial: no heartbeat leaves any more.
func (t *network) Close() error {
	t.stream.cut.Store(true)
	err := t.NetworkTransport.Close()
	t.CloseStreams()
	return err
}

// stream carries raft's bytes over TCP.
type stream struct {
	net.Listener
	advertise net.Addr
	cut       atomic.Bool
}

var _ hraft.StreamLayer = (*stream)(nil)

func listenStream(bind, advertise string) (*stream, error) {
	l, err := net.Listen("tcp", bind)
	if err != nil {
		return nil, lode.Invalid("raft.bind", bind, "cannot listen: %v", err)
	}
	s := &stream{Listener: l, advertise: l.Addr()}
	if advertise != "" {
		if s.advertise, err = net.ResolveTCPAddr("tcp", advertise); err != nil {
			return nil, errors.Join(lode.Invalid("raft.advertise", advertise, "not a reachable host:port: %v", err), l.Close())
		}
	}
	if a, ok := s.advertise.(*net.TCPAddr); !ok || a.IP == nil || a.IP.IsUnspecified() {
		return nil, errors.Join(lode.Invalid("raft.advertise", s.advertise, "other nodes cannot dial this address; name one"), l.Close())
	}
	return s, nil
}

// Addr is the address that other nodes dial.
func (s *stream) Addr() net.Addr { return s.advertise }

// Dial connects to another node.
func (s *stream) Dial(addr hraft.ServerAddress, timeout time.Duration) (net.Conn, error) {
	if s.cut.Load() {
		return nil, errCut
	}
	return net.DialTimeout("tcp", string(addr), timeout)
}
