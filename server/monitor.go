package server

import (
	"context"
	"runtime"
	"slices"
	"sync"
	"time"

	"github.com/lodedb/lode/storage"
)

const (
	// A disk with much room is looked at every roomInterval; one that fills up, and a node that
	// refuses writes, every nearInterval.
	roomInterval = time.Second
	nearInterval = 100 * time.Millisecond
	// makeRoom is how often a node that refuses writes looks for what it can free.
	makeRoom = 5 * time.Second
	// The data folder is walked anew after measureAge, after soonMeasureAge while its limit is
	// near, and never more than a twentieth of the time.
	measureAge     = 30 * time.Second
	soonMeasureAge = 2 * time.Second
	measureShare   = 20
)

// folderSize knows about how large the data folder is, without walking it all the time.
type folderSize struct {
	measure func(context.Context) (storage.Usage, error)

	mu struct {
		sync.Mutex
		last  storage.Usage
		known bool
		at    time.Time
		took  time.Duration
		grown int64 // written since, at most
	}
}

// grow notes bytes that were written.
func (f *folderSize) grow(bytes int64) {
	f.mu.Lock()
	f.mu.grown += bytes
	f.mu.Unlock()
}

// about is the size as far as known.
func (f *folderSize) about() int64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.mu.last.Total() + f.mu.grown
}

// usage walks the folder unless it did so within age.
func (f *folderSize) usage(ctx context.Context, age time.Duration) (storage.Usage, error) {
	f.mu.Lock()
	last, fresh := f.mu.last, f.mu.known && time.Since(f.mu.at) < max(age, measureShare*f.mu.took)
	before := f.mu.grown
	f.mu.Unlock()
	if fresh {
		return last, nil
	}
	begun := time.Now()
	u, err := f.measure(ctx)
	if err != nil {
		return last, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.mu.last, f.mu.known, f.mu.at, f.mu.took = u, true, time.Now(), time.Since(begun)
	f.mu.grown -= before
	return u, nil
}

// watchRoom looks after disk and memory: it keeps the reserve, tells the log when writes are
// refused and when they are taken again, and frees what it can while they are refused.
func (s *Server) watchRoom(ctx context.Context) {
	var refused []refusal
	var helped time.Time
	for {
		s.room.keepReserve()
		reasons := s.room.state().refusals
		s.tellRoom(refused, reasons)
		refused = reasons
		if len(reasons) > 0 && time.Since(helped) > makeRoom {
			s.freeRoom(ctx, reasons)
			helped = time.Now()
		}
		age, pause := measureAge, roomInterval
		if len(reasons) > 0 || s.folder.about() > s.cfg.DiskLimitBytes/5*4 {
			age = soonMeasureAge
		}
		if len(reasons) > 0 || s.room.near() {
			pause = nearInterval
		}
		if s.cfg.DiskLimitBytes > 0 {
			if _, err := s.folder.usage(ctx, age); err != nil && ctx.Err() == nil {
				s.cfg.Logger.Warn("the data folder was not measured", "error", err)
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(pause):
		}
	}
}

// tellRoom logs a change, once.
func (s *Server) tellRoom(before, now []refusal) {
	same := func(a, b refusal) bool { return a.what == b.what }
	switch {
	case slices.EqualFunc(before, now, same):
	case len(now) == 0:
		s.cfg.Logger.Info("writes are taken again")
	default:
		for _, r := range now {
			s.cfg.Logger.Warn("writes that make the data grow are refused", "reason", r.err)
		}
	}
}

// freeRoom removes received bytes that nothing refers to, and what is dead in memory.
func (s *Server) freeRoom(ctx context.Context, reasons []refusal) {
	if s.leading.Load() {
		s.sweep(ctx)
	}
	if slices.ContainsFunc(reasons, func(r refusal) bool { return r.what == "memory" }) {
		runtime.GC() // a quiet node would not notice for minutes that memory is free
	}
}
