package parse_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"golang.org/x/text/encoding/japanese"
	"golang.org/x/text/encoding/simplifiedchinese"
	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/encoding/unicode/utf32"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/pipeline/parse"
)

// emit copies all of src into silver text, as a parser that changes nothing would.
func emit(t testing.TB, src *parse.Decoded, bronze []byte) *lode.SilverText {
	t.Helper()
	b := parse.NewBuilder(context.Background(), src, parse.Limits{})
	b.Begin(lode.SectionParagraph, 0)
	b.Copy(0, src.Len())
	silver, err := b.Finish()
	if err != nil {
		t.Fatal(err)
	}
	if err := silver.Verify(bronze); err != nil {
		t.Fatal(err)
	}
	return silver
}

func TestDecodeFindsTheEncoding(t *testing.T) {
	const text = "Ore, gold and grüße; 你好, 🪙 in one line."
	encode := func(content []byte, err error) []byte {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return content
	}
	utf16LE := unicode.UTF16(unicode.LittleEndian, unicode.IgnoreBOM).NewEncoder()
	utf16BE := unicode.UTF16(unicode.BigEndian, unicode.IgnoreBOM).NewEncoder()
	utf32LE := utf32.UTF32(utf32.LittleEndian, utf32.IgnoreBOM).NewEncoder()
	utf32BE := utf32.UTF32(utf32.BigEndian, utf32.IgnoreBOM).NewEncoder()
	f := func(content []byte, charset string) {
		t.Helper()
		src, err := parse.Decode(content)
		if err != nil {
			t.Errorf("%s: %v", charset, err)
			return
		}
		if src.Charset != charset || string(src.Text) != text {
			t.Errorf("%s: got %s %q", charset, src.Charset, src.Text)
		}
		emit(t, src, content)
	}
	f([]byte(text), "utf-8")
	f([]byte("\xEF\xBB\xBF"+text), "utf-8")
	f(encode(utf16LE.Bytes([]byte(text))), "utf-16le")
	f(encode(utf16BE.Bytes([]byte(text))), "utf-16be")
	f(encode(utf16LE.Bytes([]byte("\uFEFF"+text))), "utf-16le")
	f(encode(utf16BE.Bytes([]byte("\uFEFF"+text))), "utf-16be")
	f(encode(utf32LE.Bytes([]byte(text))), "utf-32le")
	f(encode(utf32BE.Bytes([]byte(text))), "utf-32be")
	f(encode(utf32LE.Bytes([]byte("\uFEFF"+text))), "utf-32le")
	f(encode(utf32BE.Bytes([]byte("\uFEFF"+text))), "utf-32be")
}

func TestDecodeRefuses(t *testing.T) {
	for name, content := range map[string]string{
		"NUL":         "text\x00text",
		"zip":         "PK\x03\x04\x14\x00\x00\x00\x08\x00",
		"controls":    strings.Repeat("\x01\x02ab", 50),
		"cyrillic":    "\xcf\xf0\xe8\xe2\xe5\xf2, \xec\xe8\xf0",
		"utf16 zeros": "\xFF\xFEa\x00\x00\x00b\x00",
	} {
		if _, err := parse.Decode([]byte(content)); !lode.IsCode(err, lode.CodeMalformed) {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

func TestDecodeAs(t *testing.T) {
	const text = "表 ABC 日本 end"
	sjis, err := japanese.ShiftJIS.NewEncoder().Bytes([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	src, err := parse.DecodeAs(sjis, "Shift_JIS")
	if err != nil {
		t.Fatal(err)
	}
	silver := emit(t, src, sjis)
	if silver.Text != text {
		t.Fatalf("got %q", silver.Text)
	}
	at := strings.Index(text, "ABC")
	if got, _ := silver.BronzeSpan(lode.Span{Start: at, End: at + 3}); string(sjis[got.Start:got.End]) != "ABC" {
		t.Errorf("ABC maps to %q", sjis[got.Start:got.End])
	}
	gbk, err := simplifiedchinese.GB18030.NewEncoder().Bytes([]byte("中文 🪙"))
	if err != nil {
		t.Fatal(err)
	}
	if src, err := parse.DecodeAs(gbk, "gb18030"); err != nil || string(src.Text) != "中文 🪙" {
		t.Errorf("gb18030: %v", err)
	}
	for _, label := range []string{"", "klingon", "iso-2022-kr", "replacement"} {
		if _, err := parse.DecodeAs([]byte("x"), label); !lode.IsCode(err, lode.CodeMalformed) {
			t.Errorf("%q: got %v", label, err)
		}
	}
}

// TestDecodedPointsBack checks each character of a UTF-16 text: what it maps to, decoded
// alone, must hold it, and must not be longer than a piece.
func TestDecodedPointsBack(t *testing.T) {
	text := strings.Repeat("gold 🪙 grüße <b>你好</b>; ", 20)
	encoder := unicode.UTF16(unicode.LittleEndian, unicode.IgnoreBOM)
	bronze, err := encoder.NewEncoder().Bytes([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	src, err := parse.Decode(bronze)
	if err != nil {
		t.Fatal(err)
	}
	silver := emit(t, src, bronze)
	for i, r := range silver.Text {
		span, ok := silver.BronzeSpan(lode.Span{Start: i, End: i + utf8.RuneLen(r)})
		if !ok || span.Len() > 2*24 {
			t.Fatalf("byte %d maps to %v", i, span)
		}
		back, err := encoder.NewDecoder().Bytes(bronze[span.Start:span.End])
		if err != nil || !strings.ContainsRune(string(back), r) {
			t.Fatalf("byte %d, %q, maps to %q", i, r, back)
		}
	}
}

func FuzzDecode(f *testing.F) {
	for _, seed := range []string{"text", "\xFF\xFEa\x00", "gr\xfc\xdfe", "\x00\x00\xFE\xFF\x00\x00\x00a", "caf\xc3\xa9 \xff", "a\x00b\x00c\x00"} {
		f.Add([]byte(seed), "shift_jis")
		f.Add([]byte(seed), "windows-1251")
		f.Add([]byte(seed), "iso-2022-jp")
	}
	f.Fuzz(func(t *testing.T, content []byte, label string) {
		kept := slices.Clone(content)
		for _, decode := range []func() (*parse.Decoded, error){
			func() (*parse.Decoded, error) { return parse.Decode(content) },
			func() (*parse.Decoded, error) { return parse.DecodeAs(content, label) },
		} {
			src, err := decode()
			if err != nil {
				continue
			}
			if !utf8.Valid(src.Text) {
				t.Fatalf("not UTF-8: %q", src.Text)
			}
			b := parse.NewBuilder(context.Background(), src, parse.Limits{})
			b.CopyEntities(0, src.Len())
			b.Begin(lode.SectionCode, 0)
			b.CopyLines(0, src.Len())
			if silver, err := b.Finish(); err == nil {
				if err := silver.Verify(kept); err != nil {
					t.Fatal(err)
				}
			}
		}
	})
}
