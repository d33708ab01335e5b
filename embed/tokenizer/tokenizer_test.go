package tokenizer_test

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/embed/tokenizer"
)

func load(t testing.TB, name string) *tokenizer.Tokenizer {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", name+".json"))
	if err != nil {
		t.Fatal(err)
	}
	tok, err := tokenizer.Parse(b)
	if err != nil {
		t.Fatal(err)
	}
	return tok
}

// unknowns are the ids that are never given here, and are by the other implementation.
var unknowns = map[string]int32{"bert": 1, "cased": 1, "unigram": 3, "bpe": -1}

// TestExpected compares with ids that another implementation gave; see testdata/expected.mjs.
func TestExpected(t *testing.T) {
	b, err := os.ReadFile("testdata/expected.json")
	if err != nil {
		t.Fatal(err)
	}
	var want struct {
		Texts []string
		IDs   map[string][][]int32
	}
	if err := json.Unmarshal(b, &want); err != nil {
		t.Fatal(err)
	}
	if len(want.IDs) != len(unknowns) {
		t.Errorf("%d tokenizers", len(want.IDs))
	}
	keeping := load(t, "bert")
	if err := keeping.KeepUnknown(); err != nil {
		t.Fatal(err)
	}
	if err := load(t, "bpe").KeepUnknown(); !lode.IsCode(err, lode.CodeUnsupportedMedia) {
		t.Errorf("%v", err)
	}
	for name, ids := range want.IDs {
		tok := load(t, name)
		for i, text := range want.Texts {
			if name == "bert" && !slices.Equal(keeping.Append(nil, text), ids[i]) {
				t.Errorf("%q with unknown words: %v, want %v", text, keeping.Append(nil, text), ids[i])
			}
			expected := slices.DeleteFunc(slices.Clone(ids[i]), func(id int32) bool { return id == unknowns[name] })
			if got := tok.Append(nil, text); !slices.Equal(got, expected) {
				t.Errorf("%s %q: %v, want %v", name, text, got, expected)
			}
		}
	}
}

// cutBy returns how a text is cut into words: those of a WordPiece vocabulary.
func cutBy(t *testing.T, normalizer, preTokenizer string, words ...string) func(text string) []string {
	t.Helper()
	vocab := map[string]int{}
	for i, w := range words {
		vocab[w] = i
	}
	encoded, err := json.Marshal(vocab)
	if err != nil {
		t.Fatal(err)
	}
	tok, err := tokenizer.Parse([]byte(`{"normalizer":` + normalizer + `,"pre_tokenizer":` + preTokenizer + `,"model":{"type":"WordPiece","unk_token":"[UNK]","vocab":` + string(encoded) + `}}`))
	if err != nil {
		t.Fatal(err)
	}
	return func(text string) []string {
		var got []string
		for _, id := range tok.Append(nil, text) {
			got = append(got, words[id])
		}
		return got
	}
}

// Each way to cut, as the library's documentation describes it.
func TestSplitters(t *testing.T) {
	f := func(preTokenizer, text string, want ...string) {
		t.Helper()
		if got := cutBy(t, "null", preTokenizer, want...)(text); !slices.Equal(got, want) {
			t.Errorf("%s %q: %q, want %q", preTokenizer, text, got, want)
		}
	}
	split := func(behavior string) string {
		return `{"type":"Split","pattern":{"String":"-"},"behavior":"` + behavior + `","invert":false}`
	}
	const countdown = "the-final--countdown"
	f(split("MergedWithPrevious"), countdown, "the-", "final-", "-", "countdown")
	f(split("Isolated"), countdown, "the", "-", "final", "-", "-", "countdown")
	f(split("MergedWithNext"), countdown, "the", "-final", "-", "-countdown")
	f(split("Contiguous"), countdown, "the", "-", "final", "--", "countdown")
	f(split("Removed"), countdown, "the", "final", "countdown")
	f(`{"type":"Split","pattern":{"Regex":"\\w+|[^\\w\\s]+"},"behavior":"Removed","invert":true}`, "Hey friend! Çа va", "Hey", "friend", "!", "Çа", "va")
	f(`{"type":"Whitespace"}`, "Hey  friend!\nHow's über_x, ½?!", "Hey", "friend", "!", "How", "'", "s", "über_x", ",", "½?!")
	f(`{"type":"Punctuation"}`, "a!?b$", "a", "!", "?", "b", "$")
	f(`{"type":"Punctuation","behavior":"Contiguous"}`, "a!?b$", "a", "!?", "b", "$")
	f(`{"type":"Digits","individual_digits":false}`, "Call 123 now4", "Call ", "123", " now", "4")
	f(`{"type":"Digits","individual_digits":true}`, "Call 12", "Call ", "1", "2")
	f(`{"type":"CharDelimiterSplit","delimiter":"x"}`, "axbxxc", "a", "b", "c")
	f(`{"type":"BertPreTokenizer"}`, "a$b，c d", "a", "$", "b", "，", "c", "d")
	f(`{"type":"Metaspace","replacement":"▁","prepend_scheme":"never"}`, "a  b c", "a", "▁", "▁b", "▁c")
	f(`{"type":"Metaspace","replacement":"▁","prepend_scheme":"first","split":false}`, "a b", "▁a▁b")
	f(`{"type":"Metaspace","replacement":"▁","add_prefix_space":false}`, "a b", "a", "▁b")
	f(`{"type":"Sequence","pretokenizers":[{"type":"WhitespaceSplit"},{"type":"Digits","individual_digits":true}]}`, "a1 b", "a", "1", "b")
}

