package chaos_test

import (
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/lodedb/lode/bench/chaos"
)

// newDisk makes a disk that ends with the test, or skips the test where none can be made.
func newDisk(t *testing.T) *chaos.Disk {
	t.Helper()
	if os.Getuid() != 0 {
		missing(t, false, "power cuts need root, for loop devices")
	}
	for _, tool := range chaos.DiskTools {
		if _, err := exec.LookPath(tool); err != nil {
			missing(t, false, "power cuts: %v: apt-get install mount e2fsprogs btrfs-progs", err)
		}
	}
	if out, err := exec.Command("losetup", "--find").CombinedOutput(); err != nil {
		missing(t, false, "power cuts need a loop device: %s", out)
	}
	disk, err := chaos.NewDisk(t.TempDir())
	if err != nil {
		missing(t, false, "power cuts: %v", err)
	}
	t.Cleanup(func() {
		if err := disk.Close(); err != nil {
			t.Error(err)
		}
	})
	return disk
}

// TestPowerCut: every image of the disk of a working node opens without repair and holds
// all that had been acknowledged.
func TestPowerCut(t *testing.T) {
	binary, _ := program(t)
	rounds, cuts := 1, 3
	if long() {
		rounds, cuts = 10, 5
	}
	log := openLog(t)
	p := &chaos.PowerCuts{Binary: binary, Files: t.TempDir(), Disk: newDisk(t), Seed: seed(t)}
	for round := range rounds {
		outcomes, err := p.Run(t.Context(), round, cuts)
		if err != nil {
			t.Fatalf("seed %d, round %d: %v", p.Seed, round, err)
		}
		for _, o := range outcomes {
			t.Logf("%s: %d writes acknowledged, ready after %s", o.Case, o.Acked, o.Ready)
			if err := log.Append(o); err != nil {
				t.Fatal(err)
			}
			if !o.Good() {
				t.Errorf("%s=%d go test ./bench/chaos -run TestPowerCut -count 1 -v\n%s: %+v\n%+v", envSeed, p.Seed, o.Case, o.Problems, o.Findings)
			}
		}
	}
}

// TestPowerCutCatches is the negative control: a node whose syncs do nothing loses what it
// acknowledged, and that is seen.
func TestPowerCutCatches(t *testing.T) {
	requireStrace(t)
	binary, _ := program(t)
	p := &chaos.PowerCuts{Binary: binary, Files: t.TempDir(), Disk: newDisk(t), Seed: seed(t), Lie: true}
	outcomes, err := p.Run(t.Context(), 0, 2)
	if err != nil {
		t.Fatal(err)
	}
	log, caught := openLog(t), 0
	for _, o := range outcomes {
		o.Case = strings.Replace(o.Case, "power", "control", 1)
		if err := log.Append(o); err != nil {
			t.Fatal(err)
		}
		lost := slices.ContainsFunc(o.Findings, func(f chaos.Finding) bool { return f.Verdict == chaos.Lost })
		if lost {
			caught++
		}
		t.Log(o.Case, summary(o))
	}
	if caught == 0 {
		t.Error("a node that never syncs lost nothing: the test of power cuts proves nothing")
	}
}

// summary counts what an outcome holds.
func summary(o *chaos.Outcome) string {
	count := map[chaos.Verdict]int{}
	for _, f := range o.Findings {
		count[f.Verdict]++
	}
	return fmt.Sprintf("%d acknowledged, %v, %v", o.Acked, count, o.Problems)
}

// TestFullDisk: a disk that is full costs nothing that was acknowledged, and freeing some of
// it is all that an operator has to do.
func TestFullDisk(t *testing.T) {
	binary, _ := program(t)
	rounds := 1
	if long() {
		rounds = 10
	}
	log := openLog(t)
	d := &chaos.FullDisk{Binary: binary, Files: t.TempDir(), Disk: newPlainDisk(t), Seed: seed(t)}
	for round := range rounds {
		o, err := d.Run(t.Context(), round)
		if err != nil {
			t.Fatalf("seed %d, round %d: %v", d.Seed, round, err)
		}
		t.Logf("%s: %s, %s; %s", o.Case, o.End, o.Message, o.Call)
		if err := log.Append(o); err != nil {
			t.Fatal(err)
		}
		if !o.Good() {
			t.Errorf("%s=%d go test ./bench/chaos -run TestFullDisk -count 1 -v\n%s: %+v\n%+v", envSeed, d.Seed, o.Case, o.Problems, o.Findings)
		}
	}
}
