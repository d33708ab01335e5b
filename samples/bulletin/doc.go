// Command bulletin writes the sample PDF, samples/documents/safety-bulletin.pdf.
//
//	go run ./samples/bulletin > samples/documents/safety-bulletin.pdf
//
// It writes the plainest PDF that readers accept: one uncompressed text stream for each
// page, in Helvetica. The output is the same bytes every time.
package main
