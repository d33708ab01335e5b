package chaos

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
)

// buildWatch sees the builds of sealed segments in a data folder and acts at the n-th event.
type buildWatch struct {
	events *os.File
	fired  atomic.Pointer[string] // what the n-th event was
	done   chan struct{}
}

// watchBuilds begins to watch; close ends it.
func watchBuilds(dir string, n int, act func()) (*buildWatch, error) {
	fd, err := syscall.InotifyInit1(syscall.IN_NONBLOCK | syscall.IN_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("inotify: %w", err)
	}
	w := &buildWatch{events: os.NewFile(uintptr(fd), "inotify"), done: make(chan struct{})}
	segments := filepath.Join(dir, segmentsDir)
	mask := uint32(syscall.IN_CREATE | syscall.IN_MODIFY | syscall.IN_CLOSE_WRITE | syscall.IN_MOVED_TO | syscall.IN_DELETE)
	if _, err := syscall.InotifyAddWatch(fd, segments, mask); err != nil {
		_ = w.events.Close()
		return nil, fmt.Errorf("watch %s: %w", segments, err)
	}
	go w.run(n, act)
	return w, nil
}

func (w *buildWatch) run(n int, act func()) {
	defer close(w.done)
	buffer := make([]byte, 64<<10)
	for {
		size, err := w.events.Read(buffer)
		if err != nil {
			return // closed
		}
		for _, what := range buildEvents(buffer[:size]) {
			if n--; n == 0 {
				w.fired.Store(&what)
				act()
			}
		}
	}
}

// buildEvents reads what the kernel wrote and keeps what belongs to sealed segments.
func buildEvents(b []byte) (events []string) {
	for len(b) >= syscall.SizeofInotifyEvent {
		mask, size := binary.NativeEndian.Uint32(b[4:]), int(binary.NativeEndian.Uint32(b[12:]))
		name := string(bytes.TrimRight(b[syscall.SizeofInotifyEvent:syscall.SizeofInotifyEvent+size], "\x00"))
		b = b[syscall.SizeofInotifyEvent+size:]
		if !strings.Contains(name, sealedSuffix) {
			continue
		}
		for bit, verb := range map[uint32]string{
			syscall.IN_CREATE: "create", syscall.IN_MODIFY: "write", syscall.IN_CLOSE_WRITE: "close",
			syscall.IN_MOVED_TO: "rename", syscall.IN_DELETE: "unlink",
		} {
			if mask&bit != 0 {
				events = append(events, verb+" "+segmentsDir+"/"+name)
			}
		}
	}
	return events
}

// call is what the n-th event was, empty before it came.
func (w *buildWatch) call() string {
	if what := w.fired.Load(); what != nil {
		return *what
	}
	return ""
}

func (w *buildWatch) close() {
	_ = w.events.Close()
	<-w.done
}
