package tokens

import (
	"math/rand/v2"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/lodedb/lode"
)

func library200k(s string) int { return len(vocabulary200k().bpe.EncodeOrdinary(s)) }

func compare200k(t *testing.T, s string) {
	t.Helper()
	if got, want := vocabulary200k().text(s), library200k(s); got != want {
		t.Fatalf("o200k_base counts %d in %q, the library says %d", got, s, want)
	}
}

// cased holds words whose capitals, marks and letters without case the expression tells apart.
var cased = []string{
	"camelCase", "HTTPServer", "ABC", "ABc", "aBC", "ABʰC", "ʰABC", "A中B", "中AB", "中ab", "ab中AB", "\u0301ABC", "\u0301abc", "!\u0301ABC", "!!\u0301a",
	" \u0301", "\u0301\u0301A", "ǅabc", "aǅb", "don't", "DON'T", "A's", "'s", "''s", "中's", "--/\n/x", "//\n//", " /\r\n/ a", "a/b", "\n/", "ÀÉ", "Éa", "éÀ's",
}

func TestCount200kIsTheLibrarys(t *testing.T) {
	all := append(append([]string{}, odd...), cased...)
	for _, s := range all {
		compare200k(t, s)
		compare200k(t, strings.Repeat(s, 3))
	}
	const seed = 20261127
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 0))
	for range 4_000 {
		var b strings.Builder
		for range 1 + rng.IntN(6) {
			b.WriteString(all[rng.IntN(len(all))])
		}
		compare200k(t, b.String())
	}
}

func TestEveryRune200k(t *testing.T) {
	var b strings.Builder
	for r := rune(0); r <= utf8.MaxRune; r++ {
		if r > 0x3400 && r%23 != 0 {
			continue // large blocks of one class: a sample will do
		}
		b.WriteString(" A")
		b.WriteRune(r)
		b.WriteString("Ab1")
		b.WriteRune(r)
		if b.Len() > 4<<10 {
			compare200k(t, b.String())
			b.Reset()
		}
	}
	compare200k(t, b.String())
}

func TestRealText200k(t *testing.T) {
	for _, s := range realText(t) {
		compare200k(t, s)
	}
}

func TestFor(t *testing.T) {
	const text = "Hello, wörld 東京"
	for name, want := range map[string]string{
		"": Name, Name: Name, O200K: O200K, Bytes: Bytes, "gpt-4": Name, "gpt-4-turbo": Name, "gpt-4-32k-0613": Name, "gpt-3.5-turbo": Name, "gpt-35-turbo": Name,
		"GPT-4o": O200K, "gpt-4o-mini": O200K, "gpt-4.1-nano": O200K, "openai/o3-mini": O200K, "o1": O200K, "gpt-5.2": O200K, "text-embedding-3-small": Name,
	} {
		count, canonical, err := For(name)
		if err != nil || canonical != want {
			t.Errorf("For(%q) is %q, %v; want %q", name, canonical, err, want)
			continue
		}
		if n := count(text); n < 1 || n > len(text) || want == Bytes && n != len(text) {
			t.Errorf("For(%q) counts %d", name, n)
		}
	}
	for _, name := range []string{"gpt-4x", "gpt", "o11", "claude-3", "cl100k", "local/x"} {
		_, _, err := For(name)
		if lode.CodeOf(err) != lode.CodeInvalid || !strings.Contains(err.Error(), "tokenizer") {
			t.Errorf("For(%q): %v", name, err)
		}
	}
}

func FuzzCount200k(f *testing.F) {
	for _, s := range append(append([]string{}, odd...), cased...) {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if len(s) <= 1<<10 {
			compare200k(t, s)
		}
	})
}
