package server

import (
	"context"
	"crypto/rand"
	"time"

	"github.com/google/uuid"

	"github.com/lodedb/lode/raft"
)

const (
	// sweepInterval is how often blobs that nothing refers to are removed.
	sweepInterval = 10 * time.Minute
	// leaderRetry is the pause before the duties of a new leader are tried again.
	leaderRetry = 200 * time.Millisecond
)

// startTasks starts the node's background work; Close stops and awaits it.
func (s *Server) startTasks() {
	ctx, stop := context.WithCancel(context.Background())
	s.stopTasks = stop
	for _, task := range []func(context.Context){s.stopLog, s.followLeadership, s.sweepBlobs, s.backups.schedule} {
		s.tasks.Add(1)
		go func() {
			defer s.tasks.Done()
			task(ctx)
		}()
	}
}

// stopLog ends the log with the node: nothing is acknowledged once it must stop.
func (s *Server) stopLog(ctx context.Context) {
	select {
	case <-ctx.Done():
	case <-s.stopped.Done():
		s.raft.Fail(s.Err())
	}
}

// followLeadership runs the pipeline while this node leads.
func (s *Server) followLeadership(ctx context.Context) {
	changes := s.raft.LeaderChanges()
	leading, open := s.raft.IsLeader(), true
	for {
		var retry <-chan time.Time
		if !leading {
			s.leading.Store(false)
			s.pipeline.Stop()
		} else if err := s.lead(ctx); err != nil {
			s.cfg.Logger.Warn("duties of the leader are tried again", "error", err)
			retry = time.After(leaderRetry)
		}
		select {
		case <-ctx.Done():
			return
		case leading, open = <-changes:
			if !open { // the log has stopped for good
				changes = nil
			}
		case <-retry:
			leading = s.raft.IsLeader()
		}
	}
}

// lead names the cluster on its first day and resumes pending documents. Entries that were
// committed before a restart may not be applied yet; the barrier waits for them, so that no
// job that they hold is overlooked.
func (s *Server) lead(ctx context.Context) error {
	if err := s.raft.ReadBarrier(ctx, raft.Linearizable); err != nil {
		return err
	}
	if !s.named() {
		idKey := make([]byte, 32)
		rand.Read(idKey) // never fails
		if err := s.engine.Init(ctx, uuid.NewString(), idKey); err != nil {
			return err
		}
	}
	if err := s.raft.SetCluster(s.cluster()); err != nil {
		s.cfg.Logger.Warn("the log does not say yet whose it is", "error", err)
	}
	if err := s.pipeline.Start(ctx); err != nil {
		return err
	}
	s.leading.Store(true)
	return nil
}

// sweepBlobs removes received bytes that no version refers to any more.
func (s *Server) sweepBlobs(ctx context.Context) {
	ticker := time.NewTicker(sweepInterval)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		if !s.leading.Load() {
			// Only the leader is sure to have applied every entry that was committed before it
			// started; elsewhere bytes could go whose entry is still to come.
			continue
		}
		removed, err := s.store.SweepBlobs(ctx)
		if err != nil && ctx.Err() == nil {
			s.cfg.Logger.Warn("sweep of blobs failed", "error", err)
		}
		if removed > 0 {
			s.cfg.Logger.Info("swept blobs", "removed", removed)
		}
	}
}
