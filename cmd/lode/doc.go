// Command lode is the Lode server and its command line.
//
//	lode serve                       run a node
//	lode ingest PATH…                send files and folders to a node
//	lode search "question"           print the best passages
//	lode context "question"          print a context with numbered citations for a model
//	lode trace CHUNK                 follow a passage back to the bytes it came from
//	lode check                       verify everything that a node stores
//	lode health                      ask whether a node is ready
//	lode collections list|create|delete
//	lode patch COLLECTION            change metadata, readers or expiry
//	lode documents delete COLLECTION delete by ids or by a filter
//	lode count COLLECTION            count what a filter matches
//	lode facets COLLECTION FIELD     count the values of a metadata field
//	lode scroll COLLECTION           walk documents and raw vectors in any order
//	lode backup create|list|verify|restore
//	lode eval run|compare|tune        measure, compare and tune retrieval on judged questions
//	lode bench …                     measure quality, ingest, spans, crashes, start, vector indexes
//	lode version
//
// Every command takes --output json. Settings come from flags, from LODE_* variables and,
// for serve, from a YAML file, in this order of precedence. The exit status is 0 for
// success, 1 for failure, 2 for a wrong command line or configuration and 3 when a part of
// the work failed (some documents of an ingest, a breach found by check). lode eval compare ends with
// 4 when the second report is worse than the first.
package main
