package server_test

import (
	"bufio"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/api/v1"
	"github.com/lodedb/lode/client"
	"github.com/lodedb/lode/storage"
)

// process is a node in a process of its own, so that it can be killed.
type process struct {
	cmd    *exec.Cmd
	url    string
	killed sync.Once
}

func startProcess(t *testing.T, dir string, env ...string) *process {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(append(os.Environ(), nodeEnv+"="+dir), env...)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		_ = cmd.Wait()
		t.Fatalf("the node did not start: %v", err)
	}
	p := &process{cmd: cmd, url: strings.TrimSpace(line)}
	t.Cleanup(p.kill)
	return p
}

func (p *process) kill() {
	p.killed.Do(func() {
		_ = p.cmd.Process.Signal(syscall.SIGKILL)
		_ = p.cmd.Wait()
	})
}

// ledger is what the clients of a crash run were told. A write whose answer was lost may
// have happened or not, so both contents are allowed.
type ledger struct {
	mu      sync.Mutex
	acked   map[lode.DocID]string   // "" after an acknowledged delete
	unknown map[lode.DocID][]string // contents that may have replaced the acknowledged one
}

func (l *ledger) attempt(id lode.DocID, content string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.unknown[id] = append(l.unknown[id], content)
}

func (l *ledger) acknowledge(id lode.DocID, content string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.acked[id] = content
	delete(l.unknown, id)
}

// TestKill kills a node again and again under load. Nothing acknowledged may be missing,
// doubled or back from the dead, and no file may need a hand to repair it.
func TestKill(t *testing.T) {
	rounds := 3
	if os.Getenv("LODE_LONG") != "" {
		rounds = 30
	}
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	dir := t.TempDir()
	book := &ledger{acked: map[lode.DocID]string{}, unknown: map[lode.DocID][]string{}}
	for round := range rounds {
		node := startProcess(t, dir)
		if round == 0 {
			mustCreate(t, connect(t, node.url), "docs")
		}
		settle(t, connect(t, node.url))
		book.verify(t, connect(t, node.url), round)
		ctx, stop := context.WithCancel(t.Context())
		var writers sync.WaitGroup
		for w := range 3 {
			writers.Add(1)
			go func() {
				defer writers.Done()
				book.write(ctx, node.url, w, round, rand.New(rand.NewPCG(seed, uint64(round*10+w+1))))
			}()
		}
		time.Sleep(time.Duration(50+random.IntN(700)) * time.Millisecond)
		node.kill()
		stop()
		writers.Wait()
	}
	node := startProcess(t, dir)
	settle(t, connect(t, node.url))
	book.verify(t, connect(t, node.url), rounds)
	checkWhole(t, connect(t, node.url))
	node.kill()
	if err := storage.CheckDir(t.Context(), dir, func(b storage.Breach) {
		if !b.Benign { // bytes of a killed upload wait for the sweeper
			t.Errorf("offline: %s: %s", b.Where, b.What)
		}
	}); err != nil {
		t.Error(err)
	}
	if len(book.acked) < rounds {
		t.Errorf("only %d writes were acknowledged: the run proves nothing", len(book.acked))
	}
	t.Logf("%d documents in the ledger after %d kills", len(book.acked), rounds)
}

// write creates, changes and deletes documents of its own until the node is gone.
func (l *ledger) write(ctx context.Context, url string, writer, round int, random *rand.Rand) {
	c, err := client.New(client.Options{BaseURL: url, Retries: -1})
	if err != nil {
		return
	}
	for n := 0; ctx.Err() == nil; n++ {
		id := lode.DocID(fmt.Sprintf("w%d/%d.md", writer, random.IntN(40)))
		if random.IntN(5) == 0 {
			l.attempt(id, "")
			err := c.DeleteDocument(ctx, "docs", id)
			if err == nil || lode.IsCode(err, lode.CodeNotFound) {
				l.acknowledge(id, "")
				continue
			}
			return
		}
		content := fmt.Sprintf("# Note %s\n\nRound %d, writer %d, word%d.\n\n%s", id, round, writer, n, strings.Repeat("Tides turn twice a day. ", random.IntN(400)))
		l.attempt(id, content)
		results, err := c.UploadDocuments(ctx, "docs", []client.File{client.FileBytes(id, []byte(content))}, client.UploadOptions{})
		if err != nil {
			return
		}
		if item := results.Items[0]; item.Error == nil && item.State == lode.StateReady {
			l.acknowledge(id, content)
		}
	}
}

// settle waits until no document is pending.
func settle(t *testing.T, c *client.Client) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		got, err := c.GetCollection(t.Context(), "docs")
		if err != nil {
			t.Fatal(err)
		}
		if got.Stats.Pending == 0 {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("still pending: %+v", got.Stats)
		}
	}
}

// verify compares everything the node holds with what the clients were told.
func (l *ledger) verify(t *testing.T, c *client.Client, round int) {
	t.Helper()
	held := map[lode.DocID]v1.Document{}
	for doc, err := range c.Documents(t.Context(), "docs", client.DocumentPage{}) {
		if err != nil {
			t.Fatal(err)
		}
		if _, doubled := held[doc.ID]; doubled {
			t.Errorf("round %d: %s is there twice", round, doc.ID)
		}
		held[doc.ID] = doc
	}
	for id, content := range l.acked {
		l.verifyOne(t, c, round, id, held, append([]string{content}, l.unknown[id]...))
	}
	for id, doc := range held {
		allowed := append([]string{l.acked[id]}, l.unknown[id]...)
		l.verifyOne(t, c, round, id, map[lode.DocID]v1.Document{id: doc}, allowed)
	}
}

func (l *ledger) verifyOne(t *testing.T, c *client.Client, round int, id lode.DocID, held map[lode.DocID]v1.Document, allowed []string) {
	t.Helper()
	doc, present := held[id]
	for _, content := range allowed {
		switch {
		case content == "" && !present:
			return
		case content != "" && present && doc.Bronze != nil && *doc.Bronze == lode.HashOf([]byte(content)):
			if doc.State != lode.StateReady || doc.CurrentVersion != doc.Version {
				t.Errorf("round %d: %s is %s at version %d of %d", round, id, doc.State, doc.CurrentVersion, doc.Version)
			}
			l.settleOn(id, content)
			return
		}
	}
	t.Errorf("round %d: %s: present %v, and none of %d allowed contents", round, id, present, len(allowed))
}

// settleOn remembers which of the allowed contents the node turned out to hold.
func (l *ledger) settleOn(id lode.DocID, content string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.acked[id] = content
	delete(l.unknown, id)
}