func TestNormalizers(t *testing.T) {
	f := func(normalizer, text, want string) {
		t.Helper()
		if got := cutBy(t, normalizer, "null", want)(text); want != "" && !slices.Equal(got, []string{want}) || want == "" && len(got) > 0 {
			t.Errorf("%s %q is not %q", normalizer, text, want)
		}
	}
	f(`{"type":"NFC"}`, "e\u0301", "é")
	f(`{"type":"NFD"}`, "é", "e\u0301")
	f(`{"type":"NFKC"}`, "ﬁ①", "fi1")
	f(`{"type":"NFKD"}`, "ﬁé", "fie\u0301")
	f(`{"type":"Lowercase"}`, "ÄİΑ", "äi\u0307α")
	f(`{"type":"StripAccents"}`, "e\u0301a", "ea")
	f(`{"type":"Strip","strip_left":true,"strip_right":false}`, "  a ", "a ")
	f(`{"type":"Prepend","prepend":"▁"}`, "a", "▁a")
	f(`{"type":"Replace","pattern":{"String":"  "},"content":"_"}`, "a  b", "a_b")
	f(`{"type":"Replace","pattern":{"Regex":"\\s+"},"content":"$1"}`, "a \u00a0\u2003b", "a$1b")
	f(`{"type":"ByteLevel"}`, " é\n", "ĠÃ©Ċ")
	f(`{"type":"BertNormalizer","clean_text":true,"handle_chinese_chars":true,"strip_accents":false,"lowercase":true}`, "É\u0000\tB\u200b水", "é b 水 ")
	f(`{"type":"Sequence","normalizers":[{"type":"NFD"},{"type":"StripAccents"},{"type":"Lowercase"}]}`, "Crème", "creme")
	f(`{"type":"Precompiled","precompiled_charsmap":""}`, "a", "a")
	f(`{"type":"Precompiled","precompiled_charsmap":"`+charsmap()+`"}`, "xéy", "xZZy")
}

// charsmap is a map of a double-array trie made by hand: "é", of two bytes, becomes "ZZ".
func charsmap() string {
	const leaf, value = 1 << 8, 1 << 31
	unit := func(label byte, offset uint32, flags uint32) uint32 { return uint32(label) | offset<<10 | flags }
	units := make([]uint32, 512)
	// The root's children begin at 256 ^ label, those of the first byte at 128 ^ label, and its leaf is there.
	units[0] = unit(0, 256, 0)
	a := 256 ^ uint32(0xC3)
	units[a] = unit(0xC3, a^128, 0)
	b := uint32(128) ^ 0xA9
	units[b] = unit(0xA9, b^200, leaf)
	units[200] = value | 3
	raw := binary.LittleEndian.AppendUint32(nil, uint32(4*len(units)))
	for _, u := range units {
		raw = binary.LittleEndian.AppendUint32(raw, u)
	}
	return base64.StdEncoding.EncodeToString(append(raw, "no\x00ZZ\x00"...))
}

