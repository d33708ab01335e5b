package chaos

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/lodedb/lode"
)

// Bases of a [Case]: the folder that the node is started on, under the fault.
const (
	Fresh = "fresh" // empty: the fault may hit the very first start
	Used  = "used"  // left by a node that was killed under load: the fault may hit recovery
)

// Case is one node that meets one fault.
type Case struct {
	Seed  uint64 // of folder and workload
	Base  string
	Fault Fault
}

func (c Case) String() string { return fmt.Sprintf("%d %s %s", c.Seed, c.Base, c.Fault) }

// ParseCase reads the text form, to repeat a case.
func ParseCase(s string) (Case, error) {
	seed, rest, _ := strings.Cut(s, " ")
	base, fault, _ := strings.Cut(rest, " ")
	n, err := strconv.ParseUint(seed, 10, 64)
	if err != nil || base != Fresh && base != Used {
		return Case{}, lode.Invalid("case", s, "a case is a seed, %s or %s, and a fault", Fresh, Used)
	}
	f, err := ParseFault(fault)
	if err == nil && f.Call == Build && base == Fresh {
		return Case{}, lode.Invalid("case", s, "only %s folders have builds from the start", Used)
	}
	return Case{n, base, f}, err
}

// Ends of the run under the fault.
const (
	EndKilled = "killed"  // by the fault
	EndExited = "exited"  // by itself, with a message
	EndWentOn = "went on" // and answered
	EndMissed = "missed"  // the fault never came
)

// Outcome is what a case came to.
type Outcome struct {
	Case     string        `json:"case"`
	End      string        `json:"end"`
	Call     string        `json:"call,omitempty"`    // the first call that went wrong
	Message  string        `json:"message,omitempty"` // last words of a node that exited
	Panicked bool          `json:"panicked,omitempty"`
	Ready    time.Duration `json:"ready_ns"`           // of the restart
	Ended    time.Duration `json:"ended_ns,omitempty"` // after the fault, where it ended by itself
	Acked    int           `json:"acked"`              // writes that were acknowledged before the restart
	// Sealed segments, their graphs and unfinished builds were in the folder when it was started
	// again.
	Sealed     int       `json:"sealed,omitempty"`
	Graphs     int       `json:"graphs,omitempty"`
	Unfinished int       `json:"unfinished,omitempty"`
	Findings   []Finding `json:"findings,omitempty"`
	Problems   []string  `json:"problems,omitempty"` // other broken promises: a hang, a silent end, a slow or failed restart
}

// Good reports whether every promise was kept.
func (o *Outcome) Good() bool { return len(o.Findings) == 0 && len(o.Problems) == 0 }

func (o *Outcome) problem(format string, args ...any) {
	o.Problems = append(o.Problems, fmt.Sprintf(format, args...))
}

// How long things may take.
const (
	faultTime  = 2500 * time.Millisecond // for the fault to come
	afterFault = 300 * time.Millisecond  // of further load when the node goes on
	endLimit   = 6 * time.Second         // to answer again after a failed call, or to begin to end
	exitLimit  = 10 * time.Second        // to end
	hangLimit  = 12 * time.Second        // for a call that hangs to come and to be given up
)

// Sweep runs cases of one program. Files is a folder for all it needs.
type Sweep struct {
	Binary string
	Files  string

	mu struct { // held while a used folder is made
		sync.Mutex
		used map[uint64]usedFolder // by seed
	}
}

// usedFolder is the folder of a node that was killed under load, and what it was told.
type usedFolder struct {
	dir    string
	ledger *Ledger
}

