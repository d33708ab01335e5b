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
	// expireInterval is how often documents that have expired are removed.
	expireInterval = 10 * time.Second
	// pruneInterval is how often histories are pruned.
	pruneInterval = 20 * time.Second
	// leaderRetry is the pause before the duties of a new leader are tried again.
	leaderRetry = 200 * time.Millisecond
)

// startTasks starts the node's background work, under the context that is returned; Close stops
// and awaits it.
func (s *Server) startTasks() context.Context {
	ctx, stop := context.WithCancel(context.Background())
	s.stopTasks = stop
	s.run(ctx, s.watchRoom, s.sweepNowAndThen, s.seal, s.merge, s.graph, s.words, s.expire, s.forget, s.scrub, s.backups.schedule)
	if s.log() == nil {
		s.run(ctx, s.openLogLater)
		return ctx
	}
	s.run(ctx, s.stopLog, s.followLeadership)
	return ctx
}

func (s *Server) run(ctx context.Context, tasks ...func(context.Context)) {
	for _, task := range tasks {
		s.tasks.Go(func() { task(ctx) })
	}
}

// openLogLater waits for room on a full disk. Until then the node serves what it has.
func (s *Server) openLogLater(ctx context.Context) {
	s.cfg.Logger.Warn("the disk is full: the node serves reads only, until there is room to open its log", "data", s.cfg.DataDir)
	for !s.room.canStart() {
		select {
		case <-ctx.Done():
			return
		case <-time.After(nearInterval):
		}
	}
	if err := s.openRaft(ctx); err != nil {
		if ctx.Err() == nil {
			s.fail(err)
		}
		return
	}
	s.cfg.Logger.Info("there is room: the log is open")
	s.run(ctx, s.stopLog, s.followLeadership)
	if s.later == nil {
		return
	}
	if err := s.awaitReady(ctx); err == nil {
		s.swap(s.later)
	}
}

// stopLog ends the log with the node: nothing is acknowledged once it must stop.
func (s *Server) stopLog(ctx context.Context) {
	select {
	case <-ctx.Done():
	case <-s.stopped.Done():
		s.log().Fail(s.Err())
	}
}

// followLeadership runs the pipeline while this node leads.
func (s *Server) followLeadership(ctx context.Context) {
	changes := s.log().LeaderChanges()
	leading, open := s.log().IsLeader(), true
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
			leading = s.log().IsLeader()
		}
	}
}

// lead names the cluster on its first day and resumes pending documents. Entries that were
// committed before a restart may not be applied yet; the barrier waits for them, so that no
// job that they hold is overlooked.
func (s *Server) lead(ctx context.Context) error {
	if err := s.log().ReadBarrier(ctx, raft.Linearizable); err != nil {
		return err
	}
	if !s.named() {
		idKey := make([]byte, 32)
		rand.Read(idKey) // never fails
		if err := s.engine.Init(ctx, uuid.NewString(), idKey); err != nil {
			return err
		}
	}
	if err := s.log().SetCluster(s.cluster()); err != nil {
		s.cfg.Logger.Warn("the log does not say yet whose it is", "error", err)
	}
	if err := s.pipeline.Start(ctx); err != nil {
		return err
	}
	s.leading.Store(true)
	return nil
}

// seal turns segments that have grown enough into sealed files.
func (s *Server) seal(ctx context.Context) {
	owed := false // a snapshot of the log: it needs not hold the rows any more
	s.whileLeading(ctx, sealFlushes*s.cfg.FlushInterval, func() {
		sealed, err := s.engine.SealDue(ctx)
		if owed = owed || sealed > 0; err == nil && owed {
			if err = s.log().Snapshot(ctx); err == nil {
				owed = false
			}
		}
		if err != nil && ctx.Err() == nil {
			s.cfg.Logger.Warn("segments were not sealed", "error", err)
		}
	})
}

// merge makes one segment of several, and of those of which much is dead.
func (s *Server) merge(ctx context.Context) {
	s.whileLeading(ctx, sealFlushes*s.cfg.FlushInterval, func() {
		merged, err := s.engine.MergeDue(ctx)
		if err != nil && ctx.Err() == nil {
			s.cfg.Logger.Warn("segments were not merged", "error", err)
		}
		if merged > 0 {
			s.cfg.Logger.Info("segments were merged", "into", merged)
		}
	})
}

// expire removes what has expired. It is found no more before that.
func (s *Server) expire(ctx context.Context) {
	s.whileLeading(ctx, expireInterval, func() {
		removed, err := s.engine.ExpireDue(ctx)
		if err != nil && ctx.Err() == nil {
			s.cfg.Logger.Warn("expired documents were not removed", "error", err)
		}
		if removed > 0 {
			s.cfg.Logger.Info("expired documents were removed", "documents", removed)
		}
	})
}

// forget prunes the histories of collections.
func (s *Server) forget(ctx context.Context) {
	s.whileLeading(ctx, pruneInterval, func() {
		pruned, err := s.engine.PruneHistory(ctx)
		if err != nil && ctx.Err() == nil {
			s.cfg.Logger.Warn("histories were not pruned", "error", err)
		}
		if pruned > 0 {
			s.cfg.Logger.Info("histories were pruned", "records", pruned)
		}
	})
}

// sweepNowAndThen sweeps while this node leads. Only the leader is sure to have applied every
// entry that was committed before it started; elsewhere bytes could go whose entry is still
// to come.
func (s *Server) sweepNowAndThen(ctx context.Context) {
	s.whileLeading(ctx, sweepInterval, func() { s.sweep(ctx) })
}

// whileLeading acts once an interval, when this node leads, until ctx ends.
func (s *Server) whileLeading(ctx context.Context, interval time.Duration, act func()) {
	ticker := time.NewTicker(interval)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			if s.leading.Load() {
				act()
			}
		}
	}
}

// sweep removes received bytes that no version refers to any more, and files of segments
// that an interrupted process left behind. What the catalogue's file still refers to stays,
// so that is brought up to date first.
func (s *Server) sweep(ctx context.Context) {
	if err := s.store.Flush(); err != nil {
		s.cfg.Logger.Warn("sweep without a flush", "error", err)
	}
	s.sweepWhat(ctx, "blobs", s.store.SweepBlobs)
	s.sweepWhat(ctx, "segments", s.store.SweepSegments)
}

func (s *Server) sweepWhat(ctx context.Context, what string, sweep func(context.Context) (int, error)) {
	removed, err := sweep(ctx)
	if err != nil && ctx.Err() == nil {
		s.cfg.Logger.Warn("sweep failed", "of", what, "error", err)
	}
	if removed > 0 {
		s.cfg.Logger.Info("swept", "what", what, "removed", removed)
	}
}
