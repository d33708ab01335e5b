package parse

import (
	"bufio"
	"context"
	"errors"
	"io"
	"os"
	"runtime"
	"runtime/debug"

	"github.com/lodedb/lode"
)

// WorkerEnv is set to 1 in the environment of a worker process. A program that owns a
// [Pool] asks [IsWorker] first thing in main (a test binary in TestMain) and, if so, does
// nothing but [WorkerMain].
const WorkerEnv = "LODE_PARSE_WORKER"

// maxStackBytes bounds a goroutine's stack in a worker: deep recursion dies here, early and
// with a clear mark, instead of filling the memory.
const maxStackBytes = 64 << 20

// freeAbove is the size of a document after which a worker gives memory back to the system.
const freeAbove = 1 << 20

// IsWorker reports whether this process was started as a worker.
func IsWorker() bool { return os.Getenv(WorkerEnv) == "1" }

// WorkerMain is the main function of a worker process: it takes documents from standard
// input until that ends, and returns the exit code.
func WorkerMain(lookup func(mediaType string) (Parser, bool)) int {
	if err := Serve(context.Background(), os.Stdin, os.Stdout, lookup); err != nil {
		return 1
	}
	return 0
}

// Serve parses the documents that arrive on r, one at a time, and answers each on w, until r
// ends. In a worker process it first limits the process itself and takes standard output
// away from libraries that print. It returns an error when a frame is damaged, and after a
// parser panicked: the panic is answered as [lode.CodeMalformed], but the process should
// end, since nobody knows what the parser left behind.
func Serve(ctx context.Context, r io.Reader, w io.Writer, lookup func(mediaType string) (Parser, bool)) error {
	if IsWorker() {
		harden()
	}
	in := bufio.NewReaderSize(r, 64<<10)
	for ctx.Err() == nil {
		kind, payload, err := readFrame(in, 1<<32)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if kind != frameRequest {
			return errFrame
		}
		doc, err := decodeRequest(payload)
		if err != nil {
			return err
		}
		if err := serveOne(ctx, w, doc, lookup); err != nil {
			return err
		}
		if len(payload) > freeAbove {
			payload, doc = nil, Input{}
			debug.FreeOSMemory()
		}
	}
	return ctx.Err()
}

func serveOne(ctx context.Context, w io.Writer, doc Input, lookup func(string) (Parser, bool)) error {
	parser, ok := lookup(doc.MediaType)
	if !ok {
		return writeFailure(w, unsupported(doc.MediaType), false)
	}
	silver, err, panicked := guard(ctx, parser, doc)
	if err != nil {
		if err := writeFailure(w, err, panicked != nil); err != nil {
			return err
		}
		return panicked
	}
	return writeResult(w, silver)
}

// guard runs the parser and turns a panic into a reason. Only errors of the Go runtime are
// repeated: they speak of indexes and types, while other panic values may quote the document.
func guard(ctx context.Context, parser Parser, doc Input) (silver *lode.SilverText, err, panicked error) {
	defer func() {
		cause := recover()
		if cause == nil {
			return
		}
		reason := "parser gave up on the document's structure"
		if bug, ok := cause.(runtime.Error); ok {
			reason = "parser panicked: " + bug.Error()
		}
		silver, err = nil, lode.Errorf(lode.CodeMalformed, "%s", reason)
		panicked = errors.New("parser panicked")
	}()
	silver, err = parser(ctx, doc)
	if err == nil && silver == nil {
		err = lode.Errorf(lode.CodeInternal, "parser returned nothing")
	}
	return silver, err, nil
}
