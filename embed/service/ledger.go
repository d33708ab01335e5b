package service

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"sync"

	"github.com/lodedb/lode/embed"
	"github.com/lodedb/lode/internal/vfs"
)

// Account is what is counted under.
type Account struct {
	Provider   string `json:"provider"`
	Model      string `json:"model"`
	Collection string `json:"collection,omitempty"` // empty: texts that were embedded for none
}

// Totals is what is counted.
type Totals struct {
	Texts     int64   `json:"texts"`     // that were asked for
	Cached    int64   `json:"cached"`    // of them were in the cache
	Shared    int64   `json:"shared"`    // of them shared a request that was under way
	Requests  int64   `json:"requests"`  // sent; one for several collections is counted for each
	Failed    int64   `json:"failed"`    // of the requests
	Tokens    int64   `json:"tokens"`    // counted by the provider, or estimated
	Estimated int64   `json:"estimated"` // of the tokens
	Cost      float64 `json:"cost"`      // in the currency of the price
}

// Entry is a row of the ledger.
type Entry struct {
	Account
	Totals
}

// mostAccounts bounds the rows of a ledger; what comes later is counted without a collection.
const mostAccounts = 10_000

// Ledger counts what embedding costs. It is saved now and then: a crash loses what was
// counted since.
type Ledger struct {
	fsys vfs.FS
	path string
	mu   struct {
		sync.Mutex
		rows  map[Account]*Totals
		dirty bool // since it was saved
	}
}

// ledgerBytes bounds the file.
const ledgerBytes = 16 << 20

// openLedger reads a ledger; one that is not there is empty, and so is one that cannot be
// read as such: counting goes on.
func openLedger(fsys vfs.FS, path string) (*Ledger, error) {
	l := &Ledger{fsys: fsys, path: path}
	l.mu.rows = map[Account]*Totals{}
	b, err := vfs.ReadFile(fsys, path, ledgerBytes)
	switch {
	case os.IsNotExist(err):
		return l, nil
	case err != nil:
		return nil, fmt.Errorf("open ledger of embeddings: %w", err)
	}
	var rows []Entry
	if json.Unmarshal(b, &rows) == nil {
		for _, row := range rows {
			l.mu.rows[row.Account] = &row.Totals
		}
	}
	return l, nil
}

// add counts under an account.
func (l *Ledger) add(a Account, change func(*Totals)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	t := l.mu.rows[a]
	if t == nil && len(l.mu.rows) >= mostAccounts {
		a.Collection = ""
		t = l.mu.rows[a]
	}
	if t == nil {
		t = &Totals{}
		l.mu.rows[a] = t
	}
	change(t)
	l.mu.dirty = true
}

// part is the share of a collection in a request.
type part struct {
	collection string
	texts      int
	bytes      int64
}

// charge counts a request for the collections that it was sent for, by their bytes. Tokens
// are whole: the last part takes what rounding leaves.
func (l *Ledger) charge(a Account, parts []part, r embed.Request, price float64) {
	left, total := r.Tokens, max(r.Bytes, 1)
	for i, p := range parts {
		tokens := min(left, r.Tokens*p.bytes/total)
		if i == len(parts)-1 {
			tokens = left
		}
		left -= tokens
		a.Collection = p.collection
		l.add(a, func(t *Totals) {
			t.Requests++
			if r.Err != nil {
				t.Failed++
			}
			t.Tokens += tokens
			if r.Estimated {
				t.Estimated += tokens
			}
			t.Cost += float64(tokens) * price / 1e6
		})
	}
}

// Entries are the rows, by provider, model and collection.
func (l *Ledger) Entries() []Entry {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.entriesLocked()
}

func (l *Ledger) entriesLocked() []Entry {
	rows := make([]Entry, 0, len(l.mu.rows))
	for a, t := range l.mu.rows {
		rows = append(rows, Entry{a, *t})
	}
	slices.SortFunc(rows, func(a, b Entry) int {
		return cmp.Or(cmp.Compare(a.Provider, b.Provider), cmp.Compare(a.Model, b.Model), cmp.Compare(a.Collection, b.Collection))
	})
	return rows
}

// save writes the rows when they have changed.
func (l *Ledger) save() error {
	l.mu.Lock()
	dirty, rows := l.mu.dirty, l.entriesLocked()
	l.mu.dirty = false
	l.mu.Unlock()
	if !dirty {
		return nil
	}
	err := l.write(rows)
	if err != nil {
		l.mu.Lock()
		l.mu.dirty = true
		l.mu.Unlock()
		return fmt.Errorf("save ledger of embeddings: %w", err)
	}
	return nil
}

func (l *Ledger) write(rows []Entry) error {
	if err := l.fsys.MkdirAll(filepath.Dir(l.path), vfs.DirPerm); err != nil {
		return err
	}
	return vfs.WriteFile(l.fsys, l.path, func(w io.Writer) error { return json.NewEncoder(w).Encode(rows) })
}
