package main

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/raft"
	"github.com/lodedb/lode/storage"
)

type repairCommand struct {
	Data        string `help:"Data folder of a node that is stopped." placeholder:"DIR" env:"-" required:""`
	From        string `help:"Repository to fetch lost files from: a folder, or s3://bucket/prefix?endpoint=https://host:9000&region=R." placeholder:"URL" env:"LODE_BACKUP_TO"`
	Credentials string `name:"backup-keys" help:"File with the keys of the bucket; the default is AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY." type:"path" placeholder:"FILE"`
	DryRun      bool   `help:"Print what would be done and change nothing." env:"-"`
}

// repaired is the report as JSON.
type repaired struct {
	OK       bool         `json:"ok"` // the folder is sound now
	DryRun   bool         `json:"dry_run"`
	Repaired []repairItem `json:"repaired"`
	Left     []repairItem `json:"left"`
	Orphans  []repairItem `json:"orphans"`
	Replay   *uint64      `json:"replay_from,omitempty"`
}

type repairItem struct {
	Where string `json:"where"`
	What  string `json:"what"`
	How   string `json:"how,omitempty"`
	Hint  string `json:"hint,omitempty"`
}

// Run repairs what can be repaired, and fails when something is left.
func (c *repairCommand) Run(ctx context.Context, std streams) error {
	options := storage.RepairOptions{DryRun: c.DryRun, Log: keptLog}
	if c.From != "" {
		repository, err := repositoryAt{From: c.From, Credentials: c.Credentials}.open(std.err)
		if err != nil {
			return err
		}
		options.Fetch = func(ctx context.Context, h lode.Hash) (io.ReadCloser, error) { return repository.OpenObject(ctx, h) }
	}
	if !std.json {
		options.Progress = stepLines(std.err)
	}
	report, err := storage.Repair(ctx, c.Data, options)
	if err != nil {
		return err
	}
	out := describeRepair(&report, c.DryRun)
	if std.json {
		err = writeJSON(std.out, out)
	} else {
		err = out.print(std.out)
	}
	switch {
	case err != nil:
		return err
	case len(out.Left) > 0:
		return partialError{lode.Errorf(lode.CodeCorrupt, "%d breaches are left", len(out.Left))}
	case !out.OK:
		return partialError{lode.Errorf(lode.CodeCorrupt, "%d breaches can be repaired", len(out.Repaired))}
	}
	return nil
}

// keptLog looks into the folder of the log.
func keptLog(dir string) (storage.RepairLog, error) {
	kept, err := raft.ReadKept(dir)
	if err != nil {
		return storage.RepairLog{}, err
	}
	log := storage.RepairLog{First: kept.First, Last: kept.Last, Damage: kept.Damage}
	for i := range kept.Snapshots {
		s := &kept.Snapshots[i]
		log.Snapshots = append(log.Snapshots, storage.RepairSnapshot{Name: s.ID, Index: s.Index, Open: s.Open, SetAside: s.SetAside})
	}
	return log, nil
}

// stepLines prints a line now and then while a repair is at work.
func stepLines(w io.Writer) func(step string, done, all int) {
	shown := time.Now()
	return func(step string, done, all int) {
		if time.Since(shown) < lineInterval {
			return
		}
		shown = time.Now()
		fmt.Fprintf(w, "%s: %d of %d\n", step, done, all)
	}
}

func describeRepair(r *storage.RepairReport, dry bool) *repaired {
	out := &repaired{DryRun: dry, Repaired: []repairItem{}, Left: []repairItem{}, Orphans: []repairItem{}, Replay: r.Replay}
	for _, m := range r.Repaired {
		out.Repaired = append(out.Repaired, repairItem{Where: m.Where, What: m.What, How: m.How})
	}
	for _, u := range r.Left {
		out.Left = append(out.Left, repairItem{Where: u.Where, What: u.What, Hint: u.Hint})
	}
	for _, b := range r.Orphans {
		out.Orphans = append(out.Orphans, repairItem{Where: b.Where, What: b.What})
	}
	out.OK = len(out.Left) == 0 && (!dry || len(out.Repaired) == 0)
	return out
}

// print writes the report for people: what was done, what nothing refers to, what is left.
func (r *repaired) print(w io.Writer) error {
	done, verb := "repaired", ""
	if r.DryRun {
		done, verb = "would repair", "would be "
	}
	for _, m := range r.Repaired {
		fmt.Fprintf(w, "%s %s: %s\n  %s%s\n", done, m.Where, m.What, verb, m.How)
	}
	for _, o := range r.Orphans {
		fmt.Fprintf(w, "orphan %s: %s; a running node removes what it knows\n", o.Where, o.What)
	}
	for _, u := range r.Left {
		fmt.Fprintf(w, "left %s: %s\n  hint: %s\n", u.Where, u.What, u.Hint)
	}
	if r.Replay != nil {
		fmt.Fprintf(w, "the next start applies the log behind entry %d; run lode check then\n", *r.Replay)
	}
	if len(r.Repaired)+len(r.Left) > 0 {
		return nil
	}
	_, err := fmt.Fprintln(w, "nothing to repair: everything that is stored is whole")
	return err
}
