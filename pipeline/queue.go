package pipeline

import (
	"sync"
	"time"

	"github.com/lodedb/lode"
)

// jobKey names a job whatever its epoch.
type jobKey struct {
	collection lode.CollectionID
	doc        lode.DocNo
	version    lode.Version
}

func keyOf(j lode.Job) jobKey {
	return jobKey{collection: j.Collection, doc: j.Doc, version: j.Version}
}

// entry is a job that waits or is in work. It holds no content.
type entry struct {
	job      lode.Job
	size     int64     // bronze bytes counted against the queue; 0 when resumed
	owned    bool      // the epoch is ours: no claim is needed
	received time.Time // zero when resumed
	running  bool
	again    *lode.Job // the job was started anew while it ran: what to queue next
}

// queue is a first-in-first-out list of jobs in which each job stands once.
//
// Room is taken by reserve before the bytes of a document are stored, so that a refused
// document leaves nothing behind, and is given back by finish, or by release when there
// was nothing to do. Resumed jobs need no room: the log already promised to do them.
type queue struct {
	maxCount int
	maxBytes int64

	mu struct {
		sync.Mutex
		waiting  []*entry
		known    map[jobKey]*entry // waiting and running
		running  int
		reserved int   // room taken by submissions that are not known yet
		bytes    int64 // of known and reserved
		closed   bool
	}
	nonEmpty *sync.Cond // on mu: an entry waits, or the queue is closed
}

func newQueue(maxCount int, maxBytes int64) *queue {
	q := &queue{maxCount: maxCount, maxBytes: maxBytes}
	q.mu.known = map[jobKey]*entry{}
	q.nonEmpty = sync.NewCond(&q.mu)
	return q
}

// reserve takes room for a document of size bytes. One document always fits an empty
// queue, however large it is.
func (q *queue) reserve(size int64) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	count := len(q.mu.known) + q.mu.reserved
	switch {
	case q.mu.closed:
		return errNotRunning()
	case count >= q.maxCount:
		return lode.Errorf(lode.CodeOverloaded, "%d documents are waiting, the limit is %d", count, q.maxCount)
	case q.mu.bytes > 0 && q.mu.bytes+size > q.maxBytes:
		return lode.Errorf(lode.CodeOverloaded, "%d bytes of documents are waiting, the limit is %d", q.mu.bytes, q.maxBytes)
	}
	q.mu.reserved++
	q.mu.bytes += size
	return nil
}

// release gives back what reserve took.
func (q *queue) release(size int64) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.mu.reserved--
	q.mu.bytes -= size
}

// submit queues a job in the room that reserve took for it.
func (q *queue) submit(job lode.Job, size int64, received time.Time) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.mu.reserved--
	if known := q.mu.known[keyOf(job)]; known != nil {
		q.mu.bytes -= size
		known.startedAgain(job)
		return
	}
	q.pushLocked(&entry{job: job, size: size, owned: true, received: received})
}

// retry queues a job that was started anew.
func (q *queue) retry(job lode.Job) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if known := q.mu.known[keyOf(job)]; known != nil {
		known.startedAgain(job)
		return
	}
	q.pushLocked(&entry{job: job, owned: true})
}

// startedAgain notes that the log gave the job a newer epoch than the one in the queue.
func (e *entry) startedAgain(job lode.Job) {
	if job.Epoch <= e.job.Epoch {
		return
	}
	if e.running {
		e.again = &job
		return
	}
	e.job, e.owned = job, true
}

// resume queues the jobs that are not known yet and returns how many there were.
func (q *queue) resume(jobs []lode.Job) (added int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, job := range jobs {
		if q.mu.known[keyOf(job)] == nil {
			q.pushLocked(&entry{job: job})
			added++
		}
	}
	return added
}

func (q *queue) pushLocked(e *entry) {
	if q.mu.closed {
		q.mu.bytes -= e.size
		return
	}
	q.mu.known[keyOf(e.job)] = e
	q.mu.waiting = append(q.mu.waiting, e)
	q.nonEmpty.Signal()
}

// next waits for an entry; ok is false when the queue is closed.
func (q *queue) next() (e *entry, ok bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for len(q.mu.waiting) == 0 && !q.mu.closed {
		q.nonEmpty.Wait()
	}
	if q.mu.closed {
		return nil, false
	}
	e = q.mu.waiting[0]
	q.mu.waiting[0] = nil
	q.mu.waiting = q.mu.waiting[1:]
	e.running = true
	q.mu.running++
	return e, true
}

// finish ends the work on an entry that next returned.
func (q *queue) finish(e *entry) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.mu.running--
	delete(q.mu.known, keyOf(e.job))
	q.mu.bytes -= e.size
	if e.again != nil {
		q.pushLocked(&entry{job: *e.again, owned: true})
	}
}

// close wakes everybody who waits in next and refuses what comes later.
func (q *queue) close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.mu.closed = true
	q.nonEmpty.Broadcast()
}

func (q *queue) stats() Stats {
	q.mu.Lock()
	defer q.mu.Unlock()
	return Stats{Waiting: len(q.mu.waiting), Running: q.mu.running, Bytes: q.mu.bytes}
}
