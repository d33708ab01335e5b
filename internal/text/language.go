package text

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/abadojack/whatlanggo"
	"github.com/blevesearch/snowballstem"
	"github.com/blevesearch/snowballstem/arabic"
	"github.com/blevesearch/snowballstem/danish"
	"github.com/blevesearch/snowballstem/dutch"
	"github.com/blevesearch/snowballstem/english"
	"github.com/blevesearch/snowballstem/finnish"
	"github.com/blevesearch/snowballstem/french"
	"github.com/blevesearch/snowballstem/german"
	"github.com/blevesearch/snowballstem/hungarian"
	"github.com/blevesearch/snowballstem/irish"
	"github.com/blevesearch/snowballstem/italian"
	"github.com/blevesearch/snowballstem/norwegian"
	"github.com/blevesearch/snowballstem/portuguese"
	"github.com/blevesearch/snowballstem/romanian"
	"github.com/blevesearch/snowballstem/russian"
	"github.com/blevesearch/snowballstem/spanish"
	"github.com/blevesearch/snowballstem/swedish"
	"github.com/blevesearch/snowballstem/turkish"

	"github.com/lodedb/lode"
)

// Language is a language by its two letters of ISO 639-1.
type Language string

// The languages that are told apart by more than their script. [NoLanguage] stands for all
// others: nothing is stemmed or left out.
const (
	English    Language = "en"
	NoLanguage Language = "none"
)

// rules are what is special about a language.
type rules struct {
	name string // of the analyzer, with its version
	stem func(*snowballstem.Env) bool
	// stops are words that are left out.
	stops map[string]bool
	// elided are the words that lose their end before an apostrophe: l'avion, dell'arte.
	elided map[string]bool
	// possessive says that 's falls off.
	possessive bool
	// ascii says that only words of English letters are stemmed.
	ascii bool
}

var languages = map[Language]*rules{
	English:    {name: Version, stem: english.Stem, stops: set(englishStops), possessive: true, ascii: true},
	NoLanguage: {name: "plain-1"},
	"ar":       {name: "arabic-1", stem: arabic.Stem},
	"da":       {name: "danish-1", stem: danish.Stem, stops: set(danishStops)},
	"de":       {name: "german-1", stem: german.Stem, stops: set(germanStops)},
	"es":       {name: "spanish-1", stem: spanish.Stem, stops: set(spanishStops)},
	"fi":       {name: "finnish-1", stem: finnish.Stem, stops: set(finnishStops)},
	"fr":       {name: "french-1", stem: french.Stem, stops: set(frenchStops), elided: set(frenchElided)},
	"ga":       {name: "irish-1", stem: irish.Stem},
	"hu":       {name: "hungarian-1", stem: hungarian.Stem},
	"it":       {name: "italian-1", stem: italian.Stem, stops: set(italianStops), elided: set(italianElided)},
	"nl":       {name: "dutch-1", stem: dutch.Stem, stops: set(dutchStops)},
	"no":       {name: "norwegian-1", stem: norwegian.Stem, stops: set(norwegianStops)},
	"pt":       {name: "portuguese-1", stem: portuguese.Stem, stops: set(portugueseStops)},
	"ro":       {name: "romanian-1", stem: romanian.Stem},
	"ru":       {name: "russian-1", stem: russian.Stem, stops: set(russianStops)},
	"sv":       {name: "swedish-1", stem: swedish.Stem, stops: set(swedishStops)},
	"tr":       {name: "turkish-1", stem: turkish.Stem},
}

func set(words string) map[string]bool {
	m := make(map[string]bool)
	for word := range strings.FieldsSeq(words) {
		m[word] = true
	}
	return m
}

// For returns an analyzer of a language. One that is not known is [lode.CodeInvalid].
func For(l Language) (*Analyzer, error) {
	r, ok := languages[l]
	if !ok {
		return nil, lode.Invalid("language", l, "there are no rules for this language").
			WithHint(fmt.Sprintf("use %s for it; there are rules for %s", NoLanguage, strings.Join(ruled(), ", ")))
	}
	return &Analyzer{rules: r}, nil
}

// Declared returns the language of a tag of BCP 47, such as "pt-BR", as a document declares it: that
// of a language without rules is [NoLanguage]. It is false where the tag names no language.
func Declared(tag string) (l Language, ok bool) {
	primary, _, _ := strings.Cut(strings.ToLower(tag), "-")
	switch l = Language(primary); l {
	case "", "und", "mul", "mis", "zxx":
		return "", false
	case "nb", "nn":
		return "no", true
	}
	if languages[l] == nil {
		return NoLanguage, true
	}
	return l, true
}

// ruled are the languages with rules of their own.
func ruled() (names []string) {
	for _, l := range Languages() {
		if l != NoLanguage {
			names = append(names, string(l))
		}
	}
	return names
}

// Languages are those that there are analyzers for, in order.
func Languages() []Language { return slices.Sorted(maps.Keys(languages)) }

// Rules names the rules of all languages together, for what is made of texts in any of them. It
// changes when one of them does, or another one comes.
func Rules() string {
	h := sha256.New()
	for _, l := range Languages() {
		fmt.Fprintf(h, "%s %s\n", l, languages[l].name)
	}
	return Version + " and others " + hex.EncodeToString(h.Sum(nil)[:8])
}

// Name names the rules of the analyzer. It is part of the fingerprint of everything made with
// them. That of English is [Version].
func (a *Analyzer) Name() string { return a.language().name }

func (a *Analyzer) language() *rules {
	if a.rules == nil {
		return languages[English]
	}
	return a.rules
}

const (
	// leastDetected is the number of characters from which a language is detected well.
	leastDetected = 100
	// mostDetected bounds the bytes that are looked at.
	mostDetected = 8 << 10
)

// Detect returns the language of a text, if that can be told, and else the given one, which a
// source of texts has for its default. A text must have 100 characters at least. Text that is
// surely in a language without rules is [NoLanguage]. The answer depends on the text alone.
func Detect(s string, otherwise Language) Language {
	s = strings.ToValidUTF8(s[:min(len(s), mostDetected)], "")
	if len([]rune(s)) < leastDetected {
		return otherwise
	}
	info := whatlanggo.Detect(s)
	if !info.IsReliable() {
		return otherwise
	}
	l := Language(info.Lang.Iso6391())
	switch {
	case l == "nb" || l == "nn":
		l = "no"
	case languages[l] == nil:
		l = NoLanguage
	}
	return l
}
