package builtin_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/embed"
	"github.com/lodedb/lode/embed/builtin"
)

// TestHashGoldenBits holds the model to the bit. These hashes never change: another model has
// another name.
func TestHashGoldenBits(t *testing.T) {
	f := func(text, want string) { t.Helper(); hashed.golden(t, text, want) }
	f("", "b320103ead9547d0")
	f("!?", "b320103ead9547d0")
	f("ore", "948942999cb8ed14")
	f("The ore is washed in running water. Wash it three times.", "f4b12077025c4b66")
	f("Straße, ﬁne, Ünïcödé, ＷＩＤＥ, x² and Ⅷ", "ab02acaf6428e821")
	f("鉱石は水で洗う。ภาษาไทย 🎉", "46e71a34d3066f8a")
	f("don't stop, they’re co\u00adop\u00aderating", "ed2b9aa3d8e5dc88")
	f(strings.Repeat("smelting needs charcoal and a strong draught ", 2000), "0b5e39d56203c3db")
	f("bytes \xff\xfe that are not text", "f687328039c08093")
	f(strings.Repeat("x", 1000), "835ea254f00899d6")
}

func TestHashUnitLength(t *testing.T) {
	for _, text := range []string{"", "ore", strings.Repeat("ore ", 5000), "!?"} {
		if n := dot(hashed(t, text), hashed(t, text)); n < 0.999999 || n > 1.000001 {
			t.Errorf("|%.20q|² = %v", text, n)
		}
	}
}

// What the model is for: shared words and shared parts of words bring texts together.
func TestHashNearness(t *testing.T) {
	nearer := func(text, near, far string) { t.Helper(); hashed.nearer(t, text, near, far) }
	nearer("washing of ores", "the ore was washed", "the coal was burned")
	nearer("the rust of the iron", "iron rusts", "the colour of the sky")
	nearer("STRASSE CAFÉ", "straße cafe", "house tea")
	nearer("鉱石を洗う", "鉱石は水で洗う", "石炭を燃やす")
	nearer("ภาษาไทย", "ภาษาไทยง่าย", "ประเทศลาว")
	equal := func(a, b string) {
		t.Helper()
		if d := dot(hashed(t, a), hashed(t, b)); d < 0.99999 {
			t.Errorf("%q and %q: %.5f", a, b, d)
		}
	}
	equal("Don't panic", "DONT PANIC")
	equal("naïve e\u0301te\u0301", "naive été")
	equal("ore", "ore!")
}

// A giant text stays within the sums that are exact.
func TestHashGiant(t *testing.T) {
	var b strings.Builder
	for i := range 200_000 {
		fmt.Fprintf(&b, "word%dnumber ", i)
	}
	v := hashed(t, b.String())
	if err := v.ValidateFor(512, lode.Cosine); err != nil {
		t.Error(err)
	}
}

func TestHashAllocations(t *testing.T) {
	if per := allocations(t, builtin.HashV1, "The ore is washed in running water. "); per > 3*4 {
		t.Errorf("%.0f allocations for 4 texts", per)
	}
}

func FuzzHash(f *testing.F) {
	f.Add("ore")
	f.Add("\xff ﷺ 中 🎉 ' ’ ")
	f.Fuzz(func(t *testing.T, text string) {
		if err := hashed(t, text).ValidateFor(512, lode.Cosine); err != nil {
			t.Fatalf("%q: %v", text, err)
		}
	})
}

func BenchmarkHash(b *testing.B) {
	text := strings.Repeat("Ore comes out of the mine with clay and sand on it. Wash it before anything else, for clay hides the colour of stone. ", 14)
	e := model(b, builtin.HashV1)
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := e.Embed(b.Context(), embed.Document, []string{text}); err != nil {
			b.Fatal(err)
		}
	}
}
