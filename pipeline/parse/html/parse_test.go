package html_test

import (
	"testing"

	"github.com/lodedb/lode/pipeline/parse"
	"github.com/lodedb/lode/pipeline/parse/html"
	"github.com/lodedb/lode/pipeline/parse/parsetest"
)

func TestGolden(t *testing.T) { parsetest.Golden(t, html.Parse, parse.TypeHTML) }

func TestCorpus(t *testing.T) { parsetest.Corpus(t, html.Parse, parse.TypeHTML, 70) }

func FuzzParse(f *testing.F) { parsetest.Fuzz(f, html.Parse, parse.TypeHTML) }
