package text_test

import (
	"fmt"
	"slices"
	"testing"
	"unicode/utf8"

	"github.com/lodedb/lode/internal/text"
)

func TestTokens(t *testing.T) {
	f := func(input string, want ...string) {
		t.Helper()
		var a text.Analyzer
		var got []string
		for _, k := range a.Tokens(nil, input) {
			mark := ""
			if k.Compound {
				mark = "*"
			}
			got = append(got, fmt.Sprintf("%s%s@%d[%s]", k.Term, mark, k.Position, input[k.Start:k.End]))
		}
		if !slices.Equal(got, want) {
			t.Errorf("%q:\n got %q\nwant %q", input, got, want)
		}
	}
	f("")
	f("The cats of the house", "cat@1[cats]", "hous@4[house]")
	f("an http.Handler here", "http.handler*@1[http.Handler]", "http@1[http.Handler]", "handler@2[http.Handler]", "here@3[here]")
	f("net.parseURL x", "net.parseurl*@0[net.parseURL]", "net@0[net.parseURL]", "parseurl*@1[net.parseURL]",
		"pars@1[net.parseURL]", "url@2[net.parseURL]", "x@3[x]")
	f("v1.2.3 is", "v1.2.3*@0[v1.2.3]", "1.2.3@0[v1.2.3]")
	f("3,000 C++ code", "3000@0[3,000]", "c@1[C]", "c++@1[C++]", "code@2[code]")
	f("東京都 city", "東京@0[東京]", "京都@1[京都]", "citi@2[city]")
	// Where the text is not in normal form, tokens lie in the text as it is.
	f("ﬁne re\u0301sume\u0301 cat", "fine@0[ﬁne]", "résumé@1[re\u0301sume\u0301]", "cat@2[cat]")
	f("a\xff\xfe ｆｉｎｅ\xff dog", "fine@1[ｆｉｎｅ]", "dog@2[dog]")
}

// A phrase is made of leaves: they must stand at positions that follow each other, in a
// compound as in the words that it is made of.
func TestLeavesFollowEachOther(t *testing.T) {
	leaves := func(s string) (out []string) {
		var a text.Analyzer
		for _, k := range a.Tokens(nil, s) {
			if !k.Compound {
				out = append(out, fmt.Sprintf("%s@%d", k.Term, k.Position))
			}
		}
		return out
	}
	for compound, words := range map[string]string{
		"http.Handler serves":  "http handler serves",
		"snake_case_of_mine x": "snake case of mine x",
		"parseHTTPHeader now":  "parse HTTP header now",
	} {
		if got, want := leaves(compound), leaves(words); !slices.Equal(got, want) {
			t.Errorf("%q is %q, %q is %q", compound, got, words, want)
		}
	}
}

func FuzzTokens(f *testing.F) {
	for _, s := range []string{
		"", "The cats", "snake_case http.Handler", "v1.2.3", "C++", "東京都", "API를", "a\xffb", "e\u0301\u0301", "ﷺ ﬁ", "\xff\xff", "가", "①Ⅷ", "\u1100\u1161",
	} {
		f.Add(s)
	}
	var a text.Analyzer
	f.Fuzz(func(t *testing.T, s string) {
		terms := a.Terms(nil, s)
		tokens := a.Tokens(nil, s)
		if len(terms) != len(tokens) {
			t.Fatalf("%q: %d terms, %d tokens", s, len(terms), len(tokens))
		}
		for i, k := range tokens {
			if k.Term != terms[i] {
				t.Fatalf("%q: token %q, term %q", s, k.Term, terms[i])
			}
			if k.Start < 0 || k.Start >= k.End || k.End > len(s) {
				t.Fatalf("%q: token %+v", s, k)
			}
			if utf8.ValidString(s) && !utf8.ValidString(s[k.Start:k.End]) {
				t.Fatalf("%q: token %+v cuts a character", s, k)
			}
			if i > 0 && (k.Position < tokens[i-1].Position || k.Start < tokens[i-1].Start) {
				t.Fatalf("%q: %+v after %+v", s, k, tokens[i-1])
			}
		}
	})
}

func TestIsAsking(t *testing.T) {
	for word, want := range map[string]bool{"what": true, "What": true, "DOES": true, "cat": false, "": false, "whatever": false} {
		if text.IsAsking(word) != want {
			t.Errorf("%q: want %t", word, want)
		}
	}
}

// What a prefix query looks for is folded, in normal form, and not stemmed.
func TestPrefix(t *testing.T) {
	var a text.Analyzer
	for s, want := range map[string]string{"Chunking": "chunking", "ﬁNE": "fine", "RÉS": "rés", "": "", "in\u00ADfo": "info"} {
		if got := a.Prefix(s); got != want {
			t.Errorf("%q: got %q, want %q", s, got, want)
		}
	}
}