// Whatever is not known is refused by its name, and what is broken by its place.
func TestRefusals(t *testing.T) {
	const words = `"model":{"type":"WordPiece","vocab":{"a":0}}`
	f := func(code lode.Code, field, content string) {
		t.Helper()
		_, err := tokenizer.Parse([]byte(content))
		var coded *lode.Error
		if !errors.As(err, &coded) || coded.Code != code || !strings.HasSuffix(coded.Field, field) {
			t.Errorf("%s: %v", content, err)
		}
	}
	f(lode.CodeMalformed, "tokenizer.json", `{`)
	f(lode.CodeMalformed, ":model", `{}`)
	f(lode.CodeUnsupportedMedia, "model.type", `{"model":{"type":"WordLevel"}}`)
	f(lode.CodeMalformed, "model.vocab", `{"model":{"type":"WordPiece","vocab":{}}}`)
	f(lode.CodeMalformed, "model.vocab", `{"model":{"type":"WordPiece","vocab":{"a":-1}}}`)
	f(lode.CodeMalformed, "model.vocab", `{"model":{"type":"BPE","vocab":{"a":99999999}}}`)
	f(lode.CodeMalformed, "model.merges[0]", `{"model":{"type":"BPE","vocab":{"a":0},"merges":["a"]}}`)
	f(lode.CodeMalformed, "model.merges[0]", `{"model":{"type":"BPE","vocab":{"a":0},"merges":["a b"]}}`)
	f(lode.CodeMalformed, "model.vocab[0]", `{"model":{"type":"Unigram","vocab":[["a","b"]]}}`)
	f(lode.CodeMalformed, "model.unk_id", `{"model":{"type":"Unigram","vocab":[["a",1]],"unk_id":1}}`)
	f(lode.CodeUnsupportedMedia, "normalizer.type", `{"normalizer":{"type":"Nmt"},`+words+`}`)
	f(lode.CodeUnsupportedMedia, "normalizers[1].type", `{"normalizer":{"type":"Sequence","normalizers":[{"type":"NFC"},{"type":"Odd"}]},`+words+`}`)
	f(lode.CodeUnsupportedMedia, "pre_tokenizer.type", `{"pre_tokenizer":{"type":"UnicodeScripts"},`+words+`}`)
	f(lode.CodeUnsupportedMedia, "pre_tokenizer.behavior", `{"pre_tokenizer":{"type":"Split","pattern":{"String":"x"},"behavior":"Odd"},`+words+`}`)
	for _, expression := range []string{`a(?!b)`, `[^\\S]`, `\\bx`, `[a&&b]`, `[[a]]`, `(`} {
		f(lode.CodeUnsupportedMedia, "pre_tokenizer.pattern", `{"pre_tokenizer":{"type":"Split","pattern":{"Regex":"`+expression+`"},"behavior":"Isolated"},`+words+`}`)
	}
	f(lode.CodeMalformed, "pre_tokenizer.pattern", `{"pre_tokenizer":{"type":"Split","pattern":{},"behavior":"Isolated"},`+words+`}`)
	f(lode.CodeMalformed, "precompiled_charsmap", `{"normalizer":{"type":"Precompiled","precompiled_charsmap":"AAAB"},`+words+`}`)
	f(lode.CodeUnsupportedMedia, "added_tokens[0]", `{"added_tokens":[{"id":1,"content":"x","lstrip":true}],`+words+`}`)
	f(lode.CodeMalformed, "added_tokens[0]", `{"added_tokens":[{"id":-1,"content":"x"}],`+words+`}`)
}

// Special tokens cannot be named by a text; others that were added are found before anything
// else, the longest first.
func TestAdded(t *testing.T) {
	tok, err := tokenizer.Parse([]byte(`{"added_tokens":[{"id":9,"content":"[CLS]","special":true},{"id":7,"content":"<x>"},{"id":8,"content":"<x>>"}],
		"normalizer":{"type":"Lowercase"},"pre_tokenizer":{"type":"Whitespace"},"model":{"type":"WordPiece","vocab":{"a":0,"[":1,"cls":2,"]":3}}}`))
	if err != nil {
		t.Fatal(err)
	}
	if got := tok.Append(nil, "A<x>a<x>><x> [CLS] <X>"); !slices.Equal(got, []int32{0, 7, 0, 8, 7, 1, 2, 3}) || tok.Size() != 10 {
		t.Errorf("%v of %d", got, tok.Size())
	}
}

// Unknown characters are cut into bytes where the vocabulary has them.
func TestByteFallback(t *testing.T) {
	var vocab []string
	for b := range 256 {
		vocab = append(vocab, fmt.Sprintf(`["<0x%02X>",-9]`, b))
	}
	tok, err := tokenizer.Parse([]byte(`{"model":{"type":"Unigram","byte_fallback":true,"unk_id":257,"vocab":[` + strings.Join(vocab, ",") + `,["ab",-1],["<unk>",0]]}}`))
	if err != nil {
		t.Fatal(err)
	}
	if got := tok.Append(nil, "éabb"); !slices.Equal(got, []int32{0xC3, 0xA9, 256, 'b'}) {
		t.Errorf("%v", got)
	}
}

// Long words without a space take time that grows with their length, not with its square.
func TestLongWords(t *testing.T) {
	for name := range unknowns {
		tok := load(t, name)
		for _, text := range []string{strings.Repeat("water", 100_000), strings.Repeat("e\u0301", 100_000), strings.Repeat("🎉", 100_000)} {
			_ = tok.Append(nil, text)
		}
	}
}

func FuzzParse(f *testing.F) {
	for name := range unknowns {
		b, err := os.ReadFile(filepath.Join("testdata", name+".json"))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b, "The ore is washed.")
	}
	f.Add([]byte(`{"normalizer":{"type":"Precompiled","precompiled_charsmap":"`+charsmap()+`"},"model":{"type":"BPE","vocab":{"a":0,"b":1,"ab":2},"merges":["a b"]}}`), "xaéby")
	f.Fuzz(func(t *testing.T, b []byte, text string) {
		tok, err := tokenizer.Parse(b)
		if err != nil {
			if lode.CodeOf(err) == lode.CodeInternal {
				t.Errorf("an error without a code: %v", err)
			}
			return
		}
		for _, id := range tok.Append(nil, text) {
			if id < 0 || int(id) >= tok.Size() {
				t.Fatalf("id %d of %d", id, tok.Size())
			}
		}
	})
}

func BenchmarkAppend(b *testing.B) {
	text := strings.Repeat("The ore is washed in running water; smelting needs charcoal. ", 20)
	for _, name := range []string{"bert", "unigram", "bpe"} {
		tok := load(b, name)
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(text)))
			var ids []int32
			for b.Loop() {
				ids = tok.Append(ids[:0], text)
			}
		})
	}
}
