package api

import (
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"strings"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/api/v1"
)

// The names of the parts of a multipart upload.
const (
	partFile     = "file"
	partDocument = "document" // about the file that follows
	partMetadata = "metadata" // its metadata alone
)

// multipartReader collects files, each with the description that came before it.
type multipartReader struct {
	batch
	about    v1.DocumentPart
	document bool // a document part waits for its file
	metadata bool // a metadata part waits for its file
}

func readMultipart(r *http.Request) (*batch, error) {
	parts, err := r.MultipartReader()
	if err != nil {
		return nil, lode.FieldError(lode.CodeMalformed, "Content-Type", r.Header.Get("Content-Type"), "multipart boundary is missing")
	}
	m := &multipartReader{batch: batch{list: partFile}}
	for {
		part, err := parts.NextPart()
		if err == io.EOF {
			break
		}
		if err != nil {
			return nil, multipartError(err)
		}
		if err := m.part(part); err != nil {
			return nil, err
		}
	}
	// What follows the last boundary means nothing, but the end of the body must be seen:
	// only then does the server notice a client that leaves.
	if _, err := io.Copy(io.Discard, r.Body); err != nil {
		return nil, bodyError(err)
	}
	return m.finish()
}

// multipartError tells a broken connection from bytes that are no multipart.
func multipartError(err error) error {
	coded := bodyError(err)
	if coded.Code == lode.CodeMalformed && !errors.Is(err, io.ErrUnexpectedEOF) {
		return &lode.Error{Code: lode.CodeMalformed, Field: "body", Message: "request body is not valid multipart/form-data, or ends early", Err: err}
	}
	return coded
}

func (m *multipartReader) part(part *multipart.Part) error {
	switch name := part.FormName(); name {
	case partFile:
		return m.file(part)
	case partDocument:
		if m.document {
			return lode.Invalid(m.where(partDocument), "", "two document parts in a row; a file must follow each")
		}
		m.document = true
		return m.describe(part)
	case partMetadata:
		if m.metadata || m.about.Metadata != nil {
			return lode.Invalid(m.where(partMetadata), "", "metadata was given already; a file must follow")
		}
		m.metadata = true
		return m.decode(part, &m.about.Metadata)
	default:
		return lode.FieldError(lode.CodeUnknownField, lode.CutValue(name), "", "there is no part of this name").
			WithHint("name the parts file, and document or metadata before a file")
	}
}

// describe reads a document part, and keeps the metadata that a part before it gave.
func (m *multipartReader) describe(part *multipart.Part) error {
	var about v1.DocumentPart
	if err := m.decode(part, &about); err != nil {
		return err
	}
	if m.metadata && about.Metadata != nil {
		return lode.Invalid(m.where(partDocument)+".metadata", "", "metadata was given already by a part of its own")
	}
	if m.metadata {
		about.Metadata = m.about.Metadata
	}
	m.about = about
	return nil
}

func (m *multipartReader) where(part string) string { return fmt.Sprintf("%s[%d]", part, len(m.items)) }

// decode reads a part that describes the file to come.
func (m *multipartReader) decode(part *multipart.Part, dst any) error {
	body, err := io.ReadAll(io.LimitReader(part, maxCustomBytes+1))
	if err != nil {
		return multipartError(err)
	}
	where := m.where(part.FormName())
	if len(body) > maxCustomBytes {
		return lode.FieldError(lode.CodeTooLarge, where, len(body), "the part is larger than %d bytes", maxCustomBytes)
	}
	if err := decodeJSON(body, dst); err != nil {
		coded := *codedError(err)
		if part.FormName() == partMetadata { // metadata names itself
			coded.Field = strings.TrimPrefix(strings.TrimPrefix(coded.Field, partMetadata), ".")
		}
		return coded.In(where)
	}
	return nil
}

func (m *multipartReader) file(part *multipart.Part) error {
	if len(m.items) == v1.MaxBatchDocuments {
		return lode.Invalid(partFile, len(m.items)+1, "a request holds at most %d files", v1.MaxBatchDocuments)
	}
	content, err := io.ReadAll(part)
	if err != nil {
		return multipartError(err)
	}
	sub := lode.Submission{
		ID: m.about.ID, URI: m.about.URI, MediaType: m.about.MediaType, Name: m.about.Name,
		Content: content, Metadata: m.about.Metadata, Readers: m.about.Readers,
		ExpiresAt: m.about.ExpiresAt, IfVersion: m.about.IfVersion, Language: m.about.Language,
	}
	fileName := partFileName(part)
	if sub.ID == "" && sub.URI == "" {
		sub.ID = lode.DocID(fileName)
	}
	if sub.Name == "" {
		sub.Name = fileName[strings.LastIndexAny(fileName, `/\`)+1:]
	}
	if declared := part.Header.Get("Content-Type"); sub.MediaType == "" && declared != "application/octet-stream" {
		sub.MediaType = declared
	}
	m.items = append(m.items, upload{submission: sub})
	m.about, m.document, m.metadata = v1.DocumentPart{}, false, false
	return nil
}

// partFileName is the file name as sent. It serves as an id and as a hint for the media
// type; nothing is ever opened by it, so "../x" is only a name.
func partFileName(part *multipart.Part) string {
	_, params, err := mime.ParseMediaType(part.Header.Get("Content-Disposition"))
	if err != nil {
		return ""
	}
	return params["filename"]
}

func (m *multipartReader) finish() (*batch, error) {
	if m.document || m.metadata {
		return nil, lode.Invalid(m.where(partFile), "", "a description stands at the end without its file")
	}
	if len(m.items) == 0 {
		return nil, lode.Invalid(partFile, "", "the request holds no file")
	}
	return &m.batch, nil
}
