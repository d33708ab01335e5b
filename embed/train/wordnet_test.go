package train

import (
	"slices"
	"strings"
	"testing"
)

const entity = `00001740 03 n 02 physical_entity 0 being 1 002 ~ 00001930 n 0000 & 04424418 s 0000 | that which exists; "a being of flesh"; "the entity"  `

func TestParseSynset(t *testing.T) {
	s, err := parseSynset(entity)
	if err != nil {
		t.Fatal(err)
	}
	if s.ID != "00001740-n" || !slices.Equal(s.Lemmas, []string{"physical entity", "being"}) || s.Definition != "that which exists" ||
		!slices.Equal(s.Examples, []string{"a being of flesh", "the entity"}) ||
		!slices.Equal(s.Pointers, []Pointer{{"~", "00001930-n"}, {"&", "04424418-a"}}) {
		t.Errorf("%+v", s)
	}
	adjective, err := parseSynset(`01 00 s 01 galore(ip) 0 000 | in great numbers  `)
	if err != nil || adjective.ID != "01-a" || adjective.Lemmas[0] != "galore" {
		t.Errorf("%+v, %v", adjective, err)
	}
	for _, bad := range []string{"", "x | y", "01 00 n zz a 0 000 | y", "01 00 n 05 a 0 000 | y", "01 00 n 01 a 0 009 @ | y"} {
		if _, err := parseSynset(bad); err == nil {
			t.Errorf("%q is taken for a synset", bad)
		}
	}
}

func FuzzParseSynset(f *testing.F) {
	f.Add(entity)
	f.Add(`1 1 n 01 a 0 000 | "`)
	f.Fuzz(func(_ *testing.T, line string) { _, _ = parseSynset(line) })
}

func TestContentStems(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want int
	}{
		{"the washing of ores", "ore is washed", 2},
		{"general", "a generous gift", 1}, // the price of not missing a pair
		{"who is it", "is it who", 0},
		{"64-bit", "bits 64", 2},
		{"car", "automobile", 0},
	} {
		if got := Overlap(c.a, c.b); len(got) != c.want {
			t.Errorf("%q and %q share %q, want %d", c.a, c.b, got, c.want)
		}
	}
}

func TestSharesTerm(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want bool
	}{{"clustered", "in a cluster", true}, {"the one", "the other one", false}, {"car", "automobile", false}} {
		if SharesTerm(c.a, c.b) != c.want {
			t.Errorf("%q and %q share a term: %v", c.a, c.b, !c.want)
		}
	}
}

func TestHeldOutSynsets(t *testing.T) {
	h, err := ReadHeldOut()
	if err != nil {
		t.Fatal(err)
	}
	if len(h.Test) != HeldOutTest || len(h.Dev) != HeldOutDev || !h.Has(h.Test[0]) || !h.Has(h.Dev[0]) || h.Has("00001740-n") {
		t.Errorf("%d test and %d dev synsets", len(h.Test), len(h.Dev))
	}
	for _, bad := range []string{"00001740-n\ttest\n", "1-n\ttest\ta\n1-n\tdev\ta\n"} {
		if _, err := parseHeldOut(bad); err == nil {
			t.Errorf("%q is taken for a list", bad)
		}
	}
}

func TestWriteHeldOut(t *testing.T) {
	w := &WordNet{}
	for _, s := range []Synset{
		{ID: "1-n", Lemmas: []string{"Paris"}, Definition: "capital city of France"},
		{ID: "2-n", Lemmas: []string{"ice cream"}, Definition: "frozen sweet dessert"},
		{ID: "3-n", Lemmas: []string{"ore"}, Definition: "a mineral"},
	} {
		if isPlain(&s) {
			t.Errorf("%s is eligible", s.Lemmas[0])
		}
		w.Synsets = append(w.Synsets, s)
	}
	if err := WriteHeldOut(&strings.Builder{}, w); err == nil {
		t.Error("too few synsets are enough")
	}
	for range HeldOutTest + HeldOutDev {
		w.Synsets = append(w.Synsets, Synset{ID: strings.Repeat("9", 1+len(w.Synsets)%40), Lemmas: []string{"ore"}, Definition: "mineral that holds metal"})
	}
	var a, b strings.Builder
	if err := WriteHeldOut(&a, w); err != nil {
		t.Fatal(err)
	}
	if err := WriteHeldOut(&b, w); err != nil || a.String() != b.String() {
		t.Errorf("the choice differs: %v", err)
	}
}
