package chaos

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/client"
)

// FullDisk fills the disk of a working node from outside and frees it again.
type FullDisk struct {
	Binary string
	Files  string
	Disk   *Disk
	Seed   uint64

	ledger *Ledger
}

// Times of a [FullDisk] run.
const (
	fullTime = 2 * time.Second  // of load on the full disk
	backTime = 10 * time.Second // until writes are taken again
)

// Run fills the disk under load. The node must go on reading and deleting, say that writes
// are refused for want of space, or end with the reason. Killed and started again while the
// disk is full it must serve what it has. It must take writes again soon after space is there.
func (d *FullDisk) Run(ctx context.Context, round int) (*Outcome, error) {
	if d.ledger == nil {
		d.ledger = NewLedger()
	}
	o := &Outcome{Case: fmt.Sprintf("%d fulldisk %d", d.Seed, round), End: EndWentOn}
	dir := dataDir(d.Disk.Mount)
	n, err := start(ctx, d.Binary, dir, d.Files, nil, drawSettings(d.Seed+uint64(round))...)
	if n != nil {
		defer n.Kill()
	}
	if err != nil {
		return nil, err
	}
	w := &Workload{Ledger: d.ledger, Seed: d.Seed<<20 + 1<<17 + uint64(round), Patience: endLimit}
	if err := w.Prepare(ctx, n.Client); err != nil {
		return nil, err
	}
	if _, err := n.Client.PutVectors(ctx, vectorsCollection, newPoint(victim, "", vectorDim)); err != nil {
		return nil, err
	}
	free, err := d.fillUnderLoad(ctx, n, w)
	if err != nil {
		return nil, err
	}
	switch d.judgeFull(ctx, n, o); {
	case o.End == EndExited:
	case w.refused.Load() == 0:
		o.End = EndMissed // the node had room enough in the files that it has
	default:
		o.Message = fmt.Sprintf("%d writes refused", w.refused.Load())
	}
	o.Acked = d.ledger.Acked()
	n.Kill()
	n = d.startFull(ctx, dir, o)
	if err := free(); err != nil {
		return nil, err
	}
	if n != nil {
		defer n.Kill()
		if !d.back(ctx, n.Client) {
			o.problem("writes are still refused %s after space was freed", backTime)
		}
		if o.End == EndExited { // before it could be asked to; the ledger does not know the vector
			if err := n.Client.DeleteVector(ctx, vectorsCollection, victim); err != nil {
				o.problem("delete after space was freed: %v", err)
			}
		}
		n.Kill()
	}
	s := &Sweep{Binary: d.Binary}
	return o, s.recovery(ctx, dir, d.Files, w, o, drawSettings(d.Seed+uint64(round))...)
}

// fillUnderLoad lets the workload run into a full disk and on for a while.
func (d *FullDisk) fillUnderLoad(ctx context.Context, n *Node, w *Workload) (free func() error, err error) {
	work, stop := context.WithCancel(ctx)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		w.Run(work, n.Client.BaseURL())
	}()
	defer func() { stop(); <-ended }()
	n.Exited(usedTime)
	filler := filepath.Join(d.Disk.Mount, "filler")
	if err := fill(filler); err != nil {
		return nil, err
	}
	n.Exited(fullTime)
	return func() error { return os.Remove(filler) }, nil
}

// fill writes a file until the disk is full.
func fill(path string) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	for block := make([]byte, 1<<20); len(block) >= 512; {
		if _, err := f.Write(block); errors.Is(err, syscall.ENOSPC) {
			block = block[:len(block)/2]
		} else if err != nil {
			return errors.Join(err, f.Close())
		}
	}
	if err := f.Sync(); err != nil && !errors.Is(err, syscall.ENOSPC) {
		return errors.Join(err, f.Close())
	}
	return f.Close()
}

// judgeFull looks at the node while the disk is full.
func (d *FullDisk) judgeFull(ctx context.Context, n *Node, o *Outcome) {
	if n.Exited(endLimit / 10) {
		o.End = EndExited
		o.judgeExit(n.exit(), Fault{Action: Full})
		return
	}
	d.demandReads(ctx, n, o)
	ctx, cancel := context.WithTimeout(ctx, endLimit)
	defer cancel()
	if err := n.Client.DeleteVector(ctx, vectorsCollection, victim); err != nil {
		o.problem("a delete fails on a full disk: %v", err)
	}
	_, err := n.Client.PutVectors(ctx, vectorsCollection, newPoint("refused", "", vectorDim))
	if !lode.IsCode(err, lode.CodeNoStorage) {
		o.problem("a write on a full disk is not refused for it: %v", err)
	}
}

// victim is a vector that is deleted while the disk is full.
const victim = "victim"

func (d *FullDisk) demandReads(ctx context.Context, n *Node, o *Outcome) {
	ctx, cancel := context.WithTimeout(ctx, endLimit)
	defer cancel()
	if _, err := n.Client.GetCollection(ctx, documentsCollection); err != nil {
		o.problem("reads fail on a full disk: %v", err)
	}
}

// startFull starts the node while its disk is full: it must serve what it has.
func (d *FullDisk) startFull(ctx context.Context, dir string, o *Outcome) *Node {
	n, err := Start(ctx, d.Binary, dir, d.Files, nil)
	if err != nil {
		o.problem("start on a full disk: %v", err)
		return nil
	}
	if n.Exited(endLimit / 10) {
		o.problem("start on a full disk: %v", n.exit())
		return nil
	}
	d.demandReads(ctx, n, o)
	return n
}

// back reports whether the node takes writes again in time.
func (d *FullDisk) back(ctx context.Context, c *client.Client) bool {
	ctx, cancel := context.WithTimeout(ctx, backTime)
	defer cancel()
	for ; ctx.Err() == nil; time.Sleep(50 * time.Millisecond) {
		results, err := c.PutVectors(ctx, vectorsCollection, newPoint("probe", "", vectorDim))
		if err == nil && results.Items[0].Error == nil {
			return c.DeleteVector(ctx, vectorsCollection, "probe") == nil
		}
	}
	return false
}
