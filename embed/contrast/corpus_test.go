package contrast

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestCorpusIsStored(t *testing.T) {
	c := NewCorpus()
	c.Add(c.Source("a", .5), "ore is washed", "washing of ores")
	c.Add(c.Source("a", .5), "same", "same") // is left out
	c.Add(c.Source("a", .5), "", "text")
	c.Add(c.Source("b", 2), "x", strings.Repeat("long ", 200))
	var b bytes.Buffer
	if err := c.Write(&b); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "pairs")
	if err := os.WriteFile(path, b.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	back, err := ReadCorpus(path)
	if err != nil {
		t.Fatal(err)
	}
	first := back.Sources[0].Pairs[0]
	if len(first.Left) != 3 || back.Words[first.Right[2]] != "ore" || back.Pairs() != 2 || back.Sources[1].Weight != 2 || len(back.Sources[1].Pairs[0].Right) != maxRight {
		t.Errorf("%+v", back.Sources[0])
	}
	for n := range b.Len() {
		if err := os.WriteFile(path, b.Bytes()[:n], 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := ReadCorpus(path); err == nil {
			t.Fatalf("%d of %d bytes are read as a corpus", n, b.Len())
		}
	}
}

func TestSpellings(t *testing.T) {
	c := NewCorpus()
	c.Add(c.Source("a", 1), "ore ore ore", "mine москва")
	s := newSpellings(c, []string{"the", "ore", "mine"}, 4)
	if got := s.append(nil, 0, false); len(got) != 1 || got[0] != (feature{row: 1, count: 1}) {
		t.Errorf("ore is %v", got)
	}
	if got := s.append(nil, 0, true); len(got) < 3 || got[0].row < 3 {
		t.Errorf("ore is spelled %v", got)
	}
	if got := s.append(nil, 2, false); len(got) < 3 || got[0].row < 3 {
		t.Errorf("москва is %v", got)
	}
}
