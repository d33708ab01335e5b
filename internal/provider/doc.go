// Package provider asks services over HTTP, as the node asks providers of embeddings and of
// re-ranking: it sends JSON, repeats what was refused for the moment, reads an answer of bounded
// size, and explains failures. What is asked and what an answer means is the caller's.
//
// Requests that were refused for the moment (408, 409, 429, 5xx), that broke off, or that took
// longer than Options.Timeout are repeated with growing pauses, as often as Options.MaxRetries
// says and as long as the caller's context lasts. Retry-After (seconds, date), Retry-After-Ms
// and Gemini's RetryInfo are obeyed up to Options.MaxWait, and so is x-should-retry; when
// x-ratelimit-remaining-* says that nothing is left, all callers wait for x-ratelimit-reset-*
// before the next request. 400, 401, 403, 404 and the like are not repeated. Redirects are
// refused, for they would carry texts and key to another place.
//
// Errors are [lode.CodeProvider] unless they say more: [lode.CodeTooLarge], [lode.CodeTimeout],
// [lode.CodeCanceled]. They name the service's host, the status and a short form of its message.
// They never hold a text or the key: what the service repeats of either is left out.
package provider
