package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/api/v1"
	"github.com/lodedb/lode/client"
)

// codePartial is the code of a run that some documents did not survive.
const codePartial lode.Code = "partial"

// Bounds of one upload request.
const (
	batchFiles = 32
	batchBytes = 8 << 20
)

type ingestCommand struct {
	target
	Paths []string `arg:"" name:"path" help:"Files and folders, or - for standard input."`

	ID          string            `help:"Id of the document; for a single file or standard input." placeholder:"ID" env:"-"`
	Name        string            `help:"File name of standard input, a hint for its type." placeholder:"NAME" env:"-"`
	URIPrefix   string            `name:"uri-prefix" help:"Put before each id to make the source URI that citations show." placeholder:"URI"`
	Metadata    map[string]string `short:"m" mapsep:"none" help:"Metadata of every document; repeat for more. Numbers, true, false and lists like [1,2] are typed." placeholder:"KEY=VALUE" env:"-"`
	Reader      []string          `help:"Label of who may see the documents; repeat for more." placeholder:"LABEL"`
	ExpiresAt   string            `help:"When the documents end of themselves, as 2030-01-02T15:04:05Z." placeholder:"TIME" env:"-"`
	Language    string            `help:"Language of the documents, as de; the default is what each declares or is seen to be in." placeholder:"CODE" env:"-"`
	Include     []string          `help:"Only files that match the pattern, e.g. '*.md', 'guide/*' or 'guide/**/*.md'." placeholder:"GLOB"`
	Exclude     []string          `help:"Leave out files and folders that match the pattern, e.g. node_modules." placeholder:"GLOB"`
	Hidden      bool              `help:"Take hidden files and folders too."`
	MaxFile     byteSize          `help:"Skip larger files." default:"64MiB" placeholder:"SIZE"`
	Concurrency int               `help:"Uploads at the same time." default:"4" placeholder:"N"`
	NoWait      bool              `help:"Return when the documents are durable, before they are searchable, and print the operations to ask for."`
}

// Run sends what is new or changed and reports every document that failed.
func (c *ingestCommand) Run(ctx context.Context, std streams) error {
	metadata, err := typedMetadata(c.Metadata)
	if err != nil {
		return usageError{err}
	}
	expiry, err := parseExpiry(c.ExpiresAt)
	if err != nil {
		return usageError{err}
	}
	files, err := c.list(std.in)
	if err != nil {
		return err
	}
	if len(files) == 0 && !std.json {
		fmt.Fprintln(std.err, "no file to send")
	}
	node, err := c.open()
	if err != nil {
		return err
	}
	if err := c.ensureCollection(ctx, node); err != nil {
		return err
	}
	known, err := knownHashes(ctx, node, c.Collection, files)
	if err != nil {
		return err
	}
	job := &ingestJob{command: c, node: node, known: known, metadata: metadata, expiry: expiry, start: time.Now()}
	job.progress = newProgress(std, files)
	err = job.run(ctx, files)
	job.progress.finish()
	failed := job.report(std)
	if err != nil {
		return err // the run broke off: more is missing than what failed
	}
	return failed
}

// typedMetadata reads values as JSON where they are numbers, booleans, lists or objects, else as
// strings; the word null is one.
func typedMetadata(raw map[string]string) (lode.Metadata, error) {
	m := lode.Metadata{}
	for key, text := range raw {
		var value lode.Value
		if err := json.Unmarshal([]byte(text), &value); err != nil || value.Kind == lode.KindString || value.Kind == lode.KindNull {
			value = lode.StringValue(text)
		}
		m[key] = value
	}
	return m, m.Validate()
}

// ensureCollection makes the collection with defaults when it is missing.
func (c *ingestCommand) ensureCollection(ctx context.Context, node *client.Client) error {
	_, err := node.GetCollection(ctx, c.Collection)
	if !lode.IsCode(err, lode.CodeNotFound) {
		return err
	}
	_, err = node.CreateCollection(ctx, v1.CreateCollection{Name: c.Collection})
	if lode.IsCode(err, lode.CodeConflict) {
		return nil // somebody else was faster
	}
	return err
}

