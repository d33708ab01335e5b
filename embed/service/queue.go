package service

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/embed"
)

// queue gathers the texts of all calls into requests of one source.
type queue struct {
	sh *Shared
	mu struct {
		sync.Mutex
		flights map[Key]*flight // that others may join
		lines   [2]line         // by kind
		running int             // requests
		closed  bool
	}
}

// line are the texts of one kind that wait, in the order in which they came.
type line struct {
	waiting []*flight
	bytes   int
	due     bool // the first has waited long enough
	timer   *time.Timer
}

// flight is a text on its way. Callers read it when done is closed.
type flight struct {
	key      Key
	text     string
	call     *call     // that asked first
	deadline time.Time // the latest of those who wait; zero: one of them has none

	// Guarded by the queue's lock.
	refs  int // calls that wait for it
	batch *batch

	done   chan struct{}
	vector lode.Vector
	err    error
}

// batch is a request on its way.
type batch struct {
	kind    embed.Kind
	flights []*flight
	awaited int // flights that somebody waits for; guarded by the queue's lock
	cancel  context.CancelFunc
}

func (s *Service) newQueue(sh *Shared) *queue {
	q := &queue{sh: sh}
	q.mu.flights = map[Key]*flight{}
	s.mu.Lock()
	defer s.mu.Unlock()
	q.mu.closed = s.mu.closed || s.base.Err() != nil
	s.mu.queues = append(s.mu.queues, q)
	return q
}

// enter makes a call wait for texts: it joins those that are on their way and adds the
// others. The zero key joins nobody and is joined by nobody.
func (q *queue) enter(ctx context.Context, c *call, keys []Key, indexes []int) (waiting []awaited, shared int) {
	if len(indexes) == 0 {
		return nil, 0
	}
	deadline, _ := ctx.Deadline()
	waiting = make([]awaited, 0, len(indexes))
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, i := range indexes {
		f := q.mu.flights[keys[i]]
		joined := f != nil && f.refs > 0 // one that everybody left may be ending
		if joined {
			f.extend(deadline)
			shared++
		} else {
			f = &flight{key: keys[i], text: c.texts[i], call: c, deadline: deadline, done: make(chan struct{})}
			q.addLocked(c.kind, f)
		}
		f.refs++
		waiting = append(waiting, awaited{i: i, flight: f, joined: joined && f.call != c})
	}
	q.startLocked()
	return waiting, shared
}

// extend lets a text that waits go on until the deadline of one more call.
func (f *flight) extend(deadline time.Time) {
	if deadline.IsZero() || !f.deadline.IsZero() && deadline.After(f.deadline) {
		f.deadline = deadline
	}
}

func (q *queue) addLocked(kind embed.Kind, f *flight) {
	if f.key != (Key{}) {
		q.mu.flights[f.key] = f
	}
	l := &q.mu.lines[kind]
	if len(l.waiting) == 0 {
		l.timer = time.AfterFunc(q.sh.s.o.Wait, func() { q.ripen(kind) })
	}
	l.waiting = append(l.waiting, f)
	l.bytes += len(f.text)
}

// ripen says that what waits has waited long enough.
func (q *queue) ripen(kind embed.Kind) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.mu.lines[kind].due = true
	q.startLocked()
}

// startLocked sends what is ready, as long as requests may be sent.
func (q *queue) startLocked() {
	if q.mu.closed {
		q.refuseLocked()
		return
	}
	limits := q.sh.source.Batches
	// Questions first: somebody waits for them, and documents may keep all requests busy.
	for _, kind := range []embed.Kind{embed.Query, embed.Document} {
		l := &q.mu.lines[kind]
		for q.mu.running < limits.Concurrency && l.ready(limits) {
			b := &batch{kind: kind, flights: q.takeLocked(l)}
			if len(b.flights) == 0 {
				continue
			}
			ctx := q.depart(b)
			q.mu.running++
			q.sh.s.work.Go(func() { q.fly(ctx, b) })
		}
	}
}

func (l *line) ready(limits embed.BatchOptions) bool {
	return len(l.waiting) > 0 && (l.due || len(l.waiting) >= limits.Texts || l.bytes >= limits.Bytes)
}

// takeLocked takes the texts of a request out of a line, and drops those that nobody waits
// for any more.
func (q *queue) takeLocked(l *line) (taken []*flight) {
	limits := q.sh.source.Batches
	size, n := 0, 0
	for _, f := range l.waiting {
		if f.refs > 0 && len(taken) > 0 && (len(taken) == limits.Texts || size+len(f.text) > limits.Bytes) {
			break
		}
		n++
		l.bytes -= len(f.text)
		if f.refs == 0 {
			q.forgetLocked(f)
			continue
		}
		size += len(f.text)
		taken = append(taken, f)
	}
	l.waiting = l.waiting[n:]
	if len(l.waiting) == 0 {
		l.waiting, l.due = nil, false
		l.timer.Stop()
	}
	return taken
}

