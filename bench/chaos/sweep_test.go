package chaos_test

import (
	"os"
	"slices"
	"sync/atomic"
	"testing"

	"github.com/lodedb/lode/bench/chaos"
)

// shortPlan is a point of each kind, with numbers that come in every run.
var shortPlan = []string{
	"used kill pwrite64 2", "used kill pwrite64 60", "used kill fdatasync 9", "used kill fsync 5", "fresh kill rename 2",
	"fresh kill fsync 4", "used kill unlink 1", "used kill write 2", "fresh kill ftruncate 1",
	"used eio fsync 5", "used eio fdatasync 6", "used eio pwrite64 20", "fresh eio pwrite64 3",
	"used full pwrite64 3", "used full pwrite64 20",
	"used kill build 3", "used kill build 11", "used eio write 5",
}

// longPoints are some more than the 300 and 100 that are asked for, as some never come.
var longPoints = chaos.Points{chaos.Kill: 320, chaos.EIO: 112, chaos.Full: 20, chaos.Slow: 4}

// TestSweep lets one system call go wrong in each case. Whatever it was, nothing
// acknowledged may be missing and no file may need a hand.
func TestSweep(t *testing.T) {
	requireStrace(t)
	binary, _ := program(t)
	sweep := &chaos.Sweep{Binary: binary, Files: t.TempDir()}
	log := openLog(t)
	var missed atomic.Int64
	t.Run("case", func(t *testing.T) {
		for _, c := range sweepPlan(t) {
			t.Run(c.String(), func(t *testing.T) {
				t.Parallel()
				if runCase(t, sweep, log, c).End == chaos.EndMissed {
					missed.Add(1)
				}
			})
		}
	})
	if n := int(missed.Load()); n > len(shortPlan)/3 && !long() {
		t.Errorf("%d of %d faults never came: the run proves little", n, len(shortPlan))
	}
}

// runCase runs a case, and earlier ones of its kind while the fault does not come.
func runCase(t *testing.T, sweep *chaos.Sweep, log *chaos.Log, c chaos.Case) *chaos.Outcome {
	t.Helper()
	outcome, known := log.Outcome(c.String())
	if !known {
		var err error
		if outcome, err = sweep.Run(t.Context(), c); err != nil {
			t.Fatalf("%s: %v", replay(c), err)
		}
		if err := log.Append(outcome); err != nil {
			t.Fatal(err)
		}
	}
	if !outcome.Good() {
		t.Errorf("%s\n%+v\n%+v", replay(c), outcome.Problems, outcome.Findings)
	}
	if earlier, possible := c.Earlier(); outcome.End == chaos.EndMissed && possible {
		return runCase(t, sweep, log, earlier)
	}
	t.Logf("%s: %s, %s%s; %d sealed", c, outcome.End, outcome.Call, outcome.Message, outcome.Sealed)
	return outcome
}

// replay is the command that repeats a case.
func replay(c chaos.Case) string {
	return envCase + `="` + c.String() + `" go test ./bench/chaos -run 'TestSweep$' -count 1 -v`
}

func sweepPlan(t *testing.T) []chaos.Case {
	t.Helper()
	if text := os.Getenv(envCase); text != "" {
		return []chaos.Case{parseCase(t, text)}
	}
	if long() {
		return chaos.Plan(seed(t), longPoints)
	}
	var plan []chaos.Case
	for _, text := range shortPlan {
		plan = append(plan, parseCase(t, "1000 "+text))
	}
	if testing.Short() {
		plan = plan[:3]
	}
	return plan
}

func parseCase(t *testing.T, text string) chaos.Case {
	t.Helper()
	c, err := chaos.ParseCase(text)
	if err != nil || c.String() != text {
		t.Fatalf("case %q: %v %v", text, c, err)
	}
	return c
}

func TestParseCaseRefuses(t *testing.T) {
	for _, text := range []string{"", "1", "x used kill write 1", "1 other kill write 1", "1 used smash write 1", "1 used kill read 1", "1 used kill write 0", "1 used kill write", "1 fresh kill build 1", "1 used eio build 1"} {
		if c, err := chaos.ParseCase(text); err == nil {
			t.Errorf("%q is taken for %v", text, c)
		}
	}
}

// TestPlan: a plan depends on its seed alone and reaches every call.
func TestPlan(t *testing.T) {
	plan := chaos.Plan(1, longPoints)
	if !slices.Equal(plan, chaos.Plan(1, longPoints)) || slices.Equal(plan, chaos.Plan(2, longPoints)) {
		t.Error("the plan does not follow from the seed")
	}
	count := map[chaos.Action]int{}
	seen, named := map[string]bool{}, map[string]bool{}
	for _, c := range plan {
		count[c.Fault.Action]++
		seen[string(c.Fault.Action)+c.Fault.Call+c.Base] = true
		if back, err := chaos.ParseCase(c.String()); err != nil || back != c || named[c.String()] {
			t.Errorf("%s comes twice or cannot be repeated: %v", c, err)
		}
		named[c.String()] = true
	}
	for action, n := range longPoints {
		if count[action] != n {
			t.Errorf("%d points of %s, want %d", count[action], action, n)
		}
	}
	if !seen["kill"+chaos.Build+chaos.Used] || !seen["eiowrite"+chaos.Used] {
		t.Error("no kill at a build, or no error of write")
	}
	for _, call := range chaos.Syscalls {
		if !seen["kill"+call+chaos.Fresh] || !seen["kill"+call+chaos.Used] {
			t.Errorf("no kill at %s", call)
		}
	}
}