// Run runs one case. The error is non-nil only when the case could not be run.
func (s *Sweep) Run(ctx context.Context, c Case) (*Outcome, error) {
	files, err := os.MkdirTemp(s.Files, "case-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(files)
	dir := filepath.Join(files, "data")
	ledger, err := s.base(ctx, c, dir)
	if err != nil {
		return nil, err
	}
	o := &Outcome{Case: c.String()}
	w := &Workload{Ledger: ledger, Seed: c.Seed<<20 + uint64(c.Fault.When), VectorsOnly: c.vectorsOnly()}
	if err := s.underFault(ctx, c, dir, files, w, o); err != nil || o.End == EndMissed {
		return o, err
	}
	o.Acked = ledger.Acked()
	return o, s.recovery(ctx, dir, files, w, o, c.settings()...)
}

// base makes the folder of a case.
func (s *Sweep) base(ctx context.Context, c Case, dir string) (*Ledger, error) {
	if c.Base == Fresh {
		return NewLedger(), nil
	}
	used, err := s.usedFolder(ctx, c.Seed/casesPerFolder)
	if err != nil {
		return nil, err
	}
	return used.ledger.Clone(), copyFolder(dir, used.dir)
}

// copyFolder copies the folder of a node that does not run. The log's files are long and
// mostly holes.
func copyFolder(to, from string) error {
	return command("cp", "-r", "--sparse=always", from, to)
}

// casesPerFolder is how many seeds share a used folder.
const casesPerFolder = 50

// usedTime is how long the node of a used folder works before it is killed.
const usedTime = 700 * time.Millisecond

// wornTime makes a used folder hold sealed and growing segments, and a log that was cut.
const wornTime = 2 * usedTime

func (s *Sweep) usedFolder(ctx context.Context, seed uint64) (usedFolder, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if used, known := s.mu.used[seed]; known {
		return used, nil
	}
	dir, err := os.MkdirTemp(s.Files, "used-")
	if err != nil {
		return usedFolder{}, err
	}
	used := usedFolder{filepath.Join(dir, "data"), NewLedger()}
	n, err := start(ctx, s.Binary, used.dir, dir, nil, busy...)
	if err != nil {
		return used, err
	}
	defer n.Kill()
	w := &Workload{Ledger: used.ledger, Seed: seed}
	if err := w.Prepare(ctx, n.Client); err != nil {
		return used, err
	}
	if err := w.Settle(ctx, n.Client.BaseURL()); err != nil {
		return used, err
	}
	work, cancel := context.WithCancel(ctx)
	defer cancel()
	time.AfterFunc(wornTime, n.Kill)
	w.Run(work, n.Client.BaseURL())
	n.Kill()
	if s.mu.used == nil {
		s.mu.used = map[uint64]usedFolder{}
	}
	s.mu.used[seed] = used
	return used, nil
}

// underFault runs the node until the fault has come and shown its effect.
func (s *Sweep) underFault(ctx context.Context, c Case, dir, files string, w *Workload, o *Outcome) error {
	n, err := start(ctx, s.Binary, dir, files, &c.Fault, append(c.settings(), c.Fault.flags()...)...)
	if n == nil {
		return err
	}
	defer n.Kill()
	var exit *ExitError
	switch {
	case errors.Is(err, errHung):
		o.problem("start: %v", err)
	case err != nil && !errors.As(err, &exit):
		return err
	case err == nil:
		s.load(ctx, n, w, c)
		if hit, err := s.hit(n, c); err == nil && hit && c.Fault.Action != Kill {
			awaitEffect(ctx, n, c, o)
		}
	}
	return s.end(n, c, o)
}

// load lets the workload run until a while after the fault, or until it cannot come any more.
func (s *Sweep) load(ctx context.Context, n *Node, w *Workload, c Case) {
	limit := faultTime
	if c.Fault.Action == Hang {
		limit = hangLimit // it shows when the node loses patience
	}
	ctx, stop := context.WithTimeout(ctx, limit)
	watched := make(chan struct{})
	defer func() { stop(); <-watched }()
	go func() {
		defer close(watched)
		for ctx.Err() == nil && !n.Exited(20*time.Millisecond) {
			if calls, err := injected(n.path("trace")); err == nil && len(calls) > 0 {
				n.faultSeen = time.Now()
				n.Exited(afterFault)
				break
			}
		}
		stop()
	}()
	if w.Prepare(ctx, n.Client) == nil {
		w.Run(ctx, n.Client.BaseURL())
	}
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
	defer cancel()
	if n.Client.Health(last) != nil {
		n.Exited(time.Second) // its tracer ends a moment later
	}
}

// hit reports whether the fault has come.
func (s *Sweep) hit(n *Node, c Case) (bool, error) {
	if c.Fault.Call == Build {
		return n.Exited(0) && n.watch.call() != "", nil
	}
	if c.Fault.Action == Kill {
		return n.Exited(0) && n.killedByFault(), nil
	}
	if c.Fault.Action == Hang { // the tracer marks the call when it is over
		call, err := killedAt(n.path("trace"))
		return n.Exited(0) || call != "", err
	}
	calls, err := injected(n.path("trace"))
	return len(calls) > 0, err
}

// killedByFault reports whether a node that ended did so by a SIGKILL that is not ours.
func (n *Node) killedByFault() bool {
	status, ok := n.cmd.ProcessState.Sys().(syscall.WaitStatus)
	return ok && (status.Signaled() && status.Signal() == syscall.SIGKILL || status.ExitStatus() == 128+int(syscall.SIGKILL))
}

// awaitEffect waits until the node has ended or answers reads and writes, by a refusal if
// need be, and says that it is ready.
func awaitEffect(ctx context.Context, n *Node, c Case, o *Outcome) {
	limit := endLimit
	if c.Fault.Action == Hang {
		limit = hangLimit
	}
	for deadline := time.Now().Add(limit); !n.Exited(20 * time.Millisecond); {
		if c.Fault.Action == Hang && n.gaveUp(0) {
			if !n.silent(frozenEnd) {
				o.problem("the node still answers %s after it has given up", frozenEnd)
			}
			return
		}
		if time.Now().After(deadline) {
			o.problem("%v, %s after %s", errHung, limit, c.Fault)
			return
		}
		if answers(ctx, n) {
			return
		}
	}
}

func answers(ctx context.Context, n *Node) bool {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	ready, err := n.Client.Ready(ctx)
	if err != nil || !ready.Ready {
		return false
	}
	_, err = n.Client.GetCollection(ctx, documentsCollection)
	if err != nil && !lode.IsCode(err, lode.CodeNotFound) {
		return false
	}
	err = n.Client.DeleteDocument(ctx, documentsCollection, "nobody's")
	return err == nil || !lode.IsCode(err, lode.CodeTimeout) && !lode.IsCode(err, lode.CodeOutcomeUnknown) && !lode.IsCode(err, lode.CodeUnavailable)
}

// end judges how the run under the fault ended.
func (s *Sweep) end(n *Node, c Case, o *Outcome) error {
	ended := n.Exited(0)
	if c.Fault.Action == Hang && n.gaveUp(0) {
		n.Kill() // its tracer would hold what is left of it until the call is over
		ended = true
	}
	hit, err := s.hit(n, c)
	if err != nil {
		return err
	}
	calls, err := injected(n.path("trace"))
	if err == nil && len(calls) > 0 {
		o.Call = firstCall(calls)
	}
	switch {
	case hit && c.vectorsOnly() && beside(calls):
		o.End = EndMissed
	case c.Fault.Call == Build && hit:
		o.End, o.Call = EndKilled, n.watch.call()
	case !hit:
		o.End = EndMissed
		if ended && !n.killedByFault() {
			return fmt.Errorf("case %s: without a fault, %w", c, n.exit())
		}
	case c.Fault.Action == Kill:
		o.End = EndKilled
		if call, err := killedAt(n.path("trace")); err == nil && call != "" {
			o.Call = firstCall([]string{call})
		}
	case ended:
		if call, err := killedAt(n.path("trace")); err == nil && c.Fault.Action == Hang && call != "" {
			o.Call = firstCall([]string{call})
		}
		o.End = EndExited
		o.judgeExit(n.exit(), c.Fault)
		if o.Ended = n.lasted(); o.Ended > exitLimit {
			o.problem("the node ended %s after the fault", o.Ended)
		}
	default:
		o.End = EndWentOn
	}
	return nil
}

// firstCall shortens the first line of the trace that names a file of the node, else the first,
// to call and file.
func firstCall(calls []string) (first string) {
	for i, line := range calls {
		if call := shortCall(line); i == 0 || place(first) == elsewhere && place(call) != elsewhere {
			first = call
		}
	}
	return first
}

// beside reports whether failing calls hit no file of the node, or the Go runtime, which ends
// the process when it cannot wake its poller.
func beside(calls []string) bool {
	wakes := func(call string) bool { return strings.Contains(call, "[eventfd]") }
	return place(firstCall(calls)) == elsewhere || slices.ContainsFunc(calls, wakes)
}

func shortCall(line string) string {
	name, rest, _ := strings.Cut(line, "(")
	_, file, _ := strings.Cut(rest, "<")
	file, paths, _ := strings.Cut(file, ">")
	if _, named, found := strings.Cut(paths, `, "/`); found && strings.HasPrefix(rest, "AT_FDCWD") {
		file, _, _ = strings.Cut(named, `"`)
	}
	if i := strings.LastIndex(file, "/data/"); i >= 0 {
		file = file[i+len("/data/"):]
	}
	return name + " " + file
}

// judgeExit demands that the node said why it ended.
func (o *Outcome) judgeExit(e *ExitError, f Fault) {
	lines := strings.Split(e.Message, "\n")
	o.Message = lines[len(lines)-1]
	for _, line := range lines {
		if o.Panicked = strings.HasPrefix(line, "panic: "); o.Panicked || strings.HasPrefix(line, "lode: ") {
			o.Message = line
			break
		}
	}
	named := map[Action]string{EIO: "input/output error", Full: "no space left on device"}[f.Action]
	switch {
	case e.Code == 0:
		o.problem("the node ended as if all was well after %s", o.Call)
	case e.Message == "" && f.Call == "write": // its last words were made to fail too
	case e.Message == "":
		o.problem("the node ended without a word after %s", o.Call)
	case !strings.Contains(e.Message, named):
		o.problem("the node does not say %q after %s: %s", named, o.Call, o.Message)
	}
}

// recovery starts the node again, without a fault, and compares.
func (s *Sweep) recovery(ctx context.Context, dir, files string, w *Workload, o *Outcome, flags ...string) error {
	o.Sealed, o.Graphs, o.Unfinished = segmentsIn(dir)
	n, err := start(ctx, s.Binary, dir, files, nil, flags...)
	if n == nil {
		return err
	}
	defer n.Kill()
	if err != nil {
		o.problem("restart: %v", err)
		return ctx.Err()
	}
	if o.Ready = n.Ready; n.Ready > ReadyLimit {
		o.problem("restart: ready after %s", n.Ready)
	}
	if o.Findings, err = Verify(ctx, n.Client, w.Ledger); err != nil {
		o.problem("verify: %v", err)
		return ctx.Err()
	}
	if w.VectorsOnly {
		o.Findings = slices.DeleteFunc(o.Findings, parserEnded)
	}
	s.goOn(ctx, n, w, o)
	if err := n.Stop(); err != nil {
		o.problem("stop: %v", err)
	}
	if _, _, left := segmentsIn(dir); left > 0 {
		o.problem("%d unfinished builds are left after a restart", left)
	}
	offline, err := VerifyDir(ctx, dir)
	o.Findings = append(o.Findings, offline...)
	return err
}

// parserEnded reports whether a finding is a document of the used folder that is in quarantine
// because its parser died twice: writes that are made to fail also hit the pipes of parsers.
func parserEnded(f Finding) bool {
	return strings.Contains(f.String(), "parser ended on this document")
}

// goOn demands that the node takes writes again.
func (s *Sweep) goOn(ctx context.Context, n *Node, w *Workload, o *Outcome) {
	w.acked.Store(0)
	w.Seed = ^w.Seed // words of its own
	ctx, stop := context.WithTimeout(ctx, endLimit)
	defer stop()
	time.AfterFunc(100*time.Millisecond, func() {
		for ctx.Err() == nil && w.acked.Load() == 0 {
			time.Sleep(10 * time.Millisecond)
		}
		stop()
	})
	if err := w.Prepare(ctx, n.Client); err != nil {
		o.problem("after the restart: %v", err)
		return
	}
	w.Run(ctx, n.Client.BaseURL())
	if w.acked.Load() == 0 {
		o.problem("after the restart no write was acknowledged in %s", endLimit)
	}
}
