package chaos

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/lodedb/lode/client"
)

// ReadyLimit is how soon a node must serve after any stop.
const ReadyLimit = 5 * time.Second

// startLimit is how long a start is awaited before it counts as hung.
const startLimit = 30 * time.Second

// Node is a node in a process of its own.
type Node struct {
	Client *client.Client
	Ready  time.Duration // from starting the process until it serves

	cmd    *exec.Cmd
	files  string // folder with out, err and trace
	hangs  bool   // under a fault that holds back its end
	exited chan struct{}
	stop   sync.Once
	watch  *buildWatch // of a fault at a build

	faultSeen, exitSeen time.Time
}

// ExitError is a node that ended by itself.
type ExitError struct {
	Code    int // -1: by a signal
	Message string
}

func (e *ExitError) Error() string {
	return fmt.Sprintf("the node ended with code %d: %s", e.Code, e.Message)
}

// errHung is returned when a node neither serves nor ends.
var errHung = errors.New("the node neither serves nor ends")

// Start runs the program on a data folder, under a fault if there is one, and waits until
// it serves. Its output and the fault's trace go to a new folder below files. After an
// error the node is stopped; it is returned all the same, for what it left in its files.
func Start(ctx context.Context, binary, dir, files string, f *Fault) (*Node, error) {
	return start(ctx, binary, dir, files, f)
}

// start is Start with further flags of serve.
func start(ctx context.Context, binary, dir, files string, f *Fault, flags ...string) (*Node, error) {
	begun := time.Now()
	n, err := spawn(binary, dir, files, f, flags...)
	if err != nil {
		return nil, err
	}
	if f != nil && f.Call == Build {
		if n.watch, err = watchBuilds(dir, f.When, n.strike); err != nil {
			n.Kill()
			return nil, err
		}
	}
	if err := n.await(ctx); err != nil {
		n.Kill()
		return n, err
	}
	n.Ready = time.Since(begun)
	return n, nil
}

// spawn starts the process.
func spawn(binary, dir, files string, f *Fault, flags ...string) (*Node, error) {
	work, err := os.MkdirTemp(files, "run-")
	if err != nil {
		return nil, err
	}
	n := &Node{files: work, exited: make(chan struct{})}
	args := []string{binary, "serve", "--data", dir, "--listen", "127.0.0.1:0", "--log-level", "warn"}
	args = append(args, flags...)
	if f != nil && f.Call != Build {
		n.hangs = f.Action == Hang
		args = append(f.strace(n.path("trace")), args...)
	}
	n.cmd = exec.Command(args[0], args[1:]...)
	n.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // it is killed with its tracer and its parsers
	if f != nil && f.Call != Build {
		n.cmd.Env = append(os.Environ(), "GOMAXPROCS=1", "GODEBUG=asyncpreemptoff=1")
	}
	return n, n.launch()
}

func (n *Node) path(name string) string { return filepath.Join(n.files, name) }

func (n *Node) launch() error {
	out, err := os.Create(n.path("out"))
	if err != nil {
		return err
	}
	defer out.Close()
	log, err := os.Create(n.path("err"))
	if err != nil {
		return err
	}
	defer log.Close()
	n.cmd.Stdout, n.cmd.Stderr = out, log
	if err := n.cmd.Start(); err != nil {
		return err
	}
	go func() {
		defer close(n.exited)
		_ = n.cmd.Wait() // ProcessState holds the outcome
		n.exitSeen = time.Now()
	}()
	return nil
}

// await waits for the line that names the address, which a node prints when it serves.
func (n *Node) await(ctx context.Context) error {
	deadline := time.Now().Add(startLimit)
	for {
		out, err := os.ReadFile(n.path("out"))
		if err != nil {
			return err
		}
		line, whole := strings.CutSuffix(string(out), "\n")
		if url, found := strings.CutPrefix(line, "listening on "); found && whole {
			n.Client, err = client.New(client.Options{BaseURL: url, Retries: -1})
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-n.exited:
			return n.exit()
		case <-time.After(2 * time.Millisecond):
		}
		if n.hangs && n.gaveUp(0) {
			n.Exited(frozenEnd / 2)
			n.Kill()
			return n.exit()
		}
		if time.Now().After(deadline) {
			return errHung
		}
	}
}

// exit describes the end of a node that ended by itself.
func (n *Node) exit() *ExitError {
	return &ExitError{n.cmd.ProcessState.ExitCode(), n.Message()}
}

