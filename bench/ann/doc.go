// Package ann measures approximate nearest neighbour search: recall against queries per
// second, latency, build time and memory, of Lode's indexes and of any other engine, on the
// same data in the same run.
//
// # Data
//
// A [Dataset] is vectors, queries held out, and the exact neighbours of each query. It comes
// from files in the field's usual formats (fvecs, ivecs, bvecs, fbin, u8bin, f16bin, npy),
// from a folder of them, or from a seeded [Mixture] of Gaussians. Exact neighbours that are
// not given are computed. Vectors are brought to unit length under cosine before any engine
// sees them, so that all compare the same numbers.
//
// # Engines
//
// Every engine, Lode's own too, runs as a process that speaks the line protocol of
// bench/peers/README.md: words in, one JSON object a line out. [Serve] is the engine's side
// for engines in Go, [Peer] the harness's side. The harness believes no engine: it
// computes the recall from the ids, refuses answers of the wrong length, ids that do not
// exist and counts that do not match, and reads CPU time and memory from the operating
// system, whatever the engine says.
//
// # What is measured
//
// QPS is queries per second of CPU time that the process spent, all its threads counted (a
// garbage collector is not free), with the process pinned to one CPU. A [Run] builds every
// engine, finds for each the sweep of ef that brackets the recalls asked for, and then goes
// round: each round searches every point of every engine, in an order that rotates. Medians
// of the rounds count. QPS at a recall is interpolated between neighbouring points; see [At].
//
// The outcome is a [Report]: JSON with everything measured, a page of HTML that needs no
// other file, and Markdown tables.
package ann
