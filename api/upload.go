package api

import (
	"context"
	"errors"
	"net/http"
	"slices"

	"golang.org/x/sync/errgroup"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/api/v1"
)

// submitConcurrency is how many documents of one request are made durable at a time.
const submitConcurrency = 8

// upload is one document of a request on its way.
type upload struct {
	submission lode.Submission
	receipt    lode.Receipt
	version    lode.DocVersion // once waited for
	gone       bool            // was taken in before, and replaced or deleted since
	err        error
}

// batch is the documents of one request; list is what the request calls them.
type batch struct {
	list  string
	items []upload
}

func (s *service) uploadDocuments(w http.ResponseWriter, r *http.Request, p lode.Principal) error {
	collection, err := pathCollection(r)
	if err != nil {
		return err
	}
	wait, err := queryBool(r, v1.QueryWait, true)
	if err != nil {
		return err
	}
	timeout, err := queryTimeout(r)
	if err != nil {
		return err
	}
	b, err := readUploads(r)
	if err != nil {
		return err
	}
	b.settle(collection)
	wr, err := s.uploadWrite(w, r, p, wait, b)
	if err != nil {
		return err
	}
	s.submit(r.Context(), p, wr, b)
	for i := range b.items {
		if it := &b.items[i]; it.err != nil {
			it.err = afterUnknown(it.err, w.Header().Get(v1.HeaderOperation))
		}
	}
	if err := b.refusal(); err != nil {
		return err
	}
	if wait {
		ctx, cancel := context.WithTimeout(r.Context(), timeout)
		defer cancel()
		if err := s.await(ctx, p, collection, b); err != nil {
			return err
		}
	}
	out, status := s.results(r, b)
	if out.Operation = w.Header().Get(v1.HeaderOperation); out.Operation != "" && status == http.StatusAccepted {
		w.Header().Set("Location", v1.OperationPath(out.Operation))
	}
	return writeJSON(w, status, out)
}

// readUploads reads the whole body before anything is stored.
func readUploads(r *http.Request) (*batch, error) {
	mediaType, err := contentType(r, v1.MediaTypeJSON, v1.MediaTypeMultipart)
	if err != nil {
		return nil, err
	}
	if mediaType == v1.MediaTypeMultipart {
		return readMultipart(r)
	}
	var req v1.UploadDocuments
	if err := readJSON(r, &req); err != nil {
		return nil, err
	}
	if len(req.Documents) == 0 {
		return nil, lode.Invalid("documents", "", "documents must hold at least one document")
	}
	b := &batch{list: "documents", items: make([]upload, len(req.Documents))}
	for i := range req.Documents {
		b.items[i].submission, b.items[i].err = submissionFrom(&req.Documents[i])
		req.Documents[i].Content = nil // copied, and large
	}
	return b, nil
}

func submissionFrom(d *v1.DocumentUpload) (lode.Submission, error) {
	sub := lode.Submission{
		ID: d.ID, URI: d.URI, MediaType: d.MediaType, Name: d.Name, Content: d.ContentBase64, Metadata: d.Metadata, Readers: d.Readers,
		ExpiresAt: d.ExpiresAt, IfVersion: d.IfVersion, Language: d.Language,
	}
	switch {
	case d.Content != nil && d.ContentBase64 != nil:
		return sub, lode.Invalid("content", "", "a document has either content or content_base64, not both")
	case d.Content == nil && d.ContentBase64 == nil:
		return sub, lode.Invalid("content", "", "content is missing").WithHint("give the document as content (text) or content_base64 (bytes)")
	case d.Content != nil:
		sub.Content = []byte(*d.Content)
	}
	return sub, nil
}

// settle checks each document on its own, and that no id appears twice: which of two would
// win is not for us to say.
func (b *batch) settle(collection string) {
	seen := idSet{}
	for i := range b.items {
		it := &b.items[i]
		it.submission.Collection = collection
		if it.err == nil {
			it.err = it.submission.Validate()
		}
		if it.err == nil {
			it.err = seen.add(&it.submission)
		}
	}
}

// idSet is the ids that the documents of one request will have.
type idSet map[lode.DocID]bool

