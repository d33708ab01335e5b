package lode_test

import (
	"strings"
	"testing"

	"github.com/lodedb/lode"
)

// TestTuningOfWords: languages and glossaries that are not valid are refused by name.
func TestTuningOfWords(t *testing.T) {
	of := func(change func(*lode.Tuning)) error {
		var tuning lode.Tuning
		change(&tuning)
		tuning.EnsureDefaults()
		return tuning.Validate()
	}
	glossary := func(entries ...lode.Synonym) func(*lode.Tuning) {
		return func(t *lode.Tuning) { t.Glossary = entries }
	}
	language := func(l string) func(*lode.Tuning) { return func(t *lode.Tuning) { t.Language = l } }
	for _, good := range []func(*lode.Tuning){
		language(""), language("de"), language(lode.LanguageNone), glossary(), glossary(lode.Synonym{Name: "k8s", Also: []string{"kubernetes"}}),
	} {
		if err := of(good); err != nil {
			t.Error(err)
		}
	}
	large := make([]lode.Synonym, 100)
	for i := range large {
		large[i] = lode.Synonym{Name: "a", Also: make([]string, lode.MaxSynonyms)}
		for j := range large[i].Also {
			large[i].Also[j] = strings.Repeat("w", lode.MaxSynonymBytes)
		}
	}
	for field, bad := range map[string]func(*lode.Tuning){
		"language":            language("deu"),
		"glossary":            glossary(large...),
		"glossary[0].name":    glossary(lode.Synonym{Also: []string{"a"}}),
		"glossary[1].also":    glossary(lode.Synonym{Name: "a", Also: []string{"b"}}, lode.Synonym{Name: "a"}),
		"glossary[0].also[1]": glossary(lode.Synonym{Name: "a", Also: []string{"b", "c\x00"}}),
	} {
		if err := of(bad); !lode.IsCode(err, lode.CodeInvalid) || !strings.Contains(err.Error(), strings.SplitN(field, "[", 2)[0]) {
			t.Errorf("%s: %v", field, err)
		}
	}
	s := lode.Submission{Collection: "c", Content: []byte("text"), Language: "english"}
	if err := s.Validate(); !lode.IsCode(err, lode.CodeInvalid) {
		t.Errorf("a submission in %q: %v", s.Language, err)
	}
}
