package chaos

import (
	"cmp"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/lodedb/lode"
)

// Action is what happens at a system call.
type Action string

// Actions of a [Fault].
const (
	Kill Action = "kill" // SIGKILL to the process, before the call is done
	EIO  Action = "eio"  // the call fails once
	Full Action = "full" // the call fails with ENOSPC, and all later ones
	Slow Action = "slow" // this and all later calls take 0.2 s longer
	Hang Action = "hang" // the call takes a minute; in no plan, as strace holds back the end of such a process
	Lie  Action = "lie"  // all calls answer success and do nothing
)

// Syscalls are the calls that change what is on the disk, in the words of [Fault].
var Syscalls = []string{"write", "pwrite64", "fdatasync", "fsync", "rename", "unlink", "ftruncate"}

// Build is the word for all that happens while a sealed segment is built and named: its file
// appears, grows, is closed and renamed. A kill counts these events of the whole process, by
// inotify and without a tracer.
const Build = "build"

// traced are the system calls behind a word.
func traced(call string) string {
	switch call {
	case "rename":
		return "rename,renameat,renameat2"
	case "unlink":
		return "unlink,unlinkat"
	case "sync":
		return "fsync,fdatasync,sync_file_range,msync,sync,syncfs"
	}
	return call
}

// Fault is a system call that goes wrong.
type Fault struct {
	Action Action
	Call   string // one of [Syscalls], "sync" for all that make durable, or [Build]
	When   int    // the n-th of a thread, from 1
}

func (f Fault) String() string { return fmt.Sprintf("%s %s %d", f.Action, f.Call, f.When) }

// ParseFault reads the text form.
func ParseFault(s string) (Fault, error) {
	var f Fault
	words := strings.Fields(s)
	if len(words) != 3 {
		return f, lode.Invalid("fault", s, "a fault is an action, a call and a number")
	}
	when, err := strconv.Atoi(words[2])
	f = Fault{Action(words[0]), words[1], when}
	switch {
	case err != nil || when < 1:
		return f, lode.Invalid("fault", s, "the number must be at least 1")
	case !slices.Contains([]Action{Kill, EIO, Full, Slow, Hang, Lie}, f.Action):
		return f, lode.Invalid("fault", s, "the action is not known")
	case f.Call == Build && f.Action != Kill:
		return f, lode.Invalid("fault", s, "builds can be killed only")
	case f.Call != "sync" && f.Call != Build && !slices.Contains(Syscalls, f.Call):
		return f, lode.Invalid("fault", s, "the call is not known")
	}
	return f, nil
}

// strace returns the command line that injects the fault into what follows.
func (f *Fault) strace(trace string) []string {
	args := []string{"strace", "-f", "-y", "-qq", "-s", "0", "-o", trace, "-e", "trace=" + traced(f.Call), "-e", "signal=none"}
	if f.Action != Kill {
		args = append(args, "--seccomp-bpf") // much faster, but strace does not send signals with it
	}
	how := map[Action]string{
		Kill: "signal=KILL:when=%d",
		EIO:  "error=EIO:when=%d",
		Full: "error=ENOSPC:when=%d+",
		Slow: "delay_enter=200000:when=%d+",
		Hang: "delay_enter=60000000:when=%d",
		Lie:  "retval=0:when=%d+",
	}[f.Action]
	return append(args, "-e", "inject="+traced(f.Call)+":"+fmt.Sprintf(how, f.When))
}

// injected returns the calls that the fault changed, as the tracer wrote them. The call that
// a SIGKILL ends is the last of its thread and may have no line.
func injected(trace string) (calls []string, err error) {
	err = eachCall(trace, func(call, result string) {
		if strings.Contains(result, "(INJECTED)") || strings.Contains(result, "(DELAYED)") {
			calls = append(calls, call)
		}
	})
	return calls, err
}

// killedAt returns the call that the end of the process cut short, else the last that was
// begun and has no result.
func killedAt(trace string) (string, error) {
	cut, open := "", ""
	err := eachCall(trace, func(call, result string) {
		switch {
		case result == "":
			open = call
		case strings.HasPrefix(result, "?") && cut == "":
			cut = call
		}
	})
	return cmp.Or(cut, open), err
}

// eachCall reads a trace. A call that others overtake has two lines: its begin, without a
// result, and its end, which is reported with what the begin said.
func eachCall(trace string, fn func(call, result string)) error {
	b, err := os.ReadFile(trace)
	if err != nil {
		return err
	}
	begun := map[string]string{} // by thread
	for line := range strings.Lines(string(b)) {
		thread, call, _ := strings.Cut(strings.TrimSpace(line), " ")
		call = strings.TrimSpace(call)
		i := strings.LastIndex(call, " = ")
		result := ""
		if i >= 0 {
			call, result = strings.TrimSpace(call[:i]), call[i+len(" = "):]
		}
		if begin, is := strings.CutSuffix(call, "<unfinished ...>"); is {
			begun[thread] = begin
		} else if strings.HasPrefix(call, "<... ") && begun[thread] != "" {
			call = begun[thread]
		}
		if strings.Contains(call, "(") {
			fn(call, result)
		}
	}
	return nil
}
