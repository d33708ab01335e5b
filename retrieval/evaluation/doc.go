// Package evaluation says how good retrieval is, whether a change made it better, and which settings
// a collection should have.
//
// # Sets
//
// A [Set] is questions with judgements: which spans of which documents answer them. It is JSON Lines,
// one question a line:
//
//	{"id": "q1", "query": "when does the last boat leave?", "answer": "23:40",
//	 "spans": [{"document": "timetable.md", "bronze_sha256": "9f86…", "start": 1204, "end": 1251, "grade": 2}]}
//
// A span lies in the canonical text of a document. It names the document by the hash of its bytes, by
// its outside id or by its URI; without start and end it is the whole document. Because it names no
// chunk, a set survives another chunker, another embedder and another index.
//
// [Read] reads and checks such lines; [ReadBEIR], [ReadSpans] and [ReadAnswers] make sets of public
// data. [Draft] makes one of the texts of a collection, without a model.
//
// # Runs
//
// A [Runner] asks every question through an [Asker], judges what comes back and makes a [Report]:
// scores of every question and their means, and what they are scores of: the documents (a fingerprint
// of what is shown), the collection's settings, those of the query and the version of the code.
//
// # Decisions
//
// [Compare] says whether one report is worse or better than another: by the interval of a paired
// bootstrap, and by a least difference that the caller declares. Neither alone is a reason. [Tune] looks
// for better settings and believes a gain only on questions that did not choose them.
//
// # What it leaves to others
//
// How questions are asked (the node itself, or a client over HTTP), where sets are kept, and what is
// printed. The package opens files only where its functions are given paths, and starts no goroutine
// that outlives a call.
package evaluation
