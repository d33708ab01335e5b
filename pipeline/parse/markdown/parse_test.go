package markdown_test

import (
	"testing"

	"github.com/lodedb/lode/pipeline/parse"
	"github.com/lodedb/lode/pipeline/parse/markdown"
	"github.com/lodedb/lode/pipeline/parse/parsetest"
)

func TestGolden(t *testing.T) { parsetest.Golden(t, markdown.Parse, parse.TypeMarkdown) }

func TestCorpus(t *testing.T) { parsetest.Corpus(t, markdown.Parse, parse.TypeMarkdown, 400) }

func FuzzParse(f *testing.F) { parsetest.Fuzz(f, markdown.Parse, parse.TypeMarkdown) }
