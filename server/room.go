package server

import (
	"errors"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"syscall"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/internal/vfs"
)

const (
	// The reserve of the disk is a twentieth of it within these bounds. Data may not grow into
	// it: it is for what cannot be refused, as deletes, the log, and commands that were
	// admitted before another program took what was left.
	minDiskReserve = 16 << 20
	maxDiskReserve = 512 << 20
	// releasePercent of a limit must be free again before data may grow again, so that a node
	// at its limit does not change its mind with every write.
	releasePercent = 5
	// commandWeight is what a command takes of the disk for each of its bytes: once in the
	// log, and twice in the catalogue, whose pages are not full and are copied.
	commandWeight = 3
	// reserveName is a file that holds up to half of the reserve, so that another program cannot
	// take it. It is removed when the disk is full, and made again when there is room.
	reserveName = "RESERVE"
	maxHeld     = 32 << 20
	// startReserveName is a smaller one that only a start gives up: a node that is started on a
	// full disk must open its log, which may hold what is not in the data files yet.
	startReserveName = "RESERVE.start"
	startHeld        = 2 * startBytes
)

// room decides whether data may grow. It is asked before anything is written; what was
// admitted finds its place.
type room struct {
	dir      string
	space    func(string) (vfs.Space, error)
	allocate func(name string, size int64) error
	limit    int64        // of the data folder; 0: none
	used     func() int64 // the data folder, as far as known
	grow     func(int64)  // told what was written

	pending atomic.Int64 // bytes of the disk that admitted work will take

	mu struct {
		sync.Mutex
		disk    valve
		folder  valve
		memory  valve
		space   vfs.Space
		held    int64 // by the reserve file
		start   bool  // the reserve of the next start is there
		blocked bool  // the reserve file cannot be had on this file system
	}
	memory func() (data, limit int64) // limit 0: none
}

// valve closes when less than least is left, and opens when least and margin are.
type valve struct{ closed bool }

func (v *valve) set(left, least, margin int64) (closed bool) {
	if v.closed {
		v.closed = left < least+margin
	} else {
		v.closed = left < least
	}
	return v.closed
}

func diskReserve(total int64) int64 {
	return min(max(total/20, minDiskReserve), maxDiskReserve)
}

// command claims room for a command that makes the data grow.
func (r *room) command(bytes int64) (release func(), err error) {
	return r.claim(commandWeight * bytes)
}

// claim refuses to let data grow by bytes on the disk when there is no room.
func (r *room) claim(bytes int64) (release func(), err error) {
	r.pending.Add(bytes)
	if err := r.refusal(); err != nil {
		r.pending.Add(-bytes)
		return nil, err
	}
	return sync.OnceFunc(func() {
		r.grow(bytes)
		r.pending.Add(-bytes)
	}), nil
}

// refusal looks at disk, folder and memory as they are now, with all that is pending.
func (r *room) refusal() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if reasons := r.look(); len(reasons) > 0 {
		return reasons[0].err
	}
	return nil
}

// snapshot claims room for two copies of the catalogue: one on the way, one that stays. A
// snapshot that filled the disk would end the node for want of room in the catalogue.
func (r *room) snapshot(catalogue int64) (release func(), err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	space, err := r.space(r.dir)
	if need := 2 * catalogue; err == nil && space.Free-r.pending.Load()-need < diskReserve(space.Total)/2 {
		return nil, lode.Errorf(lode.CodeNoStorage, "a snapshot of the log needs %d bytes of the disk for a moment, and %d are free", need, space.Free)
	}
	r.pending.Add(2 * catalogue)
	return sync.OnceFunc(func() { r.pending.Add(-2 * catalogue) }), nil
}

// refusal is why data may not grow: the name of what has run out, and the answer to a write.
type refusal struct {
	what string
	err  *lode.Error
}

