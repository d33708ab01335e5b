package bench

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/lodedb/lode/client"
	"github.com/lodedb/lode/internal/report"
)

// process is a node in a process of its own, for what can only be seen from outside.
type process struct {
	cmd    *exec.Cmd
	client *client.Client
	log    *bytes.Buffer
	ready  time.Duration // from starting the process until /readyz said yes
	killed sync.Once     // Wait must not be called twice at the same time
}

// startTimeout bounds the wait for a process to become ready.
const startTimeout = 30 * time.Second

// spawn starts the program on a data folder and returns what it prints.
func spawn(ctx context.Context, binary, dir, listen string, flags ...string) (*process, io.Reader, error) {
	cmd := exec.CommandContext(ctx, binary, append([]string{"serve", "--data", dir, "--listen", listen, "--log-level", "warn"}, flags...)...)
	log := new(bytes.Buffer)
	cmd.Stderr = log
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, nil, err
	}
	return &process{cmd: cmd, log: log}, out, cmd.Start()
}

// start runs the program on a data folder and waits until it is ready.
func start(ctx context.Context, binary, dir string, flags ...string) (*process, error) {
	begun := time.Now()
	p, out, err := spawn(ctx, binary, dir, "127.0.0.1:0", flags...)
	if err != nil {
		return nil, err
	}
	log := p.log
	line, err := bufio.NewReader(out).ReadString('\n')
	url, found := strings.CutPrefix(strings.TrimSpace(line), "listening on ")
	if err != nil || !found {
		p.kill()
		return nil, fmt.Errorf("%s did not start: %s", filepath.Base(binary), log)
	}
	if p.client, err = client.New(client.Options{BaseURL: url}); err != nil {
		p.kill()
		return nil, err
	}
	for deadline := begun.Add(startTimeout); ; time.Sleep(time.Millisecond) {
		ready, err := p.client.Ready(ctx)
		if err == nil && ready.Ready {
			p.ready = time.Since(begun)
			return p, nil
		}
		if time.Now().After(deadline) {
			p.kill()
			return nil, fmt.Errorf("not ready after %s: %s", startTimeout, log)
		}
	}
}

// kill ends the process at once, as a crash does.
func (p *process) kill() {
	p.killed.Do(func() {
		_ = p.cmd.Process.Signal(syscall.SIGKILL) // it may have ended by itself
		_ = p.cmd.Wait()                          // always an error after a kill
	})
}

// residentMB returns the memory that the process holds.
func (p *process) residentMB() (float64, error) {
	var kilobytes float64
	status := fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid)
	if _, err := fmt.Sscanf(report.ProcField(status, "VmRSS"), "%f kB", &kilobytes); err != nil {
		return 0, fmt.Errorf("%s: %w", status, err)
	}
	return kilobytes * 1024 / 1e6, nil
}

func temporary(f func(dir string) error) error {
	dir, err := os.MkdirTemp("", "lode-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	return f(filepath.Join(dir, "data"))
}
