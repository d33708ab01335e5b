// Package openai embeds texts with any service that speaks the OpenAI embeddings protocol
// over HTTP: OpenAI itself, and most servers of open models.
//
// A call is split into requests of bounded size. Vectors are asked for in base64, which is a
// third of the size of JSON numbers and exact; numbers are accepted too. An answer is used
// only if it holds exactly one vector for each text, by index, of the configured dimensions,
// finite and not all zero; anything else is an error, never a guess.
//
// Requests that were refused for the moment (408, 429, 5xx), that broke off, or that took
// longer than Options.Timeout are repeated with growing pauses, as often as Options.MaxRetries says
// and as long as the caller's context lasts. Retry-After (seconds, date) and Retry-After-Ms
// are obeyed up to Options.MaxWait, and so is x-should-retry; when x-ratelimit-remaining-*
// says that nothing is left, all callers wait for x-ratelimit-reset-* before the next
// request. 400, 401, 403, 404 and the like are not repeated. Redirects are refused, for they
// would carry texts and key to another place.
//
// Errors name the provider's host, the status and a short form of its message. They never
// hold a text or the key: what the provider repeats of either is left out. The key travels in
// the Authorization header only.
//
// Most providers refuse an empty text; a space is sent in its place.
//
// openaitest holds a server for tests that speaks the protocol and fails on demand.
package openai
