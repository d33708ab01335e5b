package parse

import (
	"os"
	"os/signal"
	"runtime/debug"
	"strconv"

	"golang.org/x/sys/unix"
)

// dataSlack is how far the kernel's limit on writable memory lies above the watched one:
// the Go runtime maps its heap in 64 MiB arenas and keeps tables beside it.
const dataSlack = 256 << 20

// harden limits a worker process from the inside. It runs once, before the first document.
func harden() {
	debug.SetMaxStack(maxStackBytes)
	signal.Ignore(unix.SIGINT, unix.SIGTERM, unix.SIGHUP) // the parent decides; it closes our standard input
	os.Stdout = os.Stderr
	closeInherited()
	if memory, err := strconv.ParseUint(os.Getenv(memoryEnv), 10, 63); err == nil && memory > 0 && !raceDetector {
		limit := unix.Rlimit{Cur: memory + dataSlack, Max: memory + dataSlack}
		_ = unix.Setrlimit(unix.RLIMIT_DATA, &limit) // the parent watches memory too
	}
	_ = unix.Setrlimit(unix.RLIMIT_CORE, &unix.Rlimit{}) // a core file would hold document text
}

// closeInherited closes what another library or a supervisor left open across exec. Every
// file that the Go runtime opens is marked close-on-exec, so an unmarked one is not ours.
func closeInherited() {
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return
	}
	for _, entry := range entries {
		fd, err := strconv.Atoi(entry.Name())
		if err != nil || fd <= 2 {
			continue
		}
		if flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0); err == nil && flags&unix.FD_CLOEXEC == 0 {
			_ = unix.Close(fd)
		}
	}
}
