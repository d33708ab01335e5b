package pipeline

import (
	"context"

	"github.com/lodedb/lode"
)

// Submit accepts a document: when it returns without error, the bytes are durable and the
// job is in the log. Where the submission names no id, the URI is the id, else the hash of
// the content. A refused submission leaves nothing behind. One whose [lode.Write] has a key
// that was carried out before is answered with its first receipt, without a look at the bytes.
func (p *Pipeline) Submit(ctx context.Context, who lode.Principal, s lode.Submission) (lode.Receipt, error) {
	mediaType, collection, err := p.admit(ctx, who, &s)
	if s.Write.Key != "" {
		// After the look at the state: what happened in between is seen here, and what is
		// different since must not refuse a write that was carried out.
		r, ok, err := p.o.Collections.Submitted(ctx, who, s.Write)
		if ok || err != nil {
			return r, err
		}
	}
	if err != nil {
		return lode.Receipt{}, err
	}
	work := p.current()
	if work == nil {
		return lode.Receipt{}, errNotRunning()
	}
	size := int64(len(s.Content))
	if err := work.queue.reserve(size); err != nil {
		return lode.Receipt{}, err
	}
	accepted, receipt, err := p.receive(ctx, who, &s, mediaType)
	if err != nil || receipt.Replayed || receipt.Outcome == lode.OutcomeUnchanged || receipt.Outcome == lode.OutcomeMetadata {
		work.queue.release(size)
		if err != nil && uncertain(err) {
			work.sweepSoon()
		}
		return receipt, err
	}
	job := lode.Job{Collection: collection.ID, Doc: receipt.Doc, Version: receipt.Version, Epoch: receipt.Epoch}
	work.queue.submit(job, size, accepted.ReceivedAt)
	return receipt, nil
}

// admit checks everything that can be known before bytes are stored.
func (p *Pipeline) admit(ctx context.Context, who lode.Principal, s *lode.Submission) (mediaType string, c lode.Collection, err error) {
	if err := who.Validate(); err != nil {
		return "", c, err
	}
	if err := s.Validate(); err != nil {
		return "", c, err
	}
	if size := int64(len(s.Content)); size > p.o.MaxDocumentBytes {
		return "", c, lode.FieldError(lode.CodeTooLarge, "content", size, "document has %d bytes, the limit is %d", size, p.o.MaxDocumentBytes)
	}
	if s.ID == "" && len(s.URI) > lode.MaxDocIDBytes {
		return "", c, lode.Invalid("uri", s.URI, "uri has %d bytes; as id at most %d are possible", len(s.URI), lode.MaxDocIDBytes).WithHint("give an id")
	}
	c, _, err = p.o.Collections.Collection(ctx, who, s.Collection)
	if err != nil {
		return "", c, err
	}
	if c.Embedder.Provider == lode.ProviderNone {
		return "", c, lode.Invalid("collection", s.Collection, "the collection has no embedder: it holds raw vectors, not documents")
	}
	mediaType, err = p.o.Detect(s.Content, s.MediaType, s.Name)
	return mediaType, c, err
}

// receive makes the bytes durable and tells the log.
func (p *Pipeline) receive(ctx context.Context, who lode.Principal, s *lode.Submission, mediaType string) (a lode.Accepted, r lode.Receipt, err error) {
	start, size := p.now(), int64(len(s.Content))
	defer func() { p.stageDone(lode.StageReceive, p.now().Sub(start), size, err) }()
	hash, release, err := p.o.Blobs.Put(ctx, s.Content)
	if err != nil {
		return a, r, err
	}
	defer func() {
		if !lode.IsCode(err, lode.CodeOutcomeUnknown) { // the entry may still come: the bytes stay pinned
			release()
		}
	}()
	id := s.ID
	switch {
	case id != "":
	case s.URI != "":
		id = lode.DocID(s.URI)
	default:
		id = lode.DocID("sha256:" + hash.String())
	}
	a = lode.Accepted{
		Collection: s.Collection,
		ID:         id,
		URI:        s.URI,
		MediaType:  mediaType,
		Blob:       hash,
		Size:       size,
		Metadata:   s.Metadata,
		Readers:    s.Readers,
		ExpiresAt:  s.ExpiresAt,
		Language:   s.Language,
		IfVersion:  s.IfVersion,
		Write:      s.Write,
		ReceivedAt: start,
		Run: lode.Run{
			Stage:    lode.StageReceive,
			Start:    start,
			Duration: p.now().Sub(start),
			Outputs:  []lode.Hash{hash},
			Counts:   map[string]int64{"bytes": size},
		},
	}
	r, err = p.o.Collections.Submit(ctx, who, a)
	return a, r, err
}

// Retry starts a quarantined document again.
func (p *Pipeline) Retry(ctx context.Context, who lode.Principal, w lode.Write, collection string, id lode.DocID) (lode.Receipt, error) {
	if err := who.Validate(); err != nil {
		return lode.Receipt{}, err
	}
	c, _, missing := p.o.Collections.Collection(ctx, who, collection)
	if missing != nil && w.Key == "" {
		return lode.Receipt{}, missing
	}
	work := p.current()
	if work == nil {
		return lode.Receipt{}, errNotRunning()
	}
	r, err := p.o.Collections.Retry(ctx, who, w, collection, id)
	if err != nil {
		if uncertain(err) {
			work.sweepSoon()
		}
		return lode.Receipt{}, err
	}
	if missing != nil { // carried out before the collection was deleted
		return r, nil
	}
	work.queue.retry(lode.Job{Collection: c.ID, Doc: r.Doc, Version: r.Version, Epoch: r.Epoch})
	return r, nil
}

// Bronze returns the bytes of a document's newest version as they were received.
func (p *Pipeline) Bronze(ctx context.Context, who lode.Principal, collection string, id lode.DocID) ([]byte, lode.DocVersion, error) {
	_, version, err := p.o.Collections.Document(ctx, who, collection, lode.KindDocument, id)
	if err != nil {
		return nil, lode.DocVersion{}, err
	}
	content, err := p.o.Blobs.Get(ctx, version.Blob)
	return content, version, err
}
