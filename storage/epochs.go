package storage

import (
	"log/slog"
	"sync"
)

// epochs keep files that transactions may still open. A file that a flush has made
// obsolete is removed when every transaction has ended that began before.
type epochs struct {
	log *slog.Logger
	mu  sync.Mutex
	now *epoch
	// oldest begins the chain of epochs that transactions are in, or that hold files.
	oldest *epoch
}

// epoch is the time between two flushes that made files obsolete.
type epoch struct {
	owner *epochs
	open  int            // transactions that began in it
	gone  []func() error // removes what its end made obsolete
	next  *epoch
}

// enter begins a transaction; its leave must be called.
func (e *epochs) enter() *epoch {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.now == nil {
		e.now = &epoch{owner: e}
		e.oldest = e.now
	}
	e.now.open++
	return e.now
}

// retire removes files as soon as no transaction can need them.
func (e *epochs) retire(gone []func() error) {
	if len(gone) == 0 {
		return
	}
	e.mu.Lock()
	if e.now == nil {
		e.now = &epoch{owner: e}
		e.oldest = e.now
	}
	e.now.gone = gone
	e.now.next = &epoch{owner: e}
	e.now = e.now.next
	e.mu.Unlock()
	e.collect()
}

func (p *epoch) leave() {
	e := p.owner
	e.mu.Lock()
	p.open--
	idle := p.open == 0 && p != e.now
	e.mu.Unlock()
	if idle {
		e.collect()
	}
}

// collect removes the files of the oldest epochs that nobody is in.
func (e *epochs) collect() {
	e.mu.Lock()
	var gone []func() error
	for e.oldest != e.now && e.oldest.open == 0 {
		gone = append(gone, e.oldest.gone...)
		e.oldest = e.oldest.next
	}
	e.mu.Unlock()
	for _, remove := range gone {
		if err := remove(); err != nil {
			// A start or a sweep tries again.
			e.log.Warn("obsolete file was not removed", "error", err)
		}
	}
}
