// Package embed turns texts into vectors. It owns the contract, Embedder; batching; and, in
// embedtest, the conformance suite that every implementation passes. Implementations are
// child folders: embed/builtin needs no model file and no network, embed/local has models in
// files (read by embed/tokenizer and embed/safetensors, fetched by embed/hub), embed/remote calls services
// over HTTP, in the protocols of OpenAI, Cohere, Voyage, Gemini, Jina and TEI. The server
// chooses among them by configuration. Embedders that send requests report each of them to
// the meter of the context, see WithMeter.
//
// An embedder is known by its fingerprint. Two vectors may be compared only when their
// fingerprints are equal, so whatever changes vectors (provider, model, revision, dimensions,
// normalisation) is part of it.
//
// The package knows nothing of documents, chunks or storage.
package embed
