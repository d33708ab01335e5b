package ann

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"strings"
	"sync"
	"time"
)

const (
	helloTimeout  = 30 * time.Second
	loadTimeout   = 5 * time.Minute
	buildTimeout  = 30 * time.Minute
	searchTimeout = 5 * time.Minute
	quitTimeout   = 5 * time.Second

	maxReply   = 256 << 20 // bytes of one line
	maxChatter = 1000      // lines that are no answer, as libraries print them
	keptErrors = 2 << 10   // bytes of what it wrote to standard error
)

// Command starts an engine: a name for reports of what cannot be started, and its words.
type Command struct {
	Name string
	Argv []string
	Env  []string // further variables, NAME=value
}

// Peer is an engine in a process of its own. It is for one goroutine.
type Peer struct {
	Hello Hello

	cmd    *exec.Cmd
	in     io.WriteCloser
	lines  chan string // closed when the process wrote its last
	errors *tail
	closed sync.Once
}

// StartPeer starts an engine on some CPUs and reads its hello. The process ends with the
// context, at the latest. Close it.
func StartPeer(ctx context.Context, c Command, cpus []int) (*Peer, error) {
	cmd := exec.CommandContext(ctx, c.Argv[0], c.Argv[1:]...)
	cmd.Env = append(cmd.Environ(), c.Env...)
	cmd.WaitDelay = quitTimeout
	p := &Peer{cmd: cmd, lines: make(chan string), errors: &tail{}}
	cmd.Stderr = p.errors
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	p.in = in
	if err := startPinned(cmd, cpus); err != nil {
		return nil, fmt.Errorf("start %s: %w", c.Name, err)
	}
	go p.read(out)
	if err := p.receive(helloTimeout, &p.Hello); err != nil {
		p.Close()
		return nil, fmt.Errorf("hello of %s: %w", c.Name, err)
	}
	if p.Hello.Protocol != ProtocolVersion || p.Hello.Name == "" || len(p.Hello.Configs) == 0 {
		p.Close()
		return nil, fmt.Errorf("hello of %s: protocol %d with %d configurations, want %d with one at least",
			c.Name, p.Hello.Protocol, len(p.Hello.Configs), ProtocolVersion)
	}
	return p, nil
}

// read passes lines on until the process closes its output. What is no JSON object is
// chatter of a library, and passed over.
func (p *Peer) read(out io.Reader) {
	defer close(p.lines)
	lines := bufio.NewScanner(out)
	lines.Buffer(make([]byte, 0, 64<<10), maxReply)
	for chatter := 0; lines.Scan() && chatter < maxChatter; {
		if line := lines.Text(); strings.HasPrefix(line, "{") {
			p.lines <- line
		} else {
			chatter++
		}
	}
}

// call sends a command and decodes its answer.
func (p *Peer) call(timeout time.Duration, into any, verb string, settings ...any) error {
	if _, err := io.WriteString(p.in, newCommand(verb, settings...)); err != nil {
		return fmt.Errorf("%s: %w", verb, p.ended())
	}
	if err := p.receive(timeout, into); err != nil {
		return fmt.Errorf("%s: %w", verb, err)
	}
	return nil
}

func (p *Peer) receive(timeout time.Duration, into any) error {
	timer := time.NewTimer(timeout)
	defer timer.Stop()
	var line string
	var open bool
	select {
	case line, open = <-p.lines:
	case <-timer.C:
		return fmt.Errorf("no answer within %s", timeout)
	}
	if !open {
		return p.ended()
	}
	var f failure
	if err := json.Unmarshal([]byte(line), &f); err != nil {
		return fmt.Errorf("an answer that is no JSON: %w", err)
	}
	if f.Error != "" {
		return errors.New(f.Error)
	}
	return json.Unmarshal([]byte(line), into)
}

// ended describes a process that went away, once all of its last words are here.
func (p *Peer) ended() error {
	p.Close()
	return fmt.Errorf("the process ended: %s", p.errors)
}

// pid of the process.
func (p *Peer) pid() int { return p.cmd.Process.Pid }

// Close asks the engine to end, and ends it when it does not.
func (p *Peer) Close() {
	p.closed.Do(func() {
		_, _ = io.WriteString(p.in, newCommand("quit")) // it may have ended by itself
		_ = p.in.Close()
		timer := time.AfterFunc(quitTimeout, func() { _ = p.cmd.Process.Kill() })
		for range p.lines { // the reader must come to its end before Wait
		}
		timer.Stop()
		_ = p.cmd.Wait() // how it ended no longer matters
	})
}

// tail keeps the end of what is written to it.
type tail struct {
	mu  sync.Mutex
	end []byte
}

func (t *tail) Write(b []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.end = append(t.end, b...)
	if extra := len(t.end) - keptErrors; extra > 0 {
		t.end = append(t.end[:0], t.end[extra:]...)
	}
	return len(b), nil
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return string(bytes.TrimSpace(t.end))
}
