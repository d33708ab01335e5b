// Package embedtest is the conformance suite of embed.Embedder: what every implementation
// promises, whatever its vectors mean. An implementation runs it in three lines.
package embedtest
