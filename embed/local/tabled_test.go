package local_test

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/embed"
	"github.com/lodedb/lode/embed/embedtest"
	"github.com/lodedb/lode/embed/local"
	"github.com/lodedb/lode/embed/table"
)

// tableModel writes a model of two words and two buckets.
func tableModel(tb testing.TB) (dir string, bytes []byte) {
	tb.Helper()
	c := table.Contents{Dim: 8, Buckets: 16, Words: []string{"ore", "coal"}, Rows: make([]float32, 18*8)}
	for i := range c.Rows {
		c.Rows[i] = float32(i%7-3) + float32(i%11)/4
	}
	b, err := table.Build(c)
	if err != nil {
		tb.Fatal(err)
	}
	dir = tb.TempDir()
	if err := os.WriteFile(filepath.Join(dir, local.TableFile), b, 0o600); err != nil {
		tb.Fatal(err)
	}
	return dir, b
}

func TestTableConformance(t *testing.T) {
	dir, _ := tableModel(t)
	embedtest.Run(t, func(tb testing.TB) embed.Embedder { return load(tb, dir) })
}

// A table in a file embeds as the table does, and is kept, listed and verified as other models.
func TestTable(t *testing.T) {
	dir, b := tableModel(t)
	store := local.Store{Dir: t.TempDir()}
	info, err := store.Add(t.Context(), dir, local.Info{Name: "mine", Made: []byte(`{"seed":1}`)})
	if err != nil || info.Dim != 8 || info.Rows != 18 || info.Kind != "Words" || len(info.Files) != 1 {
		t.Fatalf("%+v, %v", info, err)
	}
	m, err := store.Open("mine")
	if err != nil {
		t.Fatal(err)
	}
	if want := "local/mine/8/" + info.Digest(); m.Fingerprint() != want || !m.Static() {
		t.Errorf("%q, want %q", m.Fingerprint(), want)
	}
	words, err := table.Open(string(b))
	if err != nil {
		t.Fatal(err)
	}
	want := make(lode.Vector, 8)
	words.NewAdder(nil).Vector("ore and coal", want)
	if got := one(t, m, "ore and coal"); !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
	if err := store.Verify("mine"); err != nil {
		t.Error(err)
	}
	if again, err := store.Get("mine"); err != nil || string(again.Made) == "" {
		t.Errorf("%+v, %v", again, err)
	}
}

// Wherever a table is damaged or cut it is refused.
func TestTableDamaged(t *testing.T) {
	dir, b := tableModel(t)
	path := filepath.Join(dir, local.TableFile)
	refused := func(what string, at int, bad []byte) {
		if err := os.WriteFile(path, bad, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := local.Load(dir, "m", "0"); !lode.IsCode(err, lode.CodeCorrupt) {
			t.Errorf("%s %d: %v", what, at, err)
		}
		if _, err := (local.Store{Dir: t.TempDir()}).Add(t.Context(), dir, local.Info{Name: "m"}); !lode.IsCode(err, lode.CodeCorrupt) {
			t.Errorf("%s %d is added: %v", what, at, err)
		}
	}
	for at := 0; at < len(b); at += 5 {
		bad := slices.Clone(b)
		bad[at] ^= 4
		refused("a bit of byte", at, bad)
	}
	for _, n := range []int{0, 7, 64, len(b) - 1} {
		refused("the first bytes:", n, b[:n])
	}
}
