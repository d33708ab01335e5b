// Package suspect finds what in a text is meant for models and not for readers: [Instructions]
// that try to steer a model, and [Hidden] characters that no reader sees.
//
// Both return spans of bytes of the text as it is. They run in linear time, allocate in
// proportion to the text, know nothing of documents, and never fail: a text that is not UTF-8 is
// read byte by byte where it is damaged. A finding is a suspicion. Whoever gets one marks the
// text and goes on; nothing here says that a text without findings is harmless.
//
// # Instructions
//
// The text is folded to words first (fold.go), so that the usual disguises are gone: compatibility
// forms and accents (NFKD, marks dropped), case, invisible characters, tag characters (read as the
// letters that they hide), Cyrillic and Greek letters inside Latin words, digits for letters
// ("1gn0re"), letters spaced out ("i g n o r e"), words run together. Each word keeps where it
// stood.
//
// Then rules look at the words (rules.go, vocabulary.go): a rule is a row of classes of words, such as
// "ignore", "previous", "instructions", with at most a few other words between two of them. The
// classes hold the words of some languages, so one rule speaks them all. Languages written without
// spaces have expressions over their characters (cjk.go). Signs that need no words, such as the
// marks of chat templates and images that carry data away, are looked for as they stand
// (literal.go), and runs of base64 are decoded and read once (base64.go).
//
// The name of a rule is what it found and, for words, the language of the first of them:
// "override/en", "leak/de", "template", "base64/override/en".
//
// # Hidden
//
// Characters without width, overrides of writing direction, tag characters and rows of variation
// selectors, where they cannot be what they are for: joiners in emoji and in scripts that need
// them, marks of direction beside right-to-left text, and flags of regions are let alone.
package suspect
