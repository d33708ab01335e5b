// Package text turns text into the terms that a lexical index is made of.
//
// An [Analyzer] is used on documents and on queries alike; two texts match where they have
// a term in common. What it does, in order:
//
//  1. Invalid UTF-8 becomes U+FFFD, and the text gets Unicode form NFKC, so that "ﬁne",
//     "ｆｉｎｅ" and "fine" are the same letters.
//  2. Words are cut by the rules of Unicode (UAX #29). White space, punctuation and
//     symbols vanish, and so do invisible characters such as soft hyphens.
//  3. Words are case-folded, and the curly apostrophe becomes the straight one. Accents
//     stay: "résumé" is not "resume".
//  4. A possessive 's falls off. The 33 English stop words that Lucene leaves out are left
//     out.
//  5. What is longer than [MaxTermBytes] is cut.
//  6. Words of English letters alone are stemmed (Snowball English, known as Porter 2):
//     "chunking" and "chunks" are "chunk". All others stay as they are.
//
// # Identifiers
//
// A compound word yields itself and its parts, so that it is found by either:
//
//	snake_case         snake_case, snake, case
//	http.Handler       http.handler, http, handler
//	parseHTTPHeader    parsehttphead, pars, http, header
//	pkg.go.dev         pkg.go.dev, pkg, go, dev
//	v1.2.3             v1.2.3, 1.2.3
//	C++, C#            c and c++, c and c#
//
// A part has two letters or digits at least, and a letter among them: "e.g", "3.14" and
// "10.0.0.1" are single terms. Capitals cut only words of letters alone, and only where no
// part is of one letter: mRNA, iPhone, PhD and HbA1c stay whole. Commas between thousands
// vanish: "3,000" is "3000". A hyphen separates words, as Unicode has it: "BM-25" is "bm"
// and "25", while "BM25" is one term.
//
// # Scripts without spaces
//
// Chinese, Japanese, Korean, Thai, Lao, Khmer and Burmese runs become overlapping pairs
// of characters: 東京都 yields 東京 and 京都. A character that stands alone is a term of its
// own; a query of one character finds only those.
//
// # Languages
//
// What stands above is English, which the zero [Analyzer] is for, and which names and code in any
// text are mostly close to. [For] gives the analyzer of another language: its Snowball stemmer,
// which takes words of any letters, its own stop words, and in French and Italian the words that
// lose their end before an apostrophe (l'avion is avion). Everything else is the same, so that
// code and scripts without spaces become the same terms in all. [Detect] tells the language of a
// text of 100 characters or more, and is silent rather than wrong: each source of texts has a
// default. Whoever indexes a text decides its language once and keeps it with the text; the name
// of the analyzer, [Analyzer.Name], belongs to the fingerprint.
//
// # Places
//
// [Analyzer.Tokens] says where in the text each term stands, in words for phrases and in bytes
// for highlighting, also where the text had to be normalised first. Parts of a compound stand
// at positions of their own, one behind the other, as they would as separate words; a word
// without a term, such as a stop word, takes a position too.
//
// # Determinism
//
// Terms depend on the text, on [Version], and on nothing else. Whatever changes them, a
// new Unicode table included, changes Version, so that an index knows that it was made by
// other rules. The package knows nothing of documents and indexes.
package text
