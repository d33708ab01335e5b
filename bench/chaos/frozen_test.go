package chaos_test

import (
	"os"
	"os/exec"
	"testing"

	"github.com/lodedb/lode/bench/chaos"
)

// newPlainDisk makes a disk that ends with the test, or skips the test where none can be made.
func newPlainDisk(t *testing.T) *chaos.Disk {
	t.Helper()
	if os.Getuid() != 0 {
		missing(t, false, "disks of its own need root, for loop devices")
	}
	for _, tool := range chaos.PlainDiskTools {
		if _, err := exec.LookPath(tool); err != nil {
			missing(t, false, "disks of its own: %v: apt-get install mount e2fsprogs util-linux", err)
		}
	}
	if out, err := exec.Command("losetup", "--find").CombinedOutput(); err != nil {
		missing(t, false, "disks of its own need a loop device: %s", out)
	}
	disk, err := chaos.NewPlainDisk(t.TempDir())
	if err != nil {
		missing(t, false, "disks of its own: %v", err)
	}
	t.Cleanup(func() {
		if err := disk.Close(); err != nil {
			t.Error(err)
		}
	})
	return disk
}

// TestFrozenDisk: a disk on which every write hangs in the kernel ends the node in time, with
// the reason, and costs nothing that was acknowledged.
func TestFrozenDisk(t *testing.T) {
	binary, _ := program(t)
	log := openLog(t)
	d := &chaos.Frozen{Binary: binary, Files: t.TempDir(), Disk: newPlainDisk(t), Seed: seed(t)}
	for _, what := range []string{chaos.FrozenLog, chaos.FrozenCatalogue, chaos.FrozenUploads, chaos.FrozenStart} {
		o, err := d.Run(t.Context(), what)
		if err != nil {
			t.Fatalf("seed %d, %s: %v", d.Seed, what, err)
		}
		t.Logf("%s: %s, %s", o.Case, o.End, o.Message)
		if err := log.Append(o); err != nil {
			t.Fatal(err)
		}
		if !o.Good() {
			t.Errorf("%s=%d go test ./bench/chaos -run TestFrozenDisk -count 1 -v\n%s: %+v\n%+v", envSeed, d.Seed, o.Case, o.Problems, o.Findings)
		}
	}
}
