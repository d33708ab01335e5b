package collection

import (
	"sync"

	"github.com/lodedb/lode"
	lexical "github.com/lodedb/lode/index/bm25/segment"
	"github.com/lodedb/lode/internal/text"
)

// analyzers has one for each language: making one is dear, and they may be shared.
var analyzers = sync.OnceValue(func() map[text.Language]*text.Analyzer {
	all := map[text.Language]*text.Analyzer{}
	for _, l := range text.Languages() {
		a, err := text.For(l)
		if err != nil {
			panic(err) // it is one of those that there are
		}
		all[l] = a
	}
	return all
})

// languageOf is the language whose rules a text is analysed by. Rows of before there were
// languages are English; what has no rules has those of none.
func languageOf(name string) text.Language {
	switch l := text.Language(name); {
	case name == "":
		return text.English
	case analyzers()[l] == nil:
		return text.NoLanguage
	default:
		return l
	}
}

func analyzerOf(name string) *text.Analyzer { return analyzers()[languageOf(name)] }

// checkLanguage refuses a language that there are no rules for.
func checkLanguage(name string) error {
	_, err := text.For(text.Language(name))
	return err
}

// pointLanguage is the language of the texts of points, in the form in which versions have it.
// They are short and many: nobody looks what they are in.
func pointLanguage(t *lode.Tuning) string {
	if t.Language == lode.LanguageDefault {
		return ""
	}
	return t.Language
}

// wordsOf are the words of a chunk, of a document with a title.
func wordsOf(language string, c *lode.Chunk, title string) lexical.Row {
	a := analyzerOf(language)
	row := lexical.Row{a.Tokens(nil, c.Shown())}
	if heading := c.Heading(title); heading != "" {
		row = append(row, a.Tokens(nil, heading))
	}
	return row
}
