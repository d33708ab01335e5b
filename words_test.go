package lode_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/lodedb/lode"
)

func TestSplitWords(t *testing.T) {
	f := func(s, want string) {
		t.Helper()
		if got := strings.Join(slices.Collect(lode.SplitWords(s)), "|"); got != want {
			t.Errorf("%q: got %q", s, got)
		}
	}
	f("", "")
	f(" -- !", "")
	f("Open-Source, v2.0_x", "open|source|v2|0|x")
	f("don't", "don|t")
	f("ÄRGER Straße ÉTÉ", "ärger|straße|été")
	f("ΣΊΣΥΦΟΣ σίσυφος", "σίσυφοσ|σίσυφοσ") // the final sigma is a sigma
	f("e\u0301te", "e\u0301te")             // marks belong to the letter before
	f("\u0301a", "a")
	f("東京都 Tokyo2020", "東|京|都|tokyo2020")
	f("カタカナabc", "カ|タ|カ|ナ|abc")
	f("ภาษา", "ภ|า|ษ|า")
	f("हिन्दी भाषा", "हिन्दी|भाषा")
	f("대한민국 서울", "대한민국|서울")
	f("a\xffb", "a|b")
	f("٣٤ ½", "٣٤|½")
	for range lode.SplitWords("a b") {
		break // stopping is no error
	}
}

func TestWordTests(t *testing.T) {
	f := func(test, value string, want bool) {
		t.Helper()
		checkMatch(t, `{"field":"k",`+test+`}`, `{"k":`+value+`}`, want)
	}
	f(`"text":"one one ONE"`, `"one"`, true)
	f(`"text":"one two"`, `["one","two"]`, false) // in one string
	f(`"text":"on"`, `"one"`, false)
	f(`"phrase":"a a b"`, `"a a a b"`, true) // begins again inside of a failed beginning
	f(`"phrase":"a b"`, `"a, b"`, true)
	f(`"phrase":"a b"`, `"a c b"`, false)
	f(`"phrase":"a b"`, `"b a"`, false)
	f(`"phrase":"b c"`, `"a b"`, false)
	f(`"phrase":"京都"`, `"東京都庁"`, true)
	f(`"phrase":"都京"`, `"東京都庁"`, false)
	f(`"text_any":"x Σ"`, `"ς"`, true)
	f(`"prefix":""`, `""`, true)
	f(`"prefix":"ä"`, `"äb"`, true)
	f(`"prefix":"abc"`, `"ab"`, false)
}

func TestUUID(t *testing.T) {
	const usual = "01890a5d-ac96-774b-bcce-b302099a8057"
	for _, s := range []string{
		usual, strings.ToUpper(usual), "{" + usual + "}", "urn:uuid:" + usual, "URN:UUID:" + usual, strings.ReplaceAll(usual, "-", ""),
		"{" + strings.ReplaceAll(usual, "-", "") + "}",
	} {
		if id, ok := lode.ParseUUID(s); !ok || id.String() != usual {
			t.Errorf("%q: %v %v", s, id, ok)
		}
		checkMatch(t, `{"field":"k","uuid":"`+s+`"}`, `{"k":"`+usual+`"}`, true)
	}
	for _, s := range []string{
		"", "{}", "urn:uuid:", usual[1:], usual + "0", "g" + usual[1:], strings.Replace(usual, "-", "0", 1), "{" + usual, usual + "}",
		"0189-0a5dac96-774b-bcce-b302099a8057", "urn:uuid:{" + usual + "}",
	} {
		if _, ok := lode.ParseUUID(s); ok {
			t.Errorf("%q is accepted", s)
		}
	}
}
