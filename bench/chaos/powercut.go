package chaos

import (
	"context"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"time"
)

// PowerCuts copies the disk of a working node at random moments and looks at each copy.
type PowerCuts struct {
	Binary string
	Files  string // folder for the output of nodes
	Disk   *Disk
	Seed   uint64
	// Lie runs the node with syncs that are answered and not done: the negative control.
	Lie bool

	ledger *Ledger
}

// cut is a copy and what was promised when it was made.
type cut struct {
	name, image string
	ledger      *Ledger
	settings    settings
}

// settings of a round.
func (p *PowerCuts) settings(round int) settings {
	return []settings{busiest, busy, defaults, busiest, moderate}[round%5]
}

// dataDir is the node's folder on a mounted disk.
func dataDir(mount string) string { return filepath.Join(mount, "data") }

// Run starts the node, copies the disk some times while it is under load, kills it, and
// verifies each copy. It may be called again: the node goes on where it was killed. The
// error is non-nil only when the run could not be carried out.
func (p *PowerCuts) Run(ctx context.Context, round, cuts int) ([]*Outcome, error) {
	if p.ledger == nil {
		p.ledger = NewLedger()
	}
	if p.Lie {
		if err := p.honestly(ctx); err != nil {
			return nil, err
		}
	}
	copies, err := p.copyUnderLoad(ctx, round, cuts)
	if err != nil {
		return nil, err
	}
	var outcomes []*Outcome
	for _, c := range copies {
		o, err := p.examine(ctx, c)
		if err != nil {
			return outcomes, fmt.Errorf("%s: %w", c.name, err)
		}
		outcomes = append(outcomes, o)
	}
	return outcomes, nil
}

// honestly brings a folder to the disk that survives, so that a liar has something to lose.
func (p *PowerCuts) honestly(ctx context.Context) error {
	n, err := start(ctx, p.Binary, dataDir(p.Disk.Mount), p.Files, nil, busy...)
	if err != nil {
		return err
	}
	defer n.Kill()
	w := &Workload{Ledger: p.ledger, Seed: p.Seed<<20 + 1<<19}
	if err := w.Prepare(ctx, n.Client); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, usedTime/2)
	defer cancel()
	w.Run(ctx, n.Client.BaseURL())
	if err := n.Stop(); err != nil {
		return err
	}
	return p.Disk.Sync()
}

func (p *PowerCuts) copyUnderLoad(ctx context.Context, round, cuts int) ([]cut, error) {
	var fault *Fault
	if p.Lie {
		fault = &Fault{Lie, "sync", 1}
	}
	n, err := start(ctx, p.Binary, dataDir(p.Disk.Mount), p.Files, fault, p.settings(round)...)
	if n != nil {
		defer n.Kill()
	}
	if err != nil {
		return nil, err
	}
	w := &Workload{Ledger: p.ledger, Seed: p.Seed<<20 + uint64(round)}
	if err := w.Prepare(ctx, n.Client); err != nil {
		return nil, err
	}
	work, stop := context.WithCancel(ctx)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		w.Run(work, n.Client.BaseURL())
	}()
	defer func() { stop(); n.Kill(); <-ended }()
	random := rand.New(rand.NewPCG(p.Seed, uint64(round)))
	var copies []cut
	for i := range cuts {
		time.Sleep(time.Duration(30+random.IntN(300)) * time.Millisecond)
		c := cut{name: fmt.Sprintf("%d power %d %d", p.Seed, round, i), settings: p.settings(round)}
		before := p.ledger.Clone()
		if c.image, err = p.Disk.Cut(fmt.Sprintf("cut-%d-%d", round, i)); err != nil {
			return nil, err
		}
		c.ledger = p.ledger.Since(before)
		copies = append(copies, c)
	}
	return copies, nil
}

// examine starts a node on a copy and compares it with what was promised at that moment.
func (p *PowerCuts) examine(ctx context.Context, c cut) (_ *Outcome, err error) {
	o := &Outcome{Case: c.name, End: EndKilled, Acked: c.ledger.Acked()}
	mount, done, err := p.Disk.Open(c.image)
	if err != nil {
		o.problem("mount: %v", err)
		return o, nil
	}
	s := &Sweep{Binary: p.Binary}
	err = s.recovery(ctx, dataDir(mount), p.Files, &Workload{Ledger: c.ledger, Seed: p.Seed<<20 + 1<<18}, o, c.settings...)
	if failed := done(); err == nil {
		err = failed
	}
	return o, err
}
