// Package support compares an answer with the passages that it cites.
//
// # What it tells
//
// [Check] cuts an answer into sentences, reads their marks ("[1]", "[2, 3]", "[1]–[3]" is read as
// 1 and 3), and says of each how much of what it says stands in the passages that it names: the
// share of its content words, numbers and names that one place of one passage holds. A place is
// up to three sentences that follow each other. What is missing is listed, so that a person sees
// at once that "1997" is in no source.
//
//	supported    the passages hold it, every number and name included
//	weak         most of it is there, or all of it but for a name or a negation
//	unsupported  the passages do not hold it
//	uncited      it names no passage; the score is that of the best of all of them
//	no_claim     there is nothing to be held: "Here is what I found:"
//
// # What it cannot tell
//
// It compares words, not meanings. A sentence that says the same in other words counts as weak
// or unsupported, and one that turns the words of a passage around ("A beat B" for "B beat A") as
// supported. It is a check that costs a millisecond and needs no model: unsupported numbers and
// names are the commonest faults of generated answers, and those it finds. DESIGN.md has figures.
//
// Sentences are of any language that internal/text has rules for; names are looked for by capitals.
package support
