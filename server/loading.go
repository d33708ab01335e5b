package server

import (
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/lodedb/lode/internal/vfs"
)

// loadingName is a file that is there while a node loads its data, and says how many starts
// in a row have tried. A node that is killed meanwhile, most often by a kernel that is out of
// memory, leaves it for the next start to see: without it the supervisor would start the node
// again and again, and each would end without a word.
const loadingName = "LOADING"

// diedLoading is how many starts in a row may die while they load before it is said aloud.
const diedLoading = 2

// loading notes that the data is being loaded, until done is called, and speaks up when
// earlier starts died of it.
func (s *Server) loading() (done func()) {
	name := filepath.Join(s.cfg.DataDir, loadingName)
	died := 0
	if b, err := vfs.ReadFile(s.cfg.fsys, name, 64); err == nil {
		if _, err := fmt.Sscanf(string(b), "attempts %d\n", &died); err != nil {
			died = 1 // it died before the number was written
		}
	}
	if died >= diedLoading {
		size, _ := s.store.CatalogueBytes()
		s.cfg.Logger.Error("the last starts ended while they loaded the data, most likely for want of memory",
			"starts", died, "catalogue_bytes", size, "memory_limit", s.cfg.MemoryLimit(),
			"do", "look for an out-of-memory kill in the kernel's log; give the container or machine more memory, or move the data folder to a larger one")
	}
	err := vfs.WriteFile(s.disk.fsys, name, func(w io.Writer) error {
		_, err := fmt.Fprintf(w, "attempts %d\n", died+1)
		return err
	})
	if err != nil {
		s.cfg.Logger.Debug("loading is not noted", "error", err) // as on a full disk
	}
	return func() {
		if err := s.disk.fsys.Remove(name); err != nil && !os.IsNotExist(err) {
			s.cfg.Logger.Debug("the note of loading stays", "error", err)
		}
	}
}
