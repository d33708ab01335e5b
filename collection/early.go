package collection

import (
	"slices"
	"sync"

	"github.com/lodedb/lode"
	lexical "github.com/lodedb/lode/index/bm25/segment"
)

// early holds the commands that this node has proposed and not yet applied, by the first byte
// of their log entries. They were decoded when they were encoded, and what does not depend on
// the state is worked out while the log writes them, so that Apply need not. Everything that is
// held follows from the bytes of the entry alone: nodes that have not proposed it find the same.
type early struct {
	mu       sync.Mutex
	commands map[*byte]*proposed
}

// proposed is a command on its way. Its work is done once, by whoever comes first.
type proposed struct {
	cmd     command
	workOut func()
}

// add holds the command of a log entry until done is called, which awaits what was started. A
// nil prepare is for one that needs none.
func (e *early) add(entry []byte, cmd command, prepare func()) (done func()) {
	p := &proposed{cmd: cmd, workOut: func() {}}
	if prepare != nil {
		p.workOut = sync.OnceFunc(prepare)
	}
	e.mu.Lock()
	if e.commands == nil {
		e.commands = map[*byte]*proposed{}
	}
	e.commands[&entry[0]] = p
	e.mu.Unlock()
	if prepare == nil {
		return func() { e.take(entry) }
	}
	ready := make(chan struct{})
	go func() {
		defer close(ready)
		p.workOut()
	}()
	return func() {
		e.take(entry)
		<-ready
	}
}

// take returns the command of a log entry and holds it no longer, nil when it was not
// proposed here or taken before.
func (e *early) take(entry []byte) command {
	if len(entry) == 0 {
		return nil
	}
	e.mu.Lock()
	p := e.commands[&entry[0]]
	delete(e.commands, &entry[0])
	e.mu.Unlock()
	if p == nil {
		return nil
	}
	p.workOut()
	return p.cmd
}

// preparing returns what works out what applying a command will need, nil for nothing.
func (e *Engine) preparing(cmd command) func() {
	switch cmd := cmd.(type) {
	case *named:
		return e.preparing(cmd.inner)
	case *putPoints:
		if c := e.catalog.Load().byID[cmd.Collection]; c != nil {
			return func() { cmd.prepare(&c.settings, pointLanguage(c.tuning.Load())) }
		}
	}
	return nil
}

// prepare parses the vectors for a collection and finds the words of the texts in a language.
func (c *putPoints) prepare(settings *lode.Collection, language string) {
	for i := range c.decoded {
		p := &c.decoded[i]
		p.ready.vectors, p.ready.refusal = parseVectors(settings, p)
		p.ready.words, p.ready.language = p.wordsIn(language), language
	}
	c.preparedFor = settings
}

// wordsIn are the words of a point, which were mostly found before.
func (p *point) wordsIn(language string) lexical.Row {
	if p.ready.words != nil && p.ready.language == language {
		return p.ready.words
	}
	return wordsOf(language, &lode.Chunk{Text: p.Text}, "")
}

// vectors are those of a point as the collection holds and stores them, or why they do not fit.
func (c *putPoints) vectors(settings *lode.Collection, p *point) (pointVectors, *lode.Error) {
	if s := c.preparedFor; s != nil && s.Dim == settings.Dim && s.Metric == settings.Metric && slices.Equal(s.Vectors, settings.Vectors) {
		return p.ready.vectors, p.ready.refusal
	}
	return parseVectors(settings, p)
}
