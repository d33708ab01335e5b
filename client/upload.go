package client

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"iter"
	"mime"
	"mime/multipart"
	"net/http"
	"net/textproto"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/api/v1"
)

// Bounds of one request of [Client.UploadAll].
const (
	MaxUploadFiles = 64
	MaxUploadBytes = 16 << 20
)

// File is a document to upload.
type File struct {
	ID        lode.DocID // empty: the URI, else the name, else the hash of the content
	URI       string
	Name      string // a hint for the media type
	MediaType string // optional, the content decides
	Metadata  lode.Metadata
	Readers   []string
	ExpiresAt *time.Time    // when the document ends of itself; nil: never
	Language  string        // of the text, such as "de"; empty: the document says, or the text tells
	IfVersion *lode.Version // take the file only while this is the document's newest version; 0: only while there is none
	Size      int64         // bytes, as far as known; [Client.UploadAll] cuts requests by it
	// Open gives the content. It is called again when the request is repeated.
	Open func() (io.ReadCloser, error)
}

// FileBytes returns a file with content that is in memory.
func FileBytes(id lode.DocID, content []byte) File {
	return File{ID: id, Size: int64(len(content)), Open: func() (io.ReadCloser, error) {
		return io.NopCloser(bytes.NewReader(content)), nil
	}}
}

// UploadOptions says what an upload waits for.
type UploadOptions struct {
	NoWait  bool          // return when the documents are durable, not when they are searchable
	Timeout time.Duration // how long to wait; 0: the server's default
}

func (o UploadOptions) values() url.Values {
	q := url.Values{}
	if o.NoWait {
		q.Set(v1.QueryWait, strconv.FormatBool(false))
	}
	if o.Timeout > 0 {
		q.Set(v1.QueryTimeout, o.Timeout.String())
	}
	return q
}

// UploadDocuments uploads files in one request and reports each, in their order. A single
// file that is refused is an error of the call.
func (c *Client) UploadDocuments(ctx context.Context, collection string, files []File, o UploadOptions) (*v1.DocumentResults, error) {
	boundary := multipart.NewWriter(io.Discard).Boundary()
	var bodies bodyTracker
	k := call{
		method: http.MethodPost, path: v1.Path(v1.PathDocuments, collection), query: o.values(),
		contentType: v1.MediaTypeMultipart + "; boundary=" + boundary, streamed: true, writes: true,
		body: func() (io.ReadCloser, error) { return bodies.start(boundary, files), nil },
	}
	results, err := exchange[v1.DocumentResults](ctx, c, k)
	bodies.stop()
	if err != nil {
		return nil, err
	}
	if len(results.Items) != len(files) {
		return nil, lode.FieldError(lode.CodeMalformed, "response", len(results.Items), "the answer reports %d of %d files", len(results.Items), len(files))
	}
	return results, nil
}

// UploadJSON uploads documents whose content is at hand, in one request.
func (c *Client) UploadJSON(ctx context.Context, collection string, docs []v1.DocumentUpload, o UploadOptions) (*v1.DocumentResults, error) {
	k := call{method: http.MethodPost, path: v1.Path(v1.PathDocuments, collection), query: o.values(), writes: true}
	return send[v1.DocumentResults](ctx, c, k, v1.UploadDocuments{Documents: docs})
}

// UploadAll uploads any number of files in requests of bounded size, one after the other,
// and calls each with every file's result. A file that is refused does not stop the others;
// a request that fails as a whole does. Every request has a key of its own: one of [WithKey]
// would stand for several writes, and is passed over.
func (c *Client) UploadAll(ctx context.Context, collection string, files iter.Seq[File], o UploadOptions, each func(File, v1.DocumentResult)) error {
	ctx = WithKey(ctx, "")
	var batch []File
	var size int64
	flush := func() error {
		err := c.uploadBatch(ctx, collection, batch, o, each)
		batch, size = batch[:0], 0
		return err
	}
	for f := range files {
		if len(batch) > 0 && (len(batch) == MaxUploadFiles || size+f.Size > MaxUploadBytes) {
			if err := flush(); err != nil {
				return err
			}
		}
		batch = append(batch, f)
		size += f.Size
	}
	return flush()
}

