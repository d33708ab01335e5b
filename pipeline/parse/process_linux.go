package parse

import (
	"bytes"
	"os"
	"os/exec"
	"strconv"
	"syscall"
)

// selfCommand runs this very binary again, even when its file was replaced meanwhile.
func selfCommand() *exec.Cmd { return exec.Command("/proc/self/exe") }

// isolate puts the worker into its own process group, so that a Ctrl-C meant for the node
// does not reach it, and ties its life to ours.
func isolate(cmd *exec.Cmd) {
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = new(syscall.SysProcAttr)
	}
	cmd.SysProcAttr.Setpgid = true
	cmd.SysProcAttr.Pdeathsig = syscall.SIGKILL
}

// residentBytes returns the memory that a process holds; ok is false when it is gone.
func residentBytes(pid int) (int64, bool) {
	b, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/statm")
	if err != nil {
		return 0, false
	}
	fields := bytes.Fields(b)
	if len(fields) < 2 {
		return 0, false
	}
	pages, err := strconv.ParseInt(string(fields[1]), 10, 64)
	if err != nil {
		return 0, false
	}
	return pages * int64(os.Getpagesize()), true
}

// killedFromOutside reports whether somebody else sent the worker a signal that ends it.
func killedFromOutside(state *os.ProcessState) bool {
	status, ok := state.Sys().(syscall.WaitStatus)
	return ok && status.Signaled() && (status.Signal() == syscall.SIGKILL || status.Signal() == syscall.SIGTERM)
}
