package lode

import "fmt"

// Synonym says what a word or phrase is also called in a collection: who asks for the name finds
// what holds the others too. It works in one direction.
type Synonym struct {
	Name string   `cbor:"1,keyasint" json:"name" doc:"What queries hold." maxLength:"256" example:"k8s"`
	Also []string `cbor:"2,keyasint" json:"also" doc:"Words or phrases that mean the same." minItems:"1" maxItems:"16" example:"[\"kubernetes\"]"`
}

// Limits of a glossary.
const (
	MaxGlossary      = 1000 // entries
	MaxSynonyms      = 16   // of an entry
	MaxSynonymBytes  = 256
	MaxGlossaryBytes = 256 << 10 // of all names and synonyms
)

func validateGlossary(entries []Synonym) error {
	if len(entries) > MaxGlossary {
		return Invalid("glossary", len(entries), "a glossary has at most %d entries", MaxGlossary)
	}
	size := 0
	for i, e := range entries {
		field := fmt.Sprintf("glossary[%d]", i)
		if err := validateLabel(field+".name", e.Name, MaxSynonymBytes); err != nil {
			return err
		}
		if len(e.Also) < 1 || len(e.Also) > MaxSynonyms {
			return Invalid(field+".also", len(e.Also), "an entry has 1 to %d synonyms", MaxSynonyms)
		}
		size += len(e.Name)
		for j, s := range e.Also {
			if err := validateLabel(fmt.Sprintf("%s.also[%d]", field, j), s, MaxSynonymBytes); err != nil {
				return err
			}
			size += len(s)
		}
	}
	if size > MaxGlossaryBytes {
		return Invalid("glossary", size, "the words of a glossary have at most %d bytes together", MaxGlossaryBytes)
	}
	return nil
}

// Languages without a name of their own, and the one that is meant where none is named.
const (
	LanguageDefault = "en"
	LanguageNone    = "none" // none that there are rules for
)

// ValidateLanguage checks the form of a language: two letters of ISO 639-1, or [LanguageNone].
// Which of them have rules the engine knows.
func ValidateLanguage(l string) error {
	if l == LanguageNone || len(l) == 2 && isLower(l[0]) && isLower(l[1]) {
		return nil
	}
	return Invalid("language", l, "a language is two letters of ISO 639-1, such as en or de, or none")
}

func isLower(b byte) bool { return 'a' <= b && b <= 'z' }
