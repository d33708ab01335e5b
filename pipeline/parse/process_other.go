//go:build !linux

package parse

import (
	"os"
	"os/exec"
)

// selfCommand runs this very binary again.
func selfCommand() *exec.Cmd {
	path, err := os.Executable()
	if err != nil {
		path = os.Args[0]
	}
	return exec.Command(path)
}

// isolate does nothing here: the worker ends when its standard input does.
func isolate(*exec.Cmd) {}

// residentBytes is not known here: the worker's own soft limit is the only one.
func residentBytes(int) (int64, bool) { return 0, false }

// killedFromOutside cannot be told from a crash here.
func killedFromOutside(*os.ProcessState) bool { return false }
