package text_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/internal/text"
)

func TestLanguages(t *testing.T) {
	f := func(l text.Language, input string, want ...string) {
		t.Helper()
		a, err := text.For(l)
		if err != nil {
			t.Fatal(err)
		}
		if got := a.Terms(nil, input); !slices.Equal(got, want) {
			t.Errorf("%s: %q: got %q, want %q", l, input, got, want)
		}
	}
	f("en", "The houses of cats", "hous", "cat")
	f("none", "The Houses of cats", "the", "houses", "of", "cats")
	f("de", "Die Häuser und das Haus", "haus", "haus")
	f("de", "http.Handler und 東京都", "http.handler", "http", "handl", "東京", "京都")
	f("fr", "L'avion et les avions, qu’elle", "avion", "avion")
	f("it", "dell'arte delle arti", "arte", "arti")
	f("es", "las canciones de la canción", "cancion", "cancion")
	f("ru", "в домах и дома", "дом", "дом")
	f("sv", "flickor och flickorna", "flick", "flick")
	f("en", "l'avion it's", "l'avion")
}

func TestNamesOfAnalyzersDiffer(t *testing.T) {
	names := map[string]bool{}
	for _, l := range []text.Language{"en", "none", "ar", "da", "de", "es", "fi", "fr", "ga", "hu", "it", "nl", "no", "pt", "ro", "ru", "sv", "tr"} {
		a, err := text.For(l)
		if err != nil {
			t.Fatal(err)
		}
		if name := a.Name(); names[name] || !strings.HasSuffix(name, "-1") {
			t.Errorf("%s is named %q", l, name)
		}
		names[a.Name()] = true
	}
	var zero text.Analyzer
	if zero.Name() != text.Version {
		t.Error(zero.Name())
	}
	var e *lode.Error
	if _, err := text.For("xx"); !lode.IsCode(err, lode.CodeInvalid) || !errors.As(err, &e) || !strings.Contains(e.Hint, "de, en") {
		t.Error(err)
	}
}

func TestDeclared(t *testing.T) {
	for tag, want := range map[string]text.Language{
		"en": "en", "pt-BR": "pt", "DE-at": "de", "nb": "no", "nn-NO": "no", "ja": text.NoLanguage, "": "", "und": "", "mul": "", "zxx": "",
	} {
		if got, ok := text.Declared(tag); got != want || ok != (want != "") {
			t.Errorf("%q: %q, %t", tag, got, ok)
		}
	}
}

// TestRules holds the name of all rules: whatever changes terms in any language must change it, for
// what was made of texts by other rules is not read any more.
func TestRules(t *testing.T) {
	if all := text.Languages(); len(all) != 18 || !slices.IsSorted(all) {
		t.Errorf("%v", all)
	}
	if got, want := text.Rules(), "english-1 and others 087bb7c1a46df995"; got != want {
		t.Errorf("the rules are %q, and were %q", got, want)
	}
}

func TestDetect(t *testing.T) {
	f := func(want text.Language, s string) {
		t.Helper()
		for range 20 {
			if got := text.Detect(s, "otherwise"); got != want {
				t.Fatalf("%.40q: got %s, want %s", s, got, want)
			}
		}
	}
	f("otherwise", "")
	f("otherwise", "Too short to tell.")
	f("otherwise", strings.Repeat("1234 ", 100))
	f("en", "The quick brown fox jumps over the lazy dog, and nobody in the village has ever seen anything like it before; so they wrote it down.")
	f("de", "Der schnelle braune Fuchs springt über den faulen Hund, und niemand im Dorf hat jemals etwas Ähnliches gesehen, also schrieben sie es auf.")
	f("fr", "Le renard brun et rapide saute par-dessus le chien paresseux, et personne dans le village n'avait jamais rien vu de semblable auparavant.")
	f("es", "El rápido zorro marrón salta sobre el perro perezoso, y nadie en el pueblo había visto nunca nada parecido, así que lo escribieron todo.")
	f("none", strings.Repeat("東京都は日本の首都である。", 20))
	f("none", "Szybki brązowy lis przeskakuje nad leniwym psem i nikt we wsi nigdy wcześniej nie widział czegoś podobnego, więc zapisali to wszystko w księdze.")
}

// Every analyzer keeps what the index relies on, whatever the text.
func FuzzLanguages(f *testing.F) {
	f.Add("l'avion dell'arte Häuser дома husen")
	f.Add("'' l' 'l l'' ß ŉ \u0301a")
	var all []*text.Analyzer
	for _, l := range []text.Language{"none", "ar", "da", "de", "es", "fi", "fr", "ga", "hu", "it", "nl", "no", "pt", "ro", "ru", "sv", "tr"} {
		a, err := text.For(l)
		if err != nil {
			f.Fatal(err)
		}
		all = append(all, a)
	}
	f.Fuzz(func(t *testing.T, s string) {
		for _, a := range all {
			for _, k := range a.Tokens(nil, s) {
				if k.Term == "" || len(k.Term) > text.MaxTermBytes || k.Start >= k.End || k.End > len(s) {
					t.Fatalf("%s: %q: token %+v", a.Name(), s, k)
				}
			}
		}
		text.Detect(s, "en")
	})
}
