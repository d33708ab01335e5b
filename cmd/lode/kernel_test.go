package main

import (
	"bytes"
	"strings"
	"testing"

	"github.com/lodedb/lode/index/distance"
)

// TestKernel: the setting decides which functions compare vectors, and one that the CPU cannot
// run is refused with those that it can.
func TestKernel(t *testing.T) {
	t.Cleanup(func() { _ = distance.Force("") })
	lode := func(want int, args ...string) string {
		t.Helper()
		var out bytes.Buffer
		if got := run(t.Context(), args, streams{in: strings.NewReader(""), out: &out, err: &out}); got != want {
			t.Errorf("lode %s: exit %d, want %d\n%s", strings.Join(args, " "), got, want, &out)
		}
		return out.String()
	}
	best := distance.Kernel()
	for _, set := range distance.Sets() {
		out := lode(exitOK, "version", "--verbose", "--kernel", set)
		if got := distance.Kernel(); !strings.HasPrefix(got, set) || !strings.Contains(out, got) {
			t.Errorf("--kernel %s: %s is in use, and the program says\n%s", set, got, out)
		}
	}
	if out := lode(exitOK, "version", "--verbose"); !strings.Contains(out, best) {
		t.Errorf("the default is not %s:\n%s", best, out)
	}
	if out := lode(exitUsage, "serve", "--kernel", "sse9", "--check-config"); !strings.Contains(out, "sse9") || !strings.Contains(out, "it can run: go") {
		t.Errorf("unknown kernels: %s", out)
	}
	if out := lode(exitOK, "serve", "--kernel", "go", "--check-config"); !strings.Contains(out, "kernel") || distance.Kernel() != "go" {
		t.Errorf("serve with kernels in Go runs %s:\n%s", distance.Kernel(), out)
	}
}
