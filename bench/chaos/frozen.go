package chaos

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// What hangs in a [Frozen] run.
const (
	FrozenLog       = "log"       // everything; the log meets it first
	FrozenCatalogue = "catalogue" // everything but the log, which lies elsewhere
	FrozenUploads   = "uploads"   // the same, met by received bytes first
	FrozenStart     = "start"     // everything, before the node starts
)

// Frozen freezes the file system of a working node: every write and sync hangs in the kernel,
// as on a disk that does not answer, and nothing about the process is traced.
type Frozen struct {
	Binary string
	Files  string
	Disk   *Disk // of [NewPlainDisk]
	Seed   uint64
}

// Times of a [Frozen] run. A hang that is not seen at once is found by asking the disk, which
// has the time limit once more; closing is given some seconds.
const (
	diskTimeout = 2 * time.Second
	giveUpLimit = 2*diskTimeout + 3*time.Second
	frozenEnd   = 15 * time.Second
)

// Run freezes the disk. The node must say that the disk does not answer, acknowledge nothing
// more, stop listening and end; the kernel keeps a process whose threads hang, so the rest of
// its end is awaited after the thaw.
func (d *Frozen) Run(ctx context.Context, what string) (*Outcome, error) {
	o := &Outcome{Case: fmt.Sprintf("%d frozen %s", d.Seed, what)}
	dir := filepath.Join(d.Disk.Mount, what)
	if err := d.prepare(dir, what); err != nil {
		return nil, err
	}
	w := &Workload{Ledger: NewLedger(), Seed: d.Seed << 20, VectorsOnly: what != FrozenUploads}
	run := d.whileWorking
	if what == FrozenStart {
		run = d.atStart
	}
	if err := run(ctx, dir, w, o); err != nil {
		return nil, err
	}
	o.Acked = w.Ledger.Acked()
	s := &Sweep{Binary: d.Binary}
	return o, s.recovery(ctx, dir, d.Files, w, o)
}

// prepare makes the folder. Where the log is not to hang it lies on another disk.
func (d *Frozen) prepare(dir, what string) error {
	if err := os.MkdirAll(dir, 0o750); err != nil || what == FrozenLog || what == FrozenStart {
		return err
	}
	log, err := os.MkdirTemp(d.Files, "log-")
	if err != nil {
		return err
	}
	return os.Symlink(log, filepath.Join(dir, "raft"))
}

var frozenFlags = []string{"--disk-timeout", diskTimeout.String()}

// frozen freezes the disk, lets see look at the node, and thaws the disk in any case.
func (d *Frozen) frozen(see func()) (err error) {
	if err := d.Disk.Freeze(); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, d.Disk.Thaw()) }()
	see()
	return nil
}

func (d *Frozen) whileWorking(ctx context.Context, dir string, w *Workload, o *Outcome) error {
	n, err := start(ctx, d.Binary, dir, d.Files, nil, frozenFlags...)
	if n != nil {
		defer n.Kill()
	}
	if err != nil {
		return err
	}
	if err := w.Prepare(ctx, n.Client); err != nil {
		return err
	}
	work, stop := context.WithCancel(ctx)
	worked := make(chan struct{})
	go func() {
		defer close(worked)
		w.Run(work, n.Client.BaseURL())
	}()
	n.Exited(usedTime)
	err = d.frozen(func() { d.judge(n, w, o) })
	stop()
	<-worked
	if err == nil {
		d.judgeEnd(n, o)
	}
	return err
}

// judge looks at a node whose disk is frozen.
func (d *Frozen) judge(n *Node, w *Workload, o *Outcome) {
	if !n.gaveUp(giveUpLimit) {
		o.problem("%v: it does not say within %s that its disk hangs", errHung, giveUpLimit)
		return
	}
	acked := w.acked.Load()
	if !n.ended(frozenEnd) {
		o.problem("the node does not end within %s after it has said that its disk hangs", frozenEnd)
	}
	if late := w.acked.Load() - acked; late > 0 {
		o.problem("%d writes were acknowledged after the node had given up", late)
	}
	if !n.silent(time.Second) {
		o.problem("the node still answers after it has given up")
	}
}

// judgeEnd looks at the node once its disk answers again.
func (d *Frozen) judgeEnd(n *Node, o *Outcome) {
	if !n.Exited(frozenEnd) {
		o.problem("the node does not end within %s after its disk has thawed", frozenEnd)
		return
	}
	o.End = EndExited
	o.judgeExit(n.exit(), Fault{Action: Hang})
}

// atStart starts a node on a disk that hangs already.
func (d *Frozen) atStart(ctx context.Context, dir string, w *Workload, o *Outcome) error {
	n, err := Start(ctx, d.Binary, dir, d.Files, nil)
	if err != nil {
		return err
	}
	err = w.Prepare(ctx, n.Client)
	if n.Kill(); err != nil {
		return err
	}
	var spawned error
	err = d.frozen(func() {
		if n, spawned = spawn(d.Binary, dir, d.Files, nil, frozenFlags...); spawned != nil {
			return
		}
		if !n.gaveUp(giveUpLimit) {
			o.problem("%v: the start does not say within %s that the disk hangs", errHung, giveUpLimit)
		} else if !n.ended(frozenEnd) {
			o.problem("the start does not end within %s after it has said that its disk hangs", frozenEnd)
		}
	})
	if err = errors.Join(err, spawned); err != nil {
		return err
	}
	defer n.Kill()
	d.judgeEnd(n, o)
	return nil
}
