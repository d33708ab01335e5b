// Package remote embeds texts with services that are reached over HTTP. It speaks the
// protocols of OpenAI (and of the many servers that are compatible with it), Cohere, Voyage,
// Gemini, Jina and Text Embeddings Inference (TEI); Options.API chooses.
//
// What the protocols differ in is a shape: path, headers, body and answer, in one small file
// each. Everything else is shared. A call is split into requests of bounded size. Documents
// and queries are told apart where the protocol can. Providers are asked to refuse texts that
// are too long instead of cutting them, where they can be: what was cut would never be found.
// An answer is used only if it holds exactly one vector for each text, of the configured
// dimensions, finite and not all zero; anything else is an error, never a guess. Vectors are
// asked for in base64 where that is documented to be little-endian float32, which is a third
// of the size of JSON numbers and exact; numbers are accepted everywhere.
//
// How requests are sent, repeated and paced, and what errors say and hide, is package
// internal/provider's. Each request is reported to the meter of the context, with the tokens that
// the provider counted (see embed.WithMeter).
//
// Most providers refuse an empty text; a space is sent in its place.
//
// remotetest holds a server for tests that speaks the protocols and fails on demand.
package remote
