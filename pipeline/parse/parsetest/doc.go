// Package parsetest holds the conformance suite of [parse.Parser]: what every parser must
// hold for every document, golden files, a walk over real documents, and a fuzz body. A
// parser runs it in a few lines:
//
//	func TestGolden(t *testing.T) { parsetest.Golden(t, text.Parse, parse.TypeText) }
//	func TestCorpus(t *testing.T) { parsetest.Corpus(t, text.Parse, parse.TypeText) }
//	func FuzzParse(f *testing.F)  { parsetest.Fuzz(f, text.Parse, parse.TypeText) }
//
// It is imported by tests only.
package parsetest
