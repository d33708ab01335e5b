package text_test

import (
	"testing"

	"github.com/lodedb/lode/pipeline/parse"
	"github.com/lodedb/lode/pipeline/parse/parsetest"
	"github.com/lodedb/lode/pipeline/parse/text"
)

func TestGolden(t *testing.T) { parsetest.Golden(t, text.Parse, parse.TypeText) }

func TestCorpus(t *testing.T) { parsetest.Corpus(t, text.Parse, parse.TypeText, 80) }

func FuzzParse(f *testing.F) { parsetest.Fuzz(f, text.Parse, parse.TypeText) }
