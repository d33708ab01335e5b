package server

import (
	"bufio"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// process is what the system counts for this process. What it does not tell is 0.
func process() (residentBytes int64, openFiles int, fileLimit int64) {
	if files, err := os.ReadDir("/proc/self/fd"); err == nil {
		openFiles = len(files) - 1 // one of them lists the others
	}
	var limit unix.Rlimit
	if unix.Getrlimit(unix.RLIMIT_NOFILE, &limit) == nil {
		fileLimit = int64(min(limit.Cur, 1<<62))
	}
	return residentAnonymous(), openFiles, fileLimit
}

// residentAnonymous leaves out files that are mapped: the kernel may drop those at any time.
func residentAnonymous() int64 {
	f, err := os.Open("/proc/self/status")
	if err != nil {
		return 0
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		if rest, found := strings.CutPrefix(lines.Text(), "RssAnon:"); found {
			kib, err := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(rest), " kB"), 10, 64)
			if err != nil {
				return 0
			}
			return kib << 10
		}
	}
	return 0
}
