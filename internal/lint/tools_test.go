package lint

import (
	"os/exec"
	"strings"
	"testing"
)

// TestTools runs the linters over the whole module; each must have nothing to say.
func TestTools(t *testing.T) {
	if testing.Short() {
		t.Skip("SKIPPED: linters, under -short")
	}
	for _, tool := range [][]string{
		{"gofmt", "-l", "."},
		{"go", "vet", "./..."},
		{"go", "tool", "staticcheck", "./..."},
		{"go", "mod", "verify"},
		{"go", "mod", "tidy", "-diff"},
	} {
		t.Run(strings.Join(tool, " "), func(t *testing.T) {
			t.Parallel()
			cmd := exec.Command(tool[0], tool[1:]...)
			cmd.Dir = moduleRoot(t)
			out, err := cmd.CombinedOutput()
			if err != nil || tool[0] == "gofmt" && len(out) > 0 {
				t.Errorf("%v\n%s", err, out)
			}
		})
	}
}