// look returns why data may not grow. Where the size of the disk cannot be had there is no
// limit but the disk's own.
func (r *room) look() (reasons []refusal) {
	pending := r.pending.Load()
	refuse := func(what, hint, format string, args ...any) {
		err := lode.Errorf(lode.CodeNoStorage, format, args...).WithHint(hint + "; writes are taken again by themselves")
		reasons = append(reasons, refusal{what, err})
	}
	if space, err := r.space(r.dir); err == nil {
		r.mu.space = space
		reserve := diskReserve(space.Total)
		margin := min(space.Total*releasePercent/100, reserve)
		if r.mu.disk.set(space.Free+r.mu.held-pending, reserve, margin) {
			refuse("disk", "free some of the disk", "the disk of the data folder is full: of %d bytes %d are free, and %d are kept for deletes and the log",
				space.Total, space.Free, reserve)
		}
	}
	if r.limit > 0 {
		used := r.used() - r.mu.held
		if r.mu.folder.set(r.limit-used-pending, 0, r.limit*releasePercent/100) {
			refuse("disk_limit", "delete documents or raise --disk-limit", "the data folder takes %d bytes of the disk, its limit is %d", used, r.limit)
		}
	}
	if data, limit := r.memory(); limit > 0 {
		if r.mu.memory.set(limit-data, 0, limit*releasePercent/100) {
			refuse("memory", "delete documents, or give the node more memory with --memory-limit", "the data takes %d bytes of memory, its share is %d", data, limit)
		}
	}
	return reasons
}

// roomState is what a report says of the room.
type roomState struct {
	space    vfs.Space
	reserve  int64
	held     int64
	pending  int64
	refusals []refusal
}

func (r *room) state() roomState {
	r.mu.Lock()
	defer r.mu.Unlock()
	refusals := r.look()
	return roomState{r.mu.space, diskReserve(r.mu.space.Total), r.mu.held, r.pending.Load(), refusals}
}

// startBytes must be free for the log to open: its vote, its first entry and their commits.
const startBytes = 4 << 20

// canStart reports whether there is room to open the log. Where none is said to be free it is
// tried: what a file system keeps for root, or frees a moment later, is room all the same.
func (r *room) canStart() bool {
	space, err := r.space(r.dir)
	if err != nil || space.Free >= startBytes {
		return true
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return !r.mu.start && r.allocate(r.startReserve(), startBytes) == nil && os.Remove(r.startReserve()) == nil
}

func (r *room) startReserve() string { return filepath.Join(r.dir, startReserveName) }

// near reports whether the disk must be looked at often.
func (r *room) near() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.mu.space.Total > 0 && r.mu.space.Free < 4*diskReserve(r.mu.space.Total)
}

// keepReserve makes the reserve file when there is room for it, and gives it up when what is
// left without it runs out.
func (r *room) keepReserve() {
	r.mu.Lock()
	defer r.mu.Unlock()
	space, err := r.space(r.dir)
	if err != nil || r.mu.blocked {
		return
	}
	r.mu.space = space
	name, reserve := filepath.Join(r.dir, reserveName), diskReserve(space.Total)
	size := min(reserve/2, maxHeld)
	if r.limit > 0 {
		size = min(size, r.limit*releasePercent/100) // a small folder is not kept for its reserve
	}
	switch {
	case r.mu.held > 0 && space.Free < size/2:
		if os.Remove(name) == nil {
			r.mu.held = 0
		}
	case r.mu.held == 0 && space.Free > 2*reserve:
		if err := r.allocate(name, size); err != nil {
			r.mu.blocked = !errors.Is(err, syscall.ENOSPC)
			return
		}
		r.mu.held = size
	}
	if !r.mu.start && r.limit == 0 && space.Free > 2*reserve {
		r.mu.start = r.allocate(r.startReserve(), startHeld) == nil
	}
}

// giveUpStart frees what is kept for a start, if the log could not be opened without.
func (r *room) giveUpStart() {
	if r.canStart() {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if os.Remove(r.startReserve()) == nil {
		r.mu.start = false
	}
}

// findReserve looks for the file that an earlier process left.
func (r *room) findReserve() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if info, err := os.Stat(filepath.Join(r.dir, reserveName)); err == nil {
		r.mu.held = vfs.Allocated(info)
	}
	if _, err := os.Stat(r.startReserve()); err == nil {
		r.mu.start = true
	}
}

// noStorage gives the error of a full disk its code.
func noStorage(err error) error {
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
		return lode.Errorf(lode.CodeNoStorage, "the disk of the data folder is full: %w", err).
			WithHint("free some of the disk; writes are taken again by themselves")
	}
	return err
}
