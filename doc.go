// Package lode holds the nouns of the Lode vector database and retrieval server.
//
// A document takes one path, and the layers are named after what happens to ore:
//
//	bronze   bytes as received, immutable, under their SHA-256
//	silver   canonical text with sections; every byte of it points back into bronze
//	gold     chunks with exact spans into silver, token counts and vectors
//
// How the nouns relate:
//
//	Collection 1-n Document 1-n Version 1-1 Silver 1-n Section
//	                                    1-n Chunk 1-1 Vector
//	Query -> Hit 1-1 Chunk -> Citation -> Span of silver -> Span of bronze -> Hash
//
// The package depends on the standard library only. It starts no goroutine and opens
// nothing: what is here are values, their rules, and the coded [Error] that every layer
// speaks. How values are stored, searched or sent is the business of other packages.
//
// Struct tags of the form `cbor:"3,keyasint"` number the fields of the nouns that are
// stored or travel through the replicated log. A number is never given to another field.
package lode
