package text_test

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"unicode/utf8"

	"github.com/lodedb/lode/internal/text"
)

func terms(s string) []string {
	var a text.Analyzer
	return a.Terms(nil, s)
}

func TestTerms(t *testing.T) {
	f := func(input string, want ...string) {
		t.Helper()
		if got := terms(input); !slices.Equal(got, want) {
			t.Errorf("%q: got %q, want %q", input, got, want)
		}
	}
	f("")
	f(" \t\r\n … — !?")
	f("___ .. '' ::")
	f("The cats are in the house.", "cat", "hous")
	f("to be, or not to be")
	f("Chunking chunks chunked CHUNK", "chunk", "chunk", "chunk", "chunk")
	f("the author's authors’ authors", "author", "author", "author")
	f("it's don't can’t", "don't", "can't")

	// Unicode: forms, case, accents, invisible characters, invalid bytes.
	f("ﬁne ｆｉｎｅ Fine", "fine", "fine", "fine")
	f("STRASSE Straße", "strass", "strass")
	f("résumé re\u0301sume\u0301 RÉSUMÉ", "résumé", "résumé", "résumé")
	f("in\u00ADfor\u00ADma\u00ADtion information", "inform", "inform")
	f("Привет ΣΊΣΥΦΟΣ İ", "привет", "σίσυφοσ", "i\u0307")
	f("a\xffb \xff\xfe cat", "b", "cat")
	f("x\x00y", "x", "y")
	f("m² ½ Ⅷ", "m2", "1\u20442", "viii")
	f("🙂 cat 👩‍👩‍👧 dog", "cat", "dog")

	// Numbers.
	f("3,000 1,234,567.5 1,2", "3000", "1234567.5", "1,2")
	f("0.016 10.0.0.1 -5", "0.016", "10.0.0.1", "5")
	f("p53 IL-2 IL2 BM25", "p53", "il", "2", "il2", "bm25")

	// Compounds.
	f("snake_case", "snake_case", "snake", "case")
	f("__init__ _x", "init", "x")
	f("http.Handler", "http.handler", "http", "handler")
	f("parseHTTPHeader", "parsehttphead", "pars", "http", "header")
	f("camelCase", "camelcas", "camel", "case")
	f("MAX_QUERY_BYTES", "max_query_bytes", "max", "queri", "byte")
	f("pkg.go.dev/net/http", "pkg.go.dev", "pkg", "go", "dev", "net", "http")
	f("v1.2.3 V2.0 v2 v.2", "v1.2.3", "1.2.3", "v2.0", "2.0", "v2", "v", "2")
	f("mRNA RNAs iPhone PhD HbA1c U.S. e.g. x_i", "mrna", "rnas", "iphon", "phd", "hba1c", "u.s", "e.g", "x_i")
	f("user@example.com", "user", "example.com", "exampl", "com")
	f("C++ c# F#; i+j a#b GNU++ C+", "c", "c++", "c", "c#", "f", "f#", "i", "j", "b", "gnu", "c")

	// Scripts without spaces.
	f("東京都", "東京", "京都")
	f("水", "水")
	f("第3章 水、火", "第", "3", "章", "水", "火")
	f("サーバーを使う", "サー", "ーバ", "バー", "ーを", "を使", "使う")
	f("데이터베이스", "데이", "이터", "터베", "베이", "이스")
	f("API를 쓴다", "api", "를", "쓴다")
	f("ภาษา", "ภา", "าษ", "ษา")
	f("用Go写code", "用", "go", "写", "code")
}

// The whole vocabulary of rules in one text: if this changes, indexes made before do not
// fit queries made after, and [text.Version] must change with it.
func TestVersionStandsForTheRules(t *testing.T) {
	const sample = "Lode's indexes: HTTPServer, snake_case, v1.2.3, C++, 3,000 naïve résumés; 東京都 and ﬁne ｗｏｒｄｓ generalizations happily"
	const want = "english-1: lode index httpserver http server snake_case snake case v1.2.3 1.2.3 c c++ 3000 naïve résumés 東京 京都 fine word general happili"
	if got := text.Version + ": " + strings.Join(terms(sample), " "); got != want {
		t.Errorf("terms changed; give Version a new value and update this test\n got %s\nwant %s", got, want)
	}
}

