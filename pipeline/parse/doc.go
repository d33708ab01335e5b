// Package parse turns documents into silver text, away from the node.
//
// It owns what all parsers share: the contract [Parser]; [Detect], which looks at bytes to
// choose a parser; [Decode], which finds encodings; [Builder], which assembles
// [lode.SilverText] and keeps the way back to every byte; and [Pool], which runs parsers in
// worker processes. The parsers themselves are the child packages text, markdown, html and
// pdf; this package imports none of them, the node joins them with a switch:
//
//	func lookup(mediaType string) (parse.Parser, bool) {
//		switch mediaType {
//		case parse.TypePDF:
//			return pdf.Parse, true
//		…
//
//	func main() {
//		if parse.IsWorker() {
//			os.Exit(parse.WorkerMain(lookup))
//		}
//		…
//		pool := parse.NewPool(parse.PoolOptions{})
//		defer pool.Close()
//
// A document is hostile until parsed. What a parser does in its worker (hang, eat memory,
// overflow the stack, crash) costs that document an error with a reason and the pool one
// process. The worker has no network use, no secrets in its environment and no open files
// of the node, and what it answers is verified against the bytes before it is believed.
// DESIGN.md beside this file gives the protocol and the reasons.
//
// Chunking, embedding and storage are the business of others, and so is trust: text is
// returned as the document has it, and nothing in it is ever executed or fetched.
package parse
