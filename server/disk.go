package server

import (
	"path/filepath"
	"time"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/internal/vfs"
)

// disk is the node's file system with a watch on it: a disk that does not answer ends the
// node. Waiting for it would be worse. Requests and the log would hang with it, other nodes
// would go on believing in this one, and nobody would be told why.
//
// Calls through fsys are watched one by one. What goes past it (pages of memory that is mapped
// to a file, files that a library opens) is watched by asking the disk now and then whether it
// still answers, while work that depends on it takes long.
type disk struct {
	watch *vfs.Watch
	fsys  vfs.FS
	under vfs.FS // the same without the watch
	dir   string // the data folder
}

// newDisk watches under; hung is told which call hangs.
func newDisk(under vfs.FS, dir string, limit time.Duration, hung func(error), done func(vfs.Call, time.Duration)) *disk {
	watch := &vfs.Watch{Limit: limit, Done: done, Late: func(c vfs.Call, waited time.Duration) {
		hung(lode.Errorf(lode.CodeUnavailable, "the disk does not answer: %s has not returned for %s", c, waited).
			WithHint("look at the disk and the kernel's log; the node can be started again once the disk answers"))
	}}
	return &disk{watch: watch, fsys: vfs.Watched(under, watch), under: under, dir: dir}
}

// during watches over work that depends on the disk and may rightly take long, until end is
// called. The name of the work completes "while …".
func (d *disk) during(work string) (end func()) {
	stop := make(chan struct{})
	timer := time.AfterFunc(d.watch.Limit, func() {
		for {
			d.probe(work)
			select {
			case <-stop:
				return
			case <-time.After(d.watch.Limit):
			}
		}
	})
	return func() {
		timer.Stop()
		close(stop)
	}
}

// probe writes and syncs a small file. Only whether it returns matters: a disk that is full
// or fails answers. Should a crash leave the file, the next start removes it like all that are
// unfinished.
func (d *disk) probe(work string) {
	defer d.watch.Begin(vfs.Call{Op: "probe", Path: d.dir + " (while " + work + ")"})()
	name := filepath.Join(d.dir, "probe.tmp")
	f, err := d.under.Create(name)
	if err != nil {
		return
	}
	_, err = f.Write([]byte("does the disk answer?\n"))
	if err == nil {
		_ = f.Sync()
	}
	_ = f.Close()
	_ = d.under.Remove(name)
}
