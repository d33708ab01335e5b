package parse

import (
	"bytes"
	"errors"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"sync"
	"time"

	"github.com/lodedb/lode"
)

// memoryEnv tells a worker its memory limit in bytes.
const memoryEnv = "LODE_PARSE_MEMORY"

// stopGrace is how long an idle worker may take to end before it is killed.
const stopGrace = 2 * time.Second

// stderrBytes is how much of a worker's last words are kept to find out why it died.
const stderrBytes = 8 << 10

// errKilled is the verdict on a worker that was killed by neither us nor its own fault: by the
// kernel for want of memory, or by an operator.
var errKilled = lode.Errorf(lode.CodeOverloaded, "parse worker was killed from outside, most often for want of memory on the machine")

// worker is one process. Its pipes are used by whoever took it from the pool.
type worker struct {
	cmd    *exec.Cmd
	in     io.WriteCloser
	out    io.ReadCloser
	stderr *headBuffer
	exited chan struct{} // closed when the process was reaped
	parsed int           // documents answered
	idle   *time.Timer   // runs while the worker waits in the pool
}

// startWorker starts a process and a goroutine that reaps it, which ends with it.
func startWorker(o PoolOptions, wg *sync.WaitGroup) (*worker, error) {
	cmd := o.Command()
	if cmd.Env == nil {
		cmd.Env = minimalEnv()
	}
	cmd.Env = append(cmd.Env, WorkerEnv+"=1",
		memoryEnv+"="+strconv.FormatInt(o.MemoryBytes, 10),
		"GOMEMLIMIT="+strconv.FormatInt(o.MemoryBytes*3/4, 10),
		"GOMAXPROCS=2", "GOTRACEBACK=single")
	isolate(cmd)
	w := &worker{cmd: cmd, stderr: new(headBuffer), exited: make(chan struct{})}
	cmd.Stderr = w.stderr
	cmd.WaitDelay = stopGrace
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	w.in = in
	// A pipe of our own, because the one of cmd is closed when the process ends, with the
	// last reply perhaps unread.
	out, childOut, err := os.Pipe()
	if err != nil {
		return nil, errors.Join(err, in.Close())
	}
	w.out, cmd.Stdout = out, childOut
	started := make(chan error)
	wg.Go(func() { w.supervise(started) })
	err = <-started
	_ = childOut.Close()
	if err != nil {
		return nil, errors.Join(err, out.Close())
	}
	return w, nil
}

// supervise starts the process and reaps it. It keeps its thread until then: the kernel
// sends the parent-death signal when the starting thread ends, not the process.
func (w *worker) supervise(started chan<- error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	defer close(w.exited)
	err := w.cmd.Start()
	started <- err
	if err == nil {
		_ = w.cmd.Wait() // how it ended stands in ProcessState
	}
}

// kill ends the process at once.
func (w *worker) kill() { _ = w.cmd.Process.Kill() }

// discard kills the process, waits for its end and lets go of its pipe.
func (w *worker) discard() {
	w.kill()
	<-w.exited
	_ = w.out.Close()
}

// stop ends an idle worker: it sees the end of its input, and is killed if it goes on.
func (w *worker) stop() {
	_ = w.in.Close()
	w.awaitExit(stopGrace)
	w.discard()
}

func (w *worker) awaitExit(most time.Duration) {
	timer := time.NewTimer(most)
	defer timer.Stop()
	select {
	case <-w.exited:
	case <-timer.C:
	}
}

// gone reports whether the process has ended.
func (w *worker) gone() bool {
	select {
	case <-w.exited:
		return true
	default:
		return false
	}
}

// exchange sends a document and receives the answer. It returns when the pipes break.
func (w *worker) exchange(in Input) (reply, error) {
	if err := writeRequest(w.in, in); err != nil {
		return reply{}, err
	}
	return readReply(w.out)
}

// resident returns the memory that the process holds.
func (w *worker) resident() (int64, bool) { return residentBytes(w.cmd.Process.Pid) }

// post says why a process ended that nobody here killed. It is called after exited.
func (w *worker) post() error {
	last := w.stderr.bytes()
	has := func(mark string) bool { return bytes.Contains(last, []byte(mark)) }
	state := w.cmd.ProcessState
	switch {
	case has("out of memory") || has("cannot allocate memory"):
		return lode.Errorf(lode.CodeTooLarge, "parser ran out of memory on this document")
	case has("stack overflow"):
		return lode.Errorf(lode.CodeMalformed, "parser overflowed its stack: the document nests too deep")
	case has("panic: ") || has("fatal error: "):
		return lode.Errorf(lode.CodeMalformed, "parser crashed on this document")
	case state == nil:
		return lode.Errorf(lode.CodeInternal, "parse worker vanished")
	case killedFromOutside(state):
		return errKilled
	}
	return lode.Errorf(lode.CodeMalformed, "parser ended on this document (%s)", state)
}

// minimalEnv is what a worker needs of our environment: no secrets, no proxies.
func minimalEnv() []string {
	var env []string
	for _, name := range []string{"PATH", "TMPDIR", "TZ", "GOCOVERDIR", "SYSTEMROOT"} {
		if value, ok := os.LookupEnv(name); ok {
			env = append(env, name+"="+value)
		}
	}
	if env == nil {
		env = []string{}
	}
	return env
}

// headBuffer keeps the first bytes that are written to it and drops the rest. A crash of the
// Go runtime says what happened first. The bytes may quote the document: they are never
// logged.
type headBuffer struct {
	mu   sync.Mutex
	head []byte
}

func (b *headBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.head = append(b.head, p[:min(len(p), stderrBytes-len(b.head))]...)
	return len(p), nil
}

func (b *headBuffer) bytes() []byte {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.head
}
