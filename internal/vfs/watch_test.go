package vfs_test

import (
	"io"
	"strings"
	"testing"
	"time"

	"github.com/lodedb/lode/internal/vfs"
)

// TestWatchSeesHang: the call that hangs is named while it hangs, and no other is.
func TestWatchSeesHang(t *testing.T) {
	late := make(chan vfs.Call, 10)
	hanging := vfs.Hang(vfs.NewMem())
	fsys := vfs.Watched(hanging, &vfs.Watch{Limit: 20 * time.Millisecond, Late: func(c vfs.Call, _ time.Duration) { late <- c }})
	if err := fsys.MkdirAll("/d", vfs.DirPerm); err != nil {
		t.Fatal(err)
	}
	put := func(name string) chan error {
		ended := make(chan error, 1)
		go func() {
			ended <- vfs.WriteFile(fsys, name, func(w io.Writer) error { _, err := w.Write([]byte("x")); return err })
		}()
		return ended
	}
	if err := <-put("/d/before"); err != nil {
		t.Fatal(err)
	}
	hanging.Freeze(func(op, name string) bool { return op == "sync" && strings.Contains(name, "during") })
	ended := put("/d/during")
	c := <-late
	if c.Op != "sync" || !strings.Contains(c.Path, "/d/during") || c.Bytes != 1 {
		t.Errorf("%v is late, want the sync of /d/during", c)
	}
	select {
	case err := <-ended:
		t.Fatalf("the call returned %v while frozen", err)
	default:
	}
	hanging.Thaw()
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	if len(late) > 0 {
		t.Errorf("%v is late too", <-late)
	}
}

// TestWatchLimit: much to write is no hang.
func TestWatchLimit(t *testing.T) {
	late := make(chan vfs.Call, 1)
	var done []vfs.Call
	w := &vfs.Watch{Limit: time.Millisecond,
		Late: func(c vfs.Call, _ time.Duration) { late <- c },
		Done: func(c vfs.Call, d time.Duration) { done = append(done, c) },
	}
	end := w.Begin(vfs.Call{Op: "sync", Path: "large", Bytes: 8 << 20})
	small := w.Begin(vfs.Call{Op: "sync", Path: "small"})
	if c := <-late; c.Path != "small" {
		t.Errorf("%v is late", c)
	}
	end()
	small()
	if len(done) != 2 || done[0].Path != "large" || len(late) > 0 {
		t.Errorf("done %v, late %d", done, len(late))
	}
	var none *vfs.Watch
	none.Begin(vfs.Call{})()
	if vfs.Watched(vfs.OS, nil) != vfs.OS {
		t.Error("a file system nobody watches is wrapped")
	}
	vfs.Begin(vfs.OS, vfs.Call{})()
}

// TestAfterRunning: it fires once, unless it is stopped in either half.
func TestAfterRunning(t *testing.T) {
	fired := make(chan time.Time, 3)
	f := func() { fired <- time.Now() }
	begun := time.Now()
	vfs.AfterRunning(40*time.Millisecond, f)
	if took := (<-fired).Sub(begun); took < 40*time.Millisecond {
		t.Errorf("fired after %v", took)
	}
	vfs.AfterRunning(time.Hour, f)()
	stop := vfs.AfterRunning(200*time.Millisecond, f)
	time.Sleep(120 * time.Millisecond) // its first half is over, on a machine that is not too busy
	stop()
	stop()
	time.Sleep(150 * time.Millisecond)
	if len(fired) > 0 {
		t.Error("fired although stopped")
	}
}