// knownHashes returns what the collection holds already: the hash of the newest version of
// each document that is not in quarantine, so that unchanged files need not be sent.
func knownHashes(ctx context.Context, node *client.Client, collection string, files []file) (map[lode.DocID]lode.Hash, error) {
	known := map[lode.DocID]lode.Hash{}
	add := func(doc v1.Document) {
		if doc.Bronze != nil && doc.State != lode.StateQuarantined {
			known[doc.ID] = *doc.Bronze
		}
	}
	if len(files) == 1 {
		doc, err := node.GetDocument(ctx, collection, files[0].id)
		if err == nil {
			add(*doc)
		}
		if lode.IsCode(err, lode.CodeNotFound) || lode.IsCode(err, lode.CodeInvalid) {
			return known, nil // new, or an id that the node will refuse
		}
		return known, err
	}
	for doc, err := range node.Documents(ctx, collection, client.DocumentPage{}) {
		if err != nil {
			return nil, err
		}
		add(doc)
	}
	return known, nil
}

// ingestJob is one run of the command.
type ingestJob struct {
	command  *ingestCommand
	node     *client.Client
	known    map[lode.DocID]lode.Hash
	metadata lode.Metadata
	expiry   *time.Time
	progress *progress
	start    time.Time

	mu struct {
		sync.Mutex
		summary ingestSummary
	}
}

// ingestSummary is what the command reports, in this form with --output json.
type ingestSummary struct {
	Created   int `json:"created"`
	Updated   int `json:"updated"`
	Unchanged int `json:"unchanged"`
	Pending   int `json:"pending,omitempty"`
	// Operations say what becomes of documents that were not awaited: see lode operation.
	Operations []string      `json:"operations,omitempty"`
	Skipped    []ingestIssue `json:"skipped,omitempty"` // nothing to read in it
	Failed     []ingestIssue `json:"failed,omitempty"`
	Bytes      int64         `json:"bytes"` // sent
	Seconds    float64       `json:"seconds"`
}

type ingestIssue struct {
	ID      lode.DocID `json:"id"`
	Code    lode.Code  `json:"code"`
	Message string     `json:"message"`
}

// run reads files one after the other and uploads batches of them in parallel.
func (j *ingestJob) run(ctx context.Context, files []file) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(max(1, j.command.Concurrency))
	var batch []client.File
	size := 0
	flush := func() {
		if full := batch; len(full) > 0 {
			group.Go(func() error { return j.upload(ctx, full) })
			batch, size = nil, 0
		}
	}
	for _, f := range files {
		if ctx.Err() != nil {
			break
		}
		if f.skip != nil {
			j.skip(f.id, f.skip)
			j.progress.done(1, f.size)
			continue
		}
		content, err := f.read()
		if err != nil {
			j.fail(f.id, err)
			j.progress.done(1, f.size)
			continue
		}
		if hash, ok := j.known[f.id]; ok && len(j.metadata) == 0 && len(j.command.Reader) == 0 && j.expiry == nil && hash == lode.HashOf(content) {
			j.count(func(s *ingestSummary) { s.Unchanged++ })
			j.progress.done(1, f.size)
			continue
		}
		if len(batch) == batchFiles || size > 0 && size+len(content) > batchBytes {
			flush()
		}
		batch = append(batch, j.document(f, content))
		size += len(content)
	}
	flush()
	return group.Wait()
}

func (j *ingestJob) document(f file, content []byte) client.File {
	doc := client.FileBytes(f.id, content)
	doc.Language = j.command.Language
	doc.URI, doc.Name, doc.Metadata, doc.Readers, doc.ExpiresAt = j.command.uri(f.id), f.name, j.metadata, j.command.Reader, j.expiry
	return doc
}

func (c *ingestCommand) uri(id lode.DocID) string {
	if strings.HasPrefix(string(id), "sha256:") {
		return c.URIPrefix
	}
	return c.URIPrefix + string(id)
}

// upload sends one batch. When the node refuses it as a whole, halves of it are sent, until
// each document has an answer of its own; a node that is gone ends the run.
func (j *ingestJob) upload(ctx context.Context, batch []client.File) error {
	var bytes int64
	for _, f := range batch {
		bytes += f.Size
	}
	results, err := j.node.UploadDocuments(ctx, j.command.Collection, batch, client.UploadOptions{NoWait: j.command.NoWait})
	switch lode.CodeOf(err) {
	case "":
		for _, item := range results.Items {
			j.record(item)
		}
		j.count(func(s *ingestSummary) {
			s.Bytes += bytes
			if j.command.NoWait {
				s.Operations = append(s.Operations, results.Operation)
			}
		})
	case lode.CodeUnavailable, lode.CodeOutcomeUnknown, lode.CodeNotFound, lode.CodeUnauthorized, lode.CodeCanceled:
		return err
	case lode.CodeTooLarge, lode.CodeInvalid, lode.CodeMalformed:
		if half := len(batch) / 2; half > 0 {
			if err := j.upload(ctx, batch[:half]); err != nil {
				return err
			}
			return j.upload(ctx, batch[half:])
		}
		fallthrough
	default:
		for _, f := range batch {
			j.fail(f.ID, err)
		}
	}
	j.progress.done(len(batch), bytes)
	return nil
}