func (c *Client) uploadBatch(ctx context.Context, collection string, files []File, o UploadOptions, each func(File, v1.DocumentResult)) error {
	if len(files) == 0 {
		return nil
	}
	results, err := c.UploadDocuments(ctx, collection, files, o)
	switch {
	case err != nil && aboutFile(err) && len(files) == 1:
		each(files[0], v1.DocumentResult{ID: files[0].ID, Error: v1.NewItemError(asLodeError(err))})
		return nil
	case err != nil && aboutFile(err):
		return c.uploadOneByOne(ctx, collection, files, o, each)
	case err != nil:
		return err
	}
	for i, f := range files {
		each(f, results.Items[i])
	}
	return nil
}

// uploadOneByOne keeps a file that spoils a request from taking others with it.
func (c *Client) uploadOneByOne(ctx context.Context, collection string, files []File, o UploadOptions, each func(File, v1.DocumentResult)) error {
	for i := range files {
		if err := c.uploadBatch(ctx, collection, files[i:i+1], o, each); err != nil {
			return err
		}
	}
	return nil
}

// aboutFile reports whether a request failed because of one of its files.
func aboutFile(err error) bool {
	field := asLodeError(err).Field
	switch lode.CodeOf(err) {
	case lode.CodeTooLarge:
		return field != "response"
	case lode.CodeInvalid, lode.CodeUnknownField, lode.CodeMalformed, lode.CodeUnsupportedMedia:
		return field == "file" || strings.HasPrefix(field, "file[") || strings.HasPrefix(field, "document[")
	}
	return false
}

// bodyTracker awaits the goroutines that write the bodies of an upload's attempts.
type bodyTracker struct {
	wg   sync.WaitGroup
	last *io.PipeReader
}

func (t *bodyTracker) start(boundary string, files []File) io.ReadCloser {
	t.stop()
	r, w := io.Pipe()
	t.last = r
	t.wg.Go(func() { w.CloseWithError(writeFiles(w, boundary, files)) })
	return r
}

func (t *bodyTracker) stop() {
	if t.last != nil {
		_ = t.last.Close()
	}
	t.wg.Wait()
}

func writeFiles(w io.Writer, boundary string, files []File) error {
	m := multipart.NewWriter(w)
	if err := m.SetBoundary(boundary); err != nil {
		return err
	}
	for i := range files {
		if err := writeFile(m, &files[i]); err != nil {
			return err
		}
	}
	return m.Close()
}

// writeFile writes the description, then the bytes.
func writeFile(m *multipart.Writer, f *File) error {
	about, err := json.Marshal(v1.DocumentPart{
		ID: f.ID, URI: f.URI, MediaType: f.MediaType, Name: f.Name, Metadata: f.Metadata, Readers: f.Readers,
		ExpiresAt: f.ExpiresAt, IfVersion: f.IfVersion, Language: f.Language,
	})
	if err != nil {
		return lode.Invalid("document", f.ID, "description cannot be written as JSON: %s", err)
	}
	part, err := m.CreatePart(partHeader("document", "", v1.MediaTypeJSON))
	if err != nil {
		return err
	}
	if _, err := part.Write(about); err != nil {
		return err
	}
	part, err = m.CreatePart(partHeader("file", f.Name, "application/octet-stream"))
	if err != nil {
		return err
	}
	return f.copyTo(part)
}

func (f *File) copyTo(w io.Writer) error {
	content, err := f.Open()
	if err != nil {
		return fmt.Errorf("open file: %w", &lode.Error{Code: lode.CodeInvalid, Field: "file", Value: lode.CutValue(string(f.ID)), Message: "file cannot be opened", Err: err})
	}
	defer content.Close()
	if _, err := io.Copy(w, fileReader{content, f.ID}); err != nil {
		return err
	}
	return nil
}

// fileReader marks errors of reading a file, which are not the connection's.
type fileReader struct {
	io.Reader
	id lode.DocID
}

func (r fileReader) Read(p []byte) (int, error) {
	n, err := r.Reader.Read(p)
	if err != nil && err != io.EOF {
		err = &lode.Error{Code: lode.CodeInvalid, Field: "file", Value: lode.CutValue(string(r.id)), Message: "file cannot be read", Err: err}
	}
	return n, err
}

func partHeader(name, fileName, mediaType string) textproto.MIMEHeader {
	params := map[string]string{"name": name}
	if fileName != "" {
		params["filename"] = fileName
	}
	return textproto.MIMEHeader{
		"Content-Disposition": {mime.FormatMediaType("form-data", params)},
		"Content-Type":        {mediaType},
	}
}
