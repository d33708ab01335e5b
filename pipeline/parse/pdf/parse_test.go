package pdf_test

import (
	"testing"

	"github.com/lodedb/lode/pipeline/parse"
	"github.com/lodedb/lode/pipeline/parse/parsetest"
	"github.com/lodedb/lode/pipeline/parse/pdf"
)

func TestGolden(t *testing.T) { parsetest.Golden(t, pdf.Parse, parse.TypePDF) }

func TestCorpus(t *testing.T) { parsetest.Corpus(t, pdf.Parse, parse.TypePDF, 60) }

func FuzzParse(f *testing.F) { parsetest.Fuzz(f, pdf.Parse, parse.TypePDF) }