// lasted is how long a node that ended went on after its fault, 0 where that was not seen.
func (n *Node) lasted() time.Duration {
	if n.faultSeen.IsZero() {
		return 0
	}
	return n.exitSeen.Sub(n.faultSeen)
}

// Message is what the node said on standard error.
func (n *Node) Message() string {
	b, err := os.ReadFile(n.path("err"))
	if err != nil {
		return err.Error()
	}
	return strings.TrimSpace(string(b))
}

// Exited reports whether the node ends within a time.
func (n *Node) Exited(within time.Duration) bool {
	timer := time.NewTimer(within)
	defer timer.Stop()
	select {
	case <-n.exited:
		return true
	case <-timer.C:
	}
	select { // it may have ended in that very moment
	case <-n.exited:
		return true
	default:
		return false
	}
}

// gaveUp reports whether the node says, within a time, that it stops because its disk does
// not answer.
func (n *Node) gaveUp(within time.Duration) bool {
	for deadline := time.Now().Add(within); ; time.Sleep(20 * time.Millisecond) {
		if m := n.Message(); strings.Contains(m, "did not answer") || strings.Contains(m, "does not answer") {
			return true
		}
		if !time.Now().Before(deadline) {
			return false
		}
	}
}

// silent reports whether the node stops answering within a time.
func (n *Node) silent(within time.Duration) bool {
	ctx, cancel := context.WithTimeout(context.Background(), within)
	defer cancel()
	for ctx.Err() == nil {
		if n.Client.Health(ctx) != nil {
			return ctx.Err() == nil
		}
		time.Sleep(20 * time.Millisecond)
	}
	return false
}

// ended reports whether the process has ended as far as the node can end it. A thread that
// hangs in the kernel, or that a tracer holds, keeps the rest of it for as long.
func (n *Node) ended(within time.Duration) bool {
	for deadline := time.Now().Add(within); ; {
		if n.Exited(20 * time.Millisecond) {
			return true
		}
		stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", n.cmd.Process.Pid))
		if err != nil {
			return true
		}
		_, state, _ := strings.Cut(string(stat), ") ")
		if strings.HasPrefix(state, "Z") || strings.HasPrefix(state, "D") && killed(n.cmd.Process.Pid) {
			return true
		}
		if time.Now().After(deadline) {
			return false
		}
	}
}

// killed reports whether the first thread of a process is to die as soon as the kernel lets it: the
// process has ended, and that thread is the one that waits for the disk.
func killed(pid int) bool {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return false
	}
	_, rest, _ := strings.Cut(string(status), "\nSigPnd:")
	pending, _, _ := strings.Cut(rest, "\n")
	signals, err := strconv.ParseUint(strings.TrimSpace(pending), 16, 64)
	return err == nil && signals&(1<<(syscall.SIGKILL-1)) != 0
}

// Kill ends the node and all that belongs to it at once. It may be called twice.
func (n *Node) Kill() {
	n.stop.Do(func() {
		n.strike()
		<-n.exited
		for deadline := time.Now().Add(startLimit); n.lingers() && time.Now().Before(deadline); {
			time.Sleep(2 * time.Millisecond) // the tracer went first
		}
		if n.watch != nil {
			n.watch.close()
		}
	})
}

// lingers reports whether a process of the node's group still runs, if only to end, and so
// may hold the lock of the folder.
func (n *Node) lingers() bool {
	stats, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, path := range stats {
		stat, err := os.ReadFile(path)
		if err != nil {
			continue // it has ended
		}
		fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
		const state, group, threads = 0, 2, 17
		if len(fields) > threads && fields[group] == strconv.Itoa(n.cmd.Process.Pid) &&
			(fields[state] != "Z" || fields[threads] != "1" && fields[threads] != "0") {
			return true
		}
	}
	return false
}

// strike sends the signal and does not wait. The process may have ended by itself.
func (n *Node) strike() { _ = syscall.Kill(-n.cmd.Process.Pid, syscall.SIGKILL) }

// Stop ends the node in order; an exit code other than 0 is an error.
func (n *Node) Stop() error {
	if err := n.cmd.Process.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	if !n.Exited(startLimit) {
		n.Kill()
		return errHung
	}
	if e := n.exit(); e.Code != 0 {
		return e
	}
	return nil
}
