package server

import (
	"context"
	"crypto/rand"
	"time"

	"github.com/google/uuid"

	"github.com/lodedb/lode/raft"
)

const (
	// sweepInterval is how often blobs and segments that nothing refers to are removed.
	sweepInterval = 10 * time.Minute
	// sealFlushes is how many flushes pass before segments are looked at that may have grown
	// enough.
	sealFlushes = 5
	// leaderRetry is the pause before the duties of a new leader are tried again.
	leaderRetry = 200 * time.Millisecond
)

// startTasks starts the node's background work; Close stops and awaits it.
func (s *Server) startTasks() {
	ctx, stop := context.WithCancel(context.Background())
	s.stopTasks = stop
	for _, task := range []func(context.Context){s.followLeadership, s.sweep, s.seal, s.backups.schedule} {
		s.tasks.Add(1)
		go func() {
			defer s.tasks.Done()
			task(ctx)
		}()
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
	if err := s.pipeline.Start(ctx); err != nil {
		return err
	}
	s.leading.Store(true)
	return nil
}

// seal turns segments that have grown enough into sealed files.
func (s *Server) seal(ctx context.Context) {
	ticker := time.NewTicker(sealFlushes * s.cfg.FlushInterval)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		if !s.leading.Load() {
			continue
		}
		sealed, err := s.engine.SealDue(ctx)
		if err == nil && sealed > 0 {
			err = s.raft.Snapshot(ctx) // the log needs not hold the rows any more
		}
		if err != nil && ctx.Err() == nil {
			s.cfg.Logger.Warn("segments were not sealed", "error", err)
		}
	}
}

// sweep removes received bytes that no version refers to any more, and files of segments
// that an interrupted process left behind.
func (s *Server) sweep(ctx context.Context) {
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
		s.sweepNow(ctx, "blobs", s.store.SweepBlobs)
		s.sweepNow(ctx, "segments", s.store.SweepSegments)
	}
}

func (s *Server) sweepNow(ctx context.Context, what string, sweep func(context.Context) (int, error)) {
	removed, err := sweep(ctx)
	if err != nil && ctx.Err() == nil {
		s.cfg.Logger.Warn("sweep failed", "of", what, "error", err)
	}
	if removed > 0 {
		s.cfg.Logger.Info("swept", "what", what, "removed", removed)
	}
}
