package backup_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/storage"
	"github.com/lodedb/lode/storage/backup"
)

// Environment of a child process that is killed: what it does, with what.
const (
	childDoes       = "LODE_TEST_BACKUP"
	childData       = "LODE_TEST_DATA"
	childRepository = "LODE_TEST_REPOSITORY"
)

// child runs one operation in a process of its own.
func child() error {
	r, err := backup.New(backup.NewFolder(os.Getenv(childRepository), nil), backup.Options{ChunkBytes: 16 << 10})
	if err != nil {
		return err
	}
	if os.Getenv(childDoes) == "restore" {
		_, err = r.Restore(context.Background(), "", os.Getenv(childData), backup.RestoreOptions{})
		return err
	}
	s, err := storage.Open(os.Getenv(childData), storage.Options{})
	if err != nil {
		return err
	}
	_, err = r.Create(context.Background(), s, backup.CreateOptions{Keep: 2})
	return errors.Join(err, s.Close())
}

// killChild starts an operation, kills it after a while, and reports whether it was done.
func killChild(t *testing.T, does, data, repository string, after time.Duration) (done bool) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childDoes+"="+does, childData+"="+data, childRepository+"="+repository)
	var output bytes.Buffer
	cmd.Stderr = &output
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	timer := time.AfterFunc(after, func() { _ = cmd.Process.Signal(syscall.SIGKILL) })
	defer timer.Stop()
	err := cmd.Wait()
	var exit *exec.ExitError
	if errors.As(err, &exit) && exit.Exited() {
		t.Fatalf("%s failed by itself: %v: %s", does, err, &output)
	}
	return err == nil
}

// TestKilled kills backups and restores at any moment. The repository always holds whole
// backups only, the restored folder is there whole or not at all, and the next try succeeds.
func TestKilled(t *testing.T) {
	t.Parallel()
	rounds := 4
	if os.Getenv("LODE_LONG") != "" {
		rounds = 60
	}
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 2))
	repositoryDir, data := t.TempDir(), t.TempDir()
	r := repository(t, backup.NewFolder(repositoryDir, nil), backup.Options{})
	killed := 0
	for round := range rounds {
		s, err := storage.Open(data, storage.Options{})
		if err != nil {
			t.Fatal(err)
		}
		n := &node{TB: t, Store: s, dir: data}
		if round == 0 {
			n.begin("c1")
		}
		for i := range 10 {
			n.show(fmt.Sprintf("doc-%d-%d", round, i), words(uint64(round*10+i), 3000))
			if i == 5 {
				n.seal()
			}
		}
		want, at := n.hash(), n.Applied().Index
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		for tries := 0; !killChild(t, "create", data, repositoryDir, killTime(random, tries)); tries++ {
			killed++
			listed, err := r.List(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			for _, b := range listed {
				verify(t, r, b.ID)
			}
		}
		if b := verify(t, r, ""); b.Index != at {
			t.Errorf("round %d: the newest backup is not that of the state", round)
		}
		fresh := filepath.Join(t.TempDir(), "fresh")
		for tries := 0; !killChild(t, "restore", fresh, repositoryDir, killTime(random, tries)); tries++ {
			killed++
			if _, err := os.Stat(fresh); err == nil {
				mustBe(t, fresh, want) // it died after the rename
				break
			}
		}
		mustBe(t, fresh, want)
	}
	if killed == 0 {
		t.Error("nothing was killed: the run proves nothing")
	}
	t.Logf("%d kills", killed)
}

// mustBe demands a whole data folder with a state.
func mustBe(t *testing.T, dir string, want lode.Hash) {
	t.Helper()
	err := storage.CheckDir(t.Context(), dir, func(b storage.Breach) { t.Error(b) })
	if err != nil {
		t.Fatal(err)
	}
	s, err := storage.Open(dir, storage.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if h, err := s.StateHash(); err != nil || h != want {
		t.Errorf("%s has state %s, not %s, %v", dir, h, want, err)
	}
	if logs := files(t, filepath.Join(dir, "raft", "snapshots")); len(logs) != 2 {
		t.Errorf("the log begins with %v", logs)
	}
}

// killTime gets later with each try, so that one succeeds at last.
func killTime(random *rand.Rand, tries int) time.Duration {
	return time.Duration(2+80*tries+random.IntN(80)) * time.Millisecond
}
