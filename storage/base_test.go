package storage

import (
	"bytes"
	"fmt"
	"maps"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"testing"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/internal/vfs"
)

// bases are the kinds of base; both must do the same.
var bases = map[string]func(*testing.T) baseFiles{
	"bbolt": func(t *testing.T) baseFiles {
		dir := t.TempDir()
		return &boltFiles{fsys: vfs.OS, catalog: filepath.Join(dir, catalogName), segments: dir}
	},
	"memory": func(*testing.T) baseFiles { return NewMemory() },
}

// baseModel is a catalogue beside a plain map, with layers over both as in a transaction.
type baseModel struct {
	t      *testing.T
	rnd    *rand.Rand
	base   base
	at     uint64
	want   map[space]map[string]string
	layers []*layer // newest first
}

// TestBases does random writes, deletions, drops of collections and flushes on each kind of
// base and on maps, and compares reads, walks and last keys through the merge.
func TestBases(t *testing.T) {
	for name, make := range bases {
		t.Run(name, func(t *testing.T) {
			seed := rand.Uint64()
			t.Cleanup(func() {
				if t.Failed() {
					t.Logf("random seed %d", seed)
				}
			})
			files := make(t)
			if has, err := files.hasCatalog(); has || err != nil {
				t.Fatalf("a catalogue before it was made: %v, %v", has, err)
			}
			if err := files.createCatalog(); err != nil {
				t.Fatal(err)
			}
			m := &baseModel{t: t, rnd: rand.New(rand.NewPCG(seed, 0)), want: map[space]map[string]string{}, layers: []*layer{newLayer(), newLayer()}}
			m.open(files)
			for step := range 3000 {
				m.step(files)
				if step%50 == 0 {
					m.compare()
				}
			}
			if err := m.base.close(); err != nil {
				t.Error(err)
			}
		})
	}
}

func (m *baseModel) open(files baseFiles) {
	base, err := files.openCatalog()
	if err != nil {
		m.t.Fatal(err)
	}
	m.base = base
}

func (m *baseModel) space() space {
	all := []space{
		{bucket: jobsBucket}, {bucket: orderBucket},
		{documentsBucket, segmentKey{collection: 1}}, {documentsBucket, segmentKey{collection: 2}}, {membersBucket, segmentKey{collection: 2}},
	}
	return all[m.rnd.IntN(len(all))]
}

func (m *baseModel) step(files baseFiles) {
	switch s, key := m.space(), fmt.Sprintf("%03d", m.rnd.IntN(60)); m.rnd.IntN(40) {
	case 0:
		c := lode.CollectionID(1 + m.rnd.IntN(2))
		m.layers[0].drop(c)
		maps.DeleteFunc(m.want, func(s space, _ map[string]string) bool { return s.collection == c })
		m.layers = []*layer{newLayer(), m.layers[0], m.layers[1]}
		m.compare()
		m.flush() // a number does not come back in the same layer
	case 1, 2:
		m.flush()
	case 3:
		m.flush()
		if err := m.base.close(); err != nil {
			m.t.Fatal(err)
		}
		m.open(files)
	case 4, 5, 6, 7, 8, 9, 10:
		m.layers[0].set(string(s.appendKey(nil, []byte(key))), nil)
		delete(m.want[s], key)
	default:
		value := fmt.Sprint(m.rnd.Uint64())
		m.layers[0].set(string(s.appendKey(nil, []byte(key))), []byte(value))
		if m.want[s] == nil {
			m.want[s] = map[string]string{}
		}
		m.want[s][key] = value
	}
}

// flush writes every layer, oldest first, as the flusher does.
func (m *baseModel) flush() {
	m.at++
	at := Applied{Index: m.at, Term: 1}
	err := m.base.write(at, func(w baseWriter) error {
		for _, l := range slices.Backward(m.layers) {
			if err := l.writeCatalog(w); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		m.t.Fatal(err)
	}
	m.layers = []*layer{newLayer(), newLayer()}
}

func (m *baseModel) compare() {
	m.t.Helper()
	tx, err := m.base.begin()
	if err != nil {
		m.t.Fatal(err)
	}
	t := &Tx{catalog: tx, layers: m.layers}
	defer t.end()
	if at, err := tx.applied(); err != nil || at.Index != m.at {
		m.t.Errorf("applied %+v, want %d: %v", at, m.at, err)
	}
	for _, s := range []space{{bucket: jobsBucket}, {bucket: orderBucket}, {documentsBucket, segmentKey{collection: 1}}, {documentsBucket, segmentKey{collection: 2}}, {membersBucket, segmentKey{collection: 2}}} {
		m.compareSpace(bucket{t, s})
	}
}

func (m *baseModel) compareSpace(b bucket) {
	m.t.Helper()
	want := m.want[b.s]
	var keys []string
	start := fmt.Sprintf("%03d", m.rnd.IntN(60))
	for _, from := range []string{"", start} {
		keys = nil
		err := b.scan(nil, []byte(from), func(k, v []byte) (bool, error) {
			keys = append(keys, string(k))
			if want[string(k)] != string(v) {
				m.t.Errorf("%v %q is %q, want %q", b.s, k, v, want[string(k)])
			}
			return true, nil
		})
		sorted := slices.DeleteFunc(slices.Sorted(maps.Keys(want)), func(k string) bool { return k < from })
		if err != nil || !slices.Equal(keys, sorted) {
			m.t.Errorf("%v from %q: %v, want %v: %v", b.s, from, keys, sorted, err)
		}
	}
	for i := range 60 {
		key := fmt.Sprintf("%03d", i)
		v, has := want[key]
		if got := b.get([]byte(key)); has != (got != nil) || string(got) != v {
			m.t.Errorf("%v %q is %q, want %q", b.s, key, got, v)
		}
	}
	last := []byte(nil)
	for k := range want {
		if k[0] == '0' && bytes.Compare([]byte(k), last) > 0 {
			last = []byte(k)
		}
	}
	if got := b.last([]byte("0")); !bytes.Equal(got, last) {
		m.t.Errorf("%v: last is %q, want %q", b.s, got, last)
	}
}