func (j *ingestJob) record(item v1.DocumentResult) {
	if item.Error != nil {
		j.fail(item.ID, &lode.Error{Code: item.Error.Code, Message: item.Error.Detail})
		return
	}
	j.count(func(s *ingestSummary) {
		switch item.Outcome {
		case lode.OutcomeCreated:
			s.Created++
		case lode.OutcomeUnchanged:
			s.Unchanged++
		default:
			s.Updated++
		}
		if item.State == lode.StatePending {
			s.Pending++
		}
	})
}

// fail records a document that did not arrive. A file of a folder that no parser reads is
// no failure, because folders hold pictures, archives and redirect stubs too.
func (j *ingestJob) fail(id lode.DocID, err error) {
	nothingToRead := lode.IsCode(err, lode.CodeUnsupportedMedia) || lode.IsCode(err, lode.CodeNoText)
	if nothingToRead && !j.command.single() {
		j.skip(id, err)
		return
	}
	j.count(func(s *ingestSummary) { s.Failed = append(s.Failed, issueOf(id, err)) })
}

func (j *ingestJob) skip(id lode.DocID, err error) {
	j.count(func(s *ingestSummary) { s.Skipped = append(s.Skipped, issueOf(id, err)) })
}

// issueOf leaves out the field of an error, which is that of a request nobody has seen.
func issueOf(id lode.DocID, err error) ingestIssue {
	var coded *lode.Error
	if errors.As(err, &coded) {
		return ingestIssue{ID: id, Code: coded.Code, Message: coded.Message}
	}
	return ingestIssue{ID: id, Code: lode.CodeOf(err), Message: err.Error()}
}

func (j *ingestJob) count(f func(*ingestSummary)) {
	j.mu.Lock()
	defer j.mu.Unlock()
	f(&j.mu.summary)
}

// report prints the summary and turns failed documents into exit code 3.
func (j *ingestJob) report(std streams) error {
	s := &j.mu.summary
	elapsed := time.Since(j.start)
	s.Seconds = elapsed.Seconds()
	if std.json {
		if err := writeJSON(std.out, s); err != nil {
			return err
		}
	} else {
		for _, issue := range s.Failed {
			fmt.Fprintf(std.err, "failed   %s: %s: %s\n", issue.ID, issue.Code, issue.Message)
		}
		for _, issue := range s.Skipped {
			fmt.Fprintf(std.err, "skipped  %s: %s\n", issue.ID, issue.Message)
		}
		for _, id := range s.Operations {
			fmt.Fprintf(std.out, "operation %s\n", id)
		}
		writeSummary(std.out, s, elapsed)
	}
	if n := len(s.Failed); n > 0 {
		return partialError{lode.Errorf(codePartial, "%d of %d documents failed", n, n+s.Created+s.Updated+s.Unchanged)}
	}
	return nil
}

func writeSummary(w io.Writer, s *ingestSummary, elapsed time.Duration) {
	parts := []string{
		fmt.Sprintf("%d created", s.Created), fmt.Sprintf("%d updated", s.Updated), fmt.Sprintf("%d unchanged", s.Unchanged),
	}
	if s.Pending > 0 {
		parts = append(parts, fmt.Sprintf("%d pending", s.Pending))
	}
	if n := len(s.Skipped); n > 0 {
		parts = append(parts, fmt.Sprintf("%d skipped", n))
	}
	if n := len(s.Failed); n > 0 {
		parts = append(parts, fmt.Sprintf("%d failed", n))
	}
	sent := s.Created + s.Updated
	fmt.Fprintf(w, "%s in %.1f s", strings.Join(parts, ", "), elapsed.Seconds())
	if sent > 0 {
		fmt.Fprintf(w, " (%s, %.0f documents/s)", formatBytes(s.Bytes), float64(sent)/elapsed.Seconds())
	}
	fmt.Fprintln(w)
}
