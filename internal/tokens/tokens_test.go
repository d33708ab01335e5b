package tokens

import (
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/lodedb/lode/internal/testdata"
)

// library is what the tokenizer itself says.
func library(s string) int { return len(vocabulary().bpe.EncodeOrdinary(s)) }

func TestCountKnown(t *testing.T) {
	f := func(s string, want int) {
		t.Helper()
		if got := Count(s); got != want {
			t.Errorf("Count(%q) = %d, want %d", s, got, want)
		}
	}
	f("", 0)
	f("hello world", 2)
	f("tiktoken is great!", 6)
	f("antidisestablishmentarianism", 6)
	f("2 + 2 = 4", 7)
	f("お誕生日おめでとう", 9)
	f("<|endoftext|>", 7) // ordinary text, not the special token
}

// odd holds pieces whose boundaries are easily got wrong.
var odd = []string{
	"a  b", "a   b", " a", "\ta", "\u00a0a", "\u3000\u3000x", "a \n b", "a\n\n\n  b", "  \n", " \r\n\r\n ", "\r", "x\r\ny",
	"don't", "DON'T", "we'LL", "we'Re", "'restaurant", "''s", "'", "'x", "'é", "it's'", "'ſ", "1234567", "12 345", "1'234", " 1", "  1",
	"--", " --", "  --", "--\n\n", " --\r\n x", "((foo", "_foo", "$_foo", "foo_bar", "a\u0301b", "e\u0301", "x²³¹", "Ⅷ", "٣٤٥٦",
	"中文字符，标点。", "ไทยไม่มีช่องว่าง", "🎉🎉", "👩‍👩‍👧", "\u200b", "a\u200bb", "\x00\x01", "\x85", "\u0085x", "\u2028", "\xff", "a\xffb", "\xff\xfe ", "é\xc3",
	"<|endoftext|>", "<|fim_prefix|>x", "İstanbul ŞİŞLİ", "ﬁ ﬀ",
}

func TestCountIsTheLibrarys(t *testing.T) {
	for _, s := range odd {
		compare(t, s)
		compare(t, strings.Repeat(s, 3))
	}
	for i := range 2_000 {
		rng := rand.New(rand.NewPCG(uint64(i), 1))
		var b strings.Builder
		for range 1 + rng.IntN(6) {
			b.WriteString(odd[rng.IntN(len(odd))])
		}
		compare(t, b.String())
	}
}

func compare(t *testing.T, s string) {
	t.Helper()
	if got, want := Count(s), library(s); got != want {
		t.Fatalf("Count(%q) = %d, the library says %d", s, got, want)
	}
}

// Every rune falls into the class that the expression puts it in.
func TestEveryRune(t *testing.T) {
	var b strings.Builder
	for r := rune(0); r <= utf8.MaxRune; r++ {
		if r > 0xFFFF && r%11 != 0 {
			continue // large blocks of one class: a sample will do
		}
		b.WriteString(" ")
		b.WriteRune(r)
		b.WriteString("b1")
		if b.Len() > 4<<10 {
			compare(t, b.String())
			b.Reset()
		}
	}
	compare(t, b.String())
}

func TestRealText(t *testing.T) {
	for _, s := range realText(t) {
		compare(t, s)
	}
}

// realText returns documentation, a megabyte of it.
func realText(tb testing.TB) (texts []string) {
	tb.Helper()
	dir, total := filepath.Join(testdata.Dir(tb), "corpora"), 0
	paths, err := filepath.Glob(filepath.Join(dir, "*", "*", "*.md"))
	if err != nil || len(paths) == 0 {
		tb.Fatalf("no Markdown under %s: %v", dir, err)
	}
	for _, path := range paths {
		b, err := os.ReadFile(path)
		if err != nil {
			tb.Fatal(err)
		}
		texts = append(texts, string(b))
		if total += len(b); total > 1<<20 {
			break
		}
	}
	return texts
}

func TestMergeIsTheLibrarys(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 7))
	const letters = "aeinrstlo"
	for range 200 {
		b := make([]byte, 1+rng.IntN(300))
		for i := range b {
			b[i] = letters[rng.IntN(len(letters))]
		}
		if got, want := len(vocabulary().merge(string(b))), library(string(b)); got != want {
			t.Fatalf("merge(%q) has %d tokens, the library says %d", b, got, want)
		}
	}
}