func TestLongWordsAreCut(t *testing.T) {
	for _, word := range []string{
		strings.Repeat("a", 1_000_000),
		strings.Repeat("é", 1000),
		"x" + strings.Repeat("é", 1000),
		strings.Repeat("7", 1000),
		strings.Repeat("ab_", 1000),
		strings.Repeat("1,000", 1000),
		strings.Repeat("Ab", 1000),
	} {
		got := terms(word)
		if len(got) == 0 {
			t.Fatalf("%.20q… has no term", word)
		}
		for _, term := range got {
			if len(term) > text.MaxTermBytes || !utf8.ValidString(term) {
				t.Errorf("%.20q…: term of %d bytes", word, len(term))
			}
		}
	}
}

// A word that was seen before must yield what it did the first time, and the cache must be
// renewed when it is full.
func TestCacheChangesNothing(t *testing.T) {
	var a text.Analyzer
	for i := range 3000 {
		s := fmt.Sprintf("walkingWord%dx Walking", i%1000)
		if got, want := a.Terms(nil, s), terms(s); !slices.Equal(got, want) {
			t.Fatalf("%s: got %q, want %q", s, got, want)
		}
	}
	var words []string
	for i := range 40_000 {
		words = append(words, fmt.Sprintf("w%d", i))
	}
	long := strings.Join(words, " ")
	for range 2 {
		if got := a.Terms(nil, long); !slices.Equal(got, words) {
			t.Fatal("terms changed when the cache was renewed")
		}
	}
}

func TestTermsAppends(t *testing.T) {
	var a text.Analyzer
	if got := a.Terms([]string{"before"}, "cats 東京"); !slices.Equal(got, []string{"before", "cat", "東京"}) {
		t.Errorf("got %q", got)
	}
}

func TestManyGoroutines(t *testing.T) {
	var a text.Analyzer
	const s = "Walking dogs, http.Handler, 東京都 and résumés"
	want := terms(s)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 200 {
				if got := a.Terms(nil, s); !slices.Equal(got, want) {
					t.Errorf("got %q, want %q", got, want)
					return
				}
			}
		})
	}
	wg.Wait()
}

func FuzzTerms(f *testing.F) {
	for _, s := range []string{
		"", "The cats", "snake_case http.Handler", "3,000.5", "v1.2.3", "C++", "東京都", "API를", "a\xffb",
		"e\u0301\u0301", "\u00AD", "'s", "’s", "1,000", "v.", ".,", "ﷺ", "İ", "ーー", "ภ\u0E31",
	} {
		f.Add(s)
	}
	var shared text.Analyzer
	f.Fuzz(func(t *testing.T, s string) {
		got := shared.Terms(nil, s)
		for _, term := range got {
			if term == "" || len(term) > text.MaxTermBytes || !utf8.ValidString(term) {
				t.Fatalf("%q: term %q", s, term)
			}
		}
		if again := terms(s); !slices.Equal(got, again) {
			t.Fatalf("%q: %q, and by a new analyzer %q", s, got, again)
		}
		if upper := terms(s + " zebra"); len(upper) < 1 || upper[len(upper)-1] != "zebra" {
			t.Fatalf("%q: a word after it is lost in %q", s, upper)
		}
	})
}

func BenchmarkTerms(b *testing.B) {
	var a text.Analyzer
	s := strings.Repeat("Alterations of the architecture of cerebral white matter in the developing human brain "+
		"can affect cortical development, and result in functional disabilities (n = 17, p < 0.05). ", 12)
	var dst []string
	b.SetBytes(int64(len(s)))
	for b.Loop() {
		dst = a.Terms(dst[:0], s)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(strings.Fields(s))), "ns/word")
}