func (q *queue) forgetLocked(f *flight) {
	if q.mu.flights[f.key] == f {
		delete(q.mu.flights, f.key)
	}
}

// depart returns the context of a request: it ends with the service, when nobody waits any
// more, and at the latest deadline of those who do.
func (q *queue) depart(b *batch) context.Context {
	latest, bounded := time.Time{}, true
	for _, f := range b.flights {
		f.batch = b
		bounded = bounded && !f.deadline.IsZero()
		if f.deadline.After(latest) {
			latest = f.deadline
		}
	}
	b.awaited = len(b.flights)
	ctx := q.sh.s.base
	if bounded {
		ctx, b.cancel = context.WithDeadline(ctx, latest)
	} else {
		ctx, b.cancel = context.WithCancel(ctx)
	}
	return ctx
}

// errClosing is what waits when the service closes.
var errClosing = lode.Errorf(lode.CodeUnavailable, "the node is shutting down")

// refuseLocked fails everything that waits and was not sent.
func (q *queue) refuseLocked() {
	for kind := range q.mu.lines {
		l := &q.mu.lines[kind]
		for _, f := range l.waiting {
			q.forgetLocked(f)
			f.err = errClosing
			close(f.done)
		}
		if l.timer != nil {
			l.timer.Stop()
		}
		*l = line{}
	}
}

// shut sends nothing any more. Requests on their way go on until their context ends.
func (q *queue) shut() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.mu.closed = true
	q.refuseLocked()
}

// leave ends the waiting of a call for texts.
func (q *queue) leave(waiting []awaited) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, w := range waiting {
		f := w.flight
		f.refs--
		if f.refs > 0 || f.batch == nil {
			continue
		}
		if f.batch.awaited--; f.batch.awaited == 0 {
			f.batch.cancel()
		}
	}
}

// fly sends a request and lands its texts.
func (q *queue) fly(ctx context.Context, b *batch) {
	defer b.cancel()
	err := q.send(ctx, b.kind, b.flights)
	if parts := byCall(b.flights); err != nil && notOurs(err) && ctx.Err() == nil && len(parts) > 1 {
		for _, flights := range parts {
			q.land(flights, q.send(ctx, b.kind, flights))
		}
	} else {
		q.land(b.flights, err)
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	q.mu.running--
	q.startLocked()
}

// byCall splits texts by the call that asked first.
func byCall(flights []*flight) (parts [][]*flight) {
	for i, f := range flights {
		if i == 0 || f.call != flights[i-1].call {
			parts = append(parts, nil)
		}
		parts[len(parts)-1] = append(parts[len(parts)-1], f)
	}
	return parts
}

// send embeds texts and gives them their vectors.
func (q *queue) send(ctx context.Context, kind embed.Kind, flights []*flight) error {
	src, s := &q.sh.source, q.sh.s
	texts := make([]string, len(flights))
	for i, f := range flights {
		texts[i] = f.text
	}
	parts := partsOf(flights)
	vectors, err := src.Embedder.Embed(embed.WithMeter(ctx, func(r embed.Request) {
		s.ledger.charge(q.sh.account, parts, r, src.Price)
		s.o.Events.Request(src.Provider, r)
	}), kind, texts)
	switch {
	case err != nil && s.base.Err() != nil:
		return errClosing
	case err != nil:
		return err
	case len(vectors) != len(texts):
		return lode.Errorf(lode.CodeInternal, "embedder %s returned %d vectors for %d texts", q.sh.print, len(vectors), len(texts))
	}
	cache := s.opened()
	for i, f := range flights {
		f.vector = vectors[i]
		if cache != nil {
			key := f.key
			if key == (Key{}) {
				key = cache.Key(q.sh.print, kind, f.text)
			}
			cache.Put(key, f.vector)
		}
	}
	return nil
}

// partsOf are the shares of the collections in a request.
func partsOf(flights []*flight) (parts []part) {
	at := map[string]int{}
	for _, f := range flights {
		name := f.call.b.account.Collection
		i, known := at[name]
		if !known {
			i = len(parts)
			at[name] = i
			parts = append(parts, part{collection: name})
		}
		parts[i].texts++
		parts[i].bytes += int64(len(f.text))
	}
	return parts
}

// land hands the outcome to those who wait.
func (q *queue) land(flights []*flight, err error) {
	q.mu.Lock()
	for _, f := range flights {
		q.forgetLocked(f)
	}
	q.mu.Unlock()
	if err != nil && errors.Is(err, context.Canceled) {
		err = lode.Errorf(lode.CodeCanceled, "embed texts: nobody waited any more: %w", context.Canceled)
	}
	for _, f := range flights {
		f.err = err
		close(f.done)
	}
}
