package chaos

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
)

// Log is a file of outcomes, a line of JSON each, so that a long run can be followed and
// taken up again. Outcomes of another program than the one it is opened for are passed over.
// Its methods may be called at the same time.
type Log struct {
	path     string // empty: kept in memory only
	program  string
	mu       sync.Mutex
	order    []string
	outcomes map[string]*Outcome
}

type logLine struct {
	Program string   `json:"program"`
	Outcome *Outcome `json:"outcome"`
}

// OpenLog reads the outcomes of a program, by whatever names it, that are there already.
func OpenLog(path, program string) (*Log, error) {
	l := &Log{path: path, program: program, outcomes: map[string]*Outcome{}}
	if path == "" {
		return l, nil
	}
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return l, os.MkdirAll(filepath.Dir(path), 0o755)
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var line logLine
		if json.Unmarshal(lines.Bytes(), &line) != nil || line.Outcome == nil {
			continue // the line that was being written when the run was stopped
		}
		if line.Program == program {
			l.addLocked(line.Outcome)
		}
	}
	return l, lines.Err()
}

func (l *Log) addLocked(o *Outcome) {
	if _, known := l.outcomes[o.Case]; !known {
		l.order = append(l.order, o.Case)
	}
	l.outcomes[o.Case] = o
}

// Outcome returns what a case came to, if it was run.
func (l *Log) Outcome(name string) (*Outcome, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	o, known := l.outcomes[name]
	return o, known
}

// All returns every outcome in the order of the runs.
func (l *Log) All() []*Outcome {
	l.mu.Lock()
	defer l.mu.Unlock()
	all := make([]*Outcome, 0, len(l.order))
	for _, name := range l.order {
		all = append(all, l.outcomes[name])
	}
	return all
}

// Append adds an outcome, to the file too.
func (l *Log) Append(o *Outcome) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.addLocked(o)
	if l.path == "" {
		return nil
	}
	b, err := json.Marshal(logLine{l.program, o})
	if err != nil {
		return err
	}
	f, err := os.OpenFile(l.path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(f, "%s\n", b)
	return errors.Join(err, f.Close())
}
