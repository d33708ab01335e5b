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
// Requests that were refused for the moment (408, 409, 429, 5xx), that broke off, or that took
// longer than Options.Timeout are repeated with growing pauses, as often as Options.MaxRetries
// says and as long as the caller's context lasts. Retry-After (seconds, date), Retry-After-Ms
// and Gemini's RetryInfo are obeyed up to Options.MaxWait, and so is x-should-retry; when
// x-ratelimit-remaining-* says that nothing is left, all callers wait for x-ratelimit-reset-*
// before the next request. 400, 401, 403, 404 and the like are not repeated. Redirects are
// refused, for they would carry texts and key to another place.
//
// Errors name the provider's host, the status and a short form of its message. They never
// hold a text or the key: what the provider repeats of either is left out. The key travels in
// the header of the protocol only. Each request is reported to the meter of the context, with
// the tokens that the provider counted (see embed.WithMeter).
//
// Most providers refuse an empty text; a space is sent in its place.
//
// remotetest holds a server for tests that speaks the protocols and fails on demand.
package remote