// add refuses a document whose id another has. Documents without id and URI are named by
// their content: when that is the same, so are they, and the second changes nothing.
func (s idSet) add(sub *lode.Submission) error {
	field, id := "id", sub.ID
	if id == "" {
		field, id = "uri", lode.DocID(sub.URI)
	}
	if id == "" {
		return nil
	}
	if s[id] {
		return lode.Invalid(field, id, "the id appears twice in the request")
	}
	s[id] = true
	return nil
}

func (s *service) submit(ctx context.Context, p lode.Principal, wr lode.Write, b *batch) {
	var group errgroup.Group
	group.SetLimit(submitConcurrency)
	for i := range b.items {
		it := &b.items[i]
		if it.err != nil {
			continue
		}
		it.submission.Write = wr
		it.submission.Write.Part = i
		group.Go(func() error {
			it.receipt, it.err = s.Backend.Ingest.Submit(ctx, p, it.submission)
			it.submission.Content = nil // durable now, and large
			return nil
		})
	}
	_ = group.Wait() // errors stay with their items
}

// callCodes are failures of the call as a whole, when they meet every document.
var callCodes = []lode.Code{
	lode.CodeNotFound, lode.CodeUnauthorized, lode.CodeOverloaded, lode.CodeNoStorage, lode.CodeUnavailable, lode.CodeCanceled, lode.CodeTimeout, lode.CodeInternal,
}

// refusal is the error of the request: that of its only document, or the one that all
// documents share. It is nil when the answer is a list of results.
func (b *batch) refusal() error {
	first := b.items[0].err
	if first == nil {
		return nil
	}
	code := codedError(first).Code
	if slices.Contains(callCodes, code) || aboutKey(first) {
		for i := range b.items {
			if !lode.IsCode(b.items[i].err, code) && codedError(b.items[i].err).Code != code {
				return nil
			}
		}
		return first
	}
	if len(b.items) == 1 {
		return inItem(b.list, 0, codedError(first))
	}
	return nil
}

// await fills in the versions that are settled when ctx ends. Its own error is that the
// caller left or that the request's time is over.
func (s *service) await(ctx context.Context, p lode.Principal, collection string, b *batch) error {
	for i := range b.items {
		it := &b.items[i]
		if it.err != nil {
			continue
		}
		version, err := s.Backend.Ingest.Wait(ctx, p, collection, it.receipt)
		switch {
		case err == nil:
			it.version = version
		case errors.Is(ctx.Err(), context.DeadlineExceeded):
			it.version.State = lode.StatePending
		case ctx.Err() != nil:
			return ctx.Err()
		case it.receipt.Replayed && (lode.IsCode(err, lode.CodeSuperseded) || lode.IsCode(err, lode.CodeNotFound)):
			it.gone = true
		default:
			it.err = err
		}
	}
	return nil
}

// results reports each document, and the status that fits them all.
func (s *service) results(r *http.Request, b *batch) (out v1.DocumentResults, status int) {
	out.Items = make([]v1.DocumentResult, len(b.items))
	failed, pending := false, false
	for i := range b.items {
		out.Items[i] = s.result(r, b.list, i, &b.items[i])
		failed = failed || out.Items[i].Error != nil
		pending = pending || out.Items[i].State == lode.StatePending
	}
	if pending && !failed {
		return out, http.StatusAccepted
	}
	return out, batchStatus(failed)
}

func (s *service) result(r *http.Request, list string, i int, it *upload) v1.DocumentResult {
	out := v1.DocumentResult{
		ID: it.receipt.ID, Outcome: it.receipt.Outcome, Version: it.receipt.Version,
		State: it.version.State, Title: it.version.Title, Chunks: it.version.Chunks,
	}
	if it.receipt.ID == "" {
		out.ID = it.submission.ID
	}
	if out.State == "" && !it.gone && (out.Outcome == lode.OutcomeCreated || out.Outcome == lode.OutcomeUpdated) {
		out.State = lode.StatePending
	}
	if it.err != nil {
		out.Error = s.itemError(r, list, i, it.err)
		return out
	}
	if f := it.version.Failure; f != nil && out.State == lode.StateQuarantined {
		out.Error = v1.NewItemError(lode.Errorf(f.Code, "%s", f.Reason))
		out.Error.Stage = f.Stage
	}
	return out
}
