package storage

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/internal/seal"
	"github.com/lodedb/lode/internal/vfs"
)

// What changes several files at once is written down first: a plan is a list of steps in
// the file PLAN. Once that file is durable the change has happened; the steps are then run,
// by this process or, after a crash, by the next one, and may run any number of times.

// planVersion is the format version of PLAN; its history is in docs/format/folder.md.
const planVersion = 1

const maxPlanBytes = 16 << 20

type plan struct {
	Version int        `cbor:"1,keyasint"`
	Why     string     `cbor:"2,keyasint"`
	Steps   []planStep `cbor:"3,keyasint"`
}

// planStep gives From the name To, or removes From when To is empty. Names are relative to
// the data folder.
type planStep struct {
	From string `cbor:"1,keyasint"`
	To   string `cbor:"2,keyasint,omitempty"`
}

// execute writes the plan, runs its steps and removes it. written says whether the change
// has happened: then it is finished at the latest by the next open.
func (s *Store) execute(p plan) (written bool, err error) {
	p.Version = planVersion
	payload, err := encMode.Marshal(&p)
	if err != nil {
		return false, err
	}
	err = vfs.WriteFile(s.fsys, s.path(planName), func(w io.Writer) error {
		_, err := w.Write(seal.Seal(kindPlan, payload))
		return err
	})
	if err != nil {
		// The name may be there although the folder could not be synced. Then nobody knows.
		_, statErr := s.fsys.Stat(s.path(planName))
		return !errors.Is(statErr, fs.ErrNotExist), fmt.Errorf("write plan: %w", err)
	}
	return true, s.run(&p)
}

// finishPlan runs what an interrupted process has left to be done.
func (s *Store) finishPlan() error {
	b, err := vfs.ReadFile(s.fsys, s.path(planName), maxPlanBytes)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	payload, err := seal.Open(kindPlan, b)
	if err != nil {
		return fmt.Errorf("plan: %w", err)
	}
	var p plan
	if err := decodePayload(payload, &p); err != nil {
		return fmt.Errorf("plan: %w", err)
	}
	if p.Version != planVersion {
		return lode.Errorf(lode.CodeCorrupt, "the plan has format version %d, this program knows %d", p.Version, planVersion)
	}
	s.log.Info("finishing what was interrupted", "plan", p.Why, "steps", len(p.Steps))
	return s.run(&p)
}

func (s *Store) run(p *plan) error {
	for _, step := range p.Steps {
		if err := s.step(step); err != nil {
			return fmt.Errorf("plan %s: %w", p.Why, err)
		}
	}
	for _, dir := range []string{s.dir, s.segments.dir} {
		if err := s.fsys.SyncDir(dir); err != nil {
			return err
		}
	}
	if err := s.fsys.Remove(s.path(planName)); err != nil {
		return err
	}
	return s.fsys.SyncDir(s.dir)
}

// step runs one step, or finds it done.
func (s *Store) step(p planStep) error {
	for _, name := range []string{p.From, p.To} {
		if name != "" && !filepath.IsLocal(name) {
			return lode.Errorf(lode.CodeCorrupt, "a plan names %q, which is outside of the folder", name)
		}
	}
	if p.To == "" {
		err := s.fsys.Remove(s.path(p.From))
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		return err
	}
	err := s.fsys.Rename(s.path(p.From), s.path(p.To))
	if errors.Is(err, fs.ErrNotExist) {
		if _, statErr := s.fsys.Stat(s.path(p.To)); statErr == nil {
			return nil
		}
	}
	return err
}
