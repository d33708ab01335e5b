package raft_test

import (
	"bufio"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/lodedb/lode/raft"
)

// childDir names the folder of a child that writes until it is killed.
const childDir = "LODE_RAFT_TEST_CHILD"

func crashOptions(dir string, l *ledger) raft.Options {
	o := raft.Options{Dir: filepath.Join(dir, "raft"), NodeID: "a", Machine: l, SnapshotBytes: 512 << 10, TrailingBytes: 64 << 10}
	o.UseSegments(32 << 10) // many rotations to be killed in
	return o
}

// writeUntilKilled is the child: four writers that print each command once it is acknowledged.
func writeUntilKilled(dir string) {
	l, err := loadLedger(filepath.Join(dir, "machine"))
	if err != nil {
		panic(err)
	}
	l.saveEvery = 5 // the machine is usually older than the log
	n, err := raft.Open(context.Background(), crashOptions(dir, l))
	if err == nil {
		err = n.WaitLeader(context.Background())
	}
	if err != nil {
		fmt.Println("error", err)
		os.Exit(1)
	}
	for w := range 4 {
		go func() {
			for i := 0; ; i++ {
				c := fmt.Sprintf("%d/%d/%d %s", os.Getpid(), w, i, strings.Repeat("x", rand.IntN(3000)))
				if _, err := n.Propose(context.Background(), []byte(c)); err != nil {
					fmt.Println("error", err)
					return
				}
				fmt.Println("acked", c[:strings.Index(c, " ")])
			}
		}()
	}
	select {}
}

// TestKilled kills a writing process ten times, at random moments, and looks for every
// command that was acknowledged.
func TestKilled(t *testing.T) {
	dir := t.TempDir()
	var acked []string
	for round := range 10 {
		acked = append(acked, runAndKill(t, dir, round)...)
	}
	l, err := loadLedger(filepath.Join(dir, "machine"))
	if err != nil {
		t.Fatal(err)
	}
	short := map[string]int{}
	open(t, crashOptions(dir, l))
	for c, n := range l.now().Counts {
		name, _, _ := strings.Cut(c, " ")
		short[name] += n
	}
	for _, c := range acked {
		if short[c] != 1 {
			t.Errorf("acknowledged command %s was applied %d times", c, short[c])
		}
	}
	t.Logf("%d commands acknowledged, %d applied", len(acked), len(short))
	if len(acked) < 100 {
		t.Errorf("only %d commands were acknowledged", len(acked))
	}
}

func runAndKill(t *testing.T, dir string, round int) (acked []string) {
	t.Helper()
	child := exec.Command(os.Args[0], "-test.run=^$")
	child.Env = append(os.Environ(), childDir+"="+dir)
	child.Stderr = os.Stderr
	out, err := child.StdoutPipe()
	if err == nil {
		err = child.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	killer := time.AfterFunc(10*time.Second, func() { _ = child.Process.Kill() })
	defer killer.Stop()
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		what, c, _ := strings.Cut(lines.Text(), " ")
		if what != "acked" {
			t.Fatalf("round %d: child says %q", round, lines.Text())
		}
		if acked = append(acked, c); len(acked) == 1 {
			killer.Reset(time.Duration(10+rand.IntN(150)) * time.Millisecond)
		}
	}
	_ = child.Wait()
	if len(acked) == 0 {
		t.Fatalf("round %d: nothing was acknowledged", round)
	}
	return acked
}