func TestOneLongWord(t *testing.T) {
	for _, unit := range []string{"a", "xq", "=", " ", "\n", "é", "中", "\xff", " \n"} {
		s := strings.Repeat(unit, (256<<10)/len(unit))
		start := time.Now()
		n := Count(s)
		if took := time.Since(start); took > 10*time.Second {
			t.Errorf("counting 256 KiB of %q took %v", unit, took)
		}
		if n < len(s)/256 || n > 3*len(s) {
			t.Errorf("256 KiB of %q has %d tokens", unit, n)
		}
		if p := Truncate(s, 100); Count(p) > 100 || len(p) < 100/3 {
			t.Errorf("Truncate(%q…, 100) = %d bytes, %d tokens", unit, len(p), Count(p))
		}
	}
}

// Where a run is cut the count may differ from the library's, by little.
func TestCutRuns(t *testing.T) {
	for _, unit := range []string{"a", "xq", "=", "straße", "word"} {
		s := strings.Repeat(unit, (MaxPiece+MaxPiece/2)/len(unit))
		got, want := Count(s), len(vocabulary().merge(s))
		if got < want-2 || got > want+2 {
			t.Errorf("%q repeated: %d tokens in cut pieces, %d in one", unit, got, want)
		}
	}
}

func TestTruncate(t *testing.T) {
	check := func(s string, max int) {
		t.Helper()
		p := Truncate(s, max)
		if !strings.HasPrefix(s, p) || Count(p) > max {
			t.Fatalf("Truncate(%q, %d) = %q of %d tokens", s, max, p, Count(p))
		}
		if utf8.ValidString(s) && !utf8.ValidString(p) {
			t.Fatalf("Truncate(%q, %d) = %q cuts a rune", s, max, p)
		}
		if Count(s) <= max && p != s {
			t.Fatalf("Truncate(%q, %d) = %q, but all of it fits", s, max, p)
		}
		if next := longer(s, p); longestRun(s) < 64 && next != "" && Count(next) <= max {
			t.Fatalf("Truncate(%q, %d) = %q, but %q fits too", s, max, p, next)
		}
	}
	for _, s := range odd {
		for max := range 8 {
			check(s, max)
			check("some words, then "+s+" and more", 4+max)
			check(s+strings.Repeat("long", 40)+s, 3*max)
		}
	}
	if got := Truncate("hello", -1); got != "" {
		t.Errorf("Truncate to -1 tokens = %q", got)
	}
}

func longestRun(s string) (longest int) {
	for len(s) > 0 {
		n := nextPiece(s)
		longest, s = max(longest, n), s[n:]
	}
	return longest
}

// longer returns p and one more rune of s.
func longer(s, p string) string {
	if len(p) == len(s) {
		return ""
	}
	_, size := utf8.DecodeRuneInString(s[len(p):])
	return s[:len(p)+size]
}

func TestFits(t *testing.T) {
	s := "The quick brown fox jumps over the lazy dog."
	n := Count(s)
	if !Fits(s, n) || Fits(s, n-1) || !Fits("", 0) || Fits("", -1) {
		t.Errorf("Fits disagrees with Count = %d", n)
	}
}

func TestConcurrent(t *testing.T) {
	s := strings.Repeat("Kubernetesoperatorx frobnicates zzyzx' ", 50)
	want := Count(s)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 20 {
				if got := Count(s); got != want {
					t.Errorf("Count = %d, want %d", got, want)
				}
			}
		})
	}
	wg.Wait()
}

func FuzzCount(f *testing.F) {
	for _, s := range odd {
		f.Add(s, 3)
	}
	f.Fuzz(func(t *testing.T, s string, max int) {
		if len(s) > 1<<10 {
			return
		}
		compare(t, s)
		if p := Truncate(s, max); !strings.HasPrefix(s, p) || (max >= 0 && Count(p) > max) {
			t.Fatalf("Truncate(%q, %d) = %q of %d tokens", s, max, p, Count(p))
		}
	})
}
