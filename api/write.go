package api

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"hash"
	"io"
	"net/http"
	"strconv"
	"time"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/api/v1"
)

// A write with an Idempotency-Key takes effect once. The key stands for the request: the
// route, the path, the query and the body as it was sent; of an upload, whose multipart
// boundary differs each time, the documents. What an upload waits for is no part of it.

// keyField is how errors name the key.
const keyField = "idempotency_key"

// aboutKey reports whether an error is about the key of a write.
func aboutKey(err error) bool { return codedError(err).Field == keyField }

// keyedWrite is a request that writes, and the key that it came with.
type keyedWrite struct {
	key   string // empty: none
	route string
	body  hash.Hash // of what was read of it
}

type keyedWriteKey struct{}

// withWrite notes the key of a request that writes, and refuses one where nothing is written.
// The answer to a write with a key names its operation, also when it fails.
func (s *service) withWrite(w http.ResponseWriter, r *http.Request, rt route, p lode.Principal) (*http.Request, error) {
	key, err := requestKey(r)
	if err != nil {
		return r, err
	}
	if rt.writes == "" {
		if key != "" {
			return r, lode.Invalid(keyField, key, "the route takes no key: it writes nothing that is kept under one")
		}
		return r, nil
	}
	kw := &keyedWrite{key: key, route: rt.writes}
	if key != "" {
		if err := s.nameOperation(w, p, key); err != nil {
			return r, err
		}
		if rt.request != nil && !rt.multipart {
			kw.body = sha256.New()
			r.Body = hashedBody{r.Body, kw.body}
		}
	}
	return r.WithContext(context.WithValue(r.Context(), keyedWriteKey{}, kw)), nil
}

// requestKey reads the header; the key is empty when there is none.
func requestKey(r *http.Request) (string, error) {
	given := r.Header.Values(v1.HeaderKey)
	switch len(given) {
	case 0:
		return "", nil
	case 1:
		return given[0], lode.ValidateKey(given[0])
	}
	return "", lode.Invalid(keyField, given[1], "the header %s appears twice", v1.HeaderKey)
}

// nameOperation puts the id of the write's operation into the answer.
func (s *service) nameOperation(w http.ResponseWriter, p lode.Principal, key string) error {
	id, err := s.Backend.Operations.OperationID(p, key)
	if err == nil {
		w.Header().Set(v1.HeaderOperation, id)
	}
	return err
}

type hashedBody struct {
	io.ReadCloser
	sum hash.Hash
}

func (b hashedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	b.sum.Write(p[:n])
	return n, err
}

// writeOf is the write that a request with a body is, once the body was read.
func writeOf(r *http.Request) lode.Write {
	kw, _ := r.Context().Value(keyedWriteKey{}).(*keyedWrite)
	if kw == nil || kw.key == "" {
		return lode.Write{}
	}
	var body []byte
	if kw.body != nil {
		body = kw.body.Sum(nil)
	}
	return lode.Write{Key: kw.key, Request: lode.HashOf(fmt.Appendf(nil, "%s\n%s\n%s\n%x", kw.route, rawPath(r), r.URL.RawQuery, body))}
}

// madeUpKey is that of a write that came without one and whose operation can be asked for.
func madeUpKey() string { return "server-" + rand.Text() }

// ownKey is writeOf for routes that always have an operation.
func (s *service) ownKey(w http.ResponseWriter, r *http.Request, p lode.Principal) (lode.Write, error) {
	wr := writeOf(r)
	if wr.Key != "" {
		return wr, nil
	}
	wr.Key = madeUpKey()
	wr.Request = lode.HashOf([]byte(wr.Key))
	return wr, s.nameOperation(w, p, wr.Key)
}

// uploadWrite is the write that an upload is; it has a key when it came with one or does not
// wait.
func (s *service) uploadWrite(w http.ResponseWriter, r *http.Request, p lode.Principal, wait bool, b *batch) (lode.Write, error) {
	kw, _ := r.Context().Value(keyedWriteKey{}).(*keyedWrite)
	wr := lode.Write{Parts: len(b.items)}
	if kw != nil {
		wr.Key = kw.key
	}
	if wr.Key == "" {
		if wait {
			return wr, nil
		}
		wr.Key = madeUpKey()
		if err := s.nameOperation(w, p, wr.Key); err != nil {
			return wr, err
		}
	}
	sum := sha256.New()
	sum.Write([]byte(rawPath(r)))
	for i := range b.items {
		if err := hashSubmission(sum, &b.items[i].submission); err != nil {
			return wr, err
		}
	}
	wr.Request = lode.Hash(sum.Sum(nil))
	return wr, nil
}

func hashSubmission(sum hash.Hash, s *lode.Submission) error {
	about, err := json.Marshal(struct {
		ID, URI, MediaType, Name string
		Metadata                 lode.Metadata
		Readers                  []string
		IfVersion                *lode.Version
		ExpiresAt                *time.Time `json:",omitempty"` // so that older requests keep their hash
		Language                 string     `json:",omitempty"`
	}{string(s.ID), s.URI, s.MediaType, s.Name, s.Metadata, s.Readers, s.IfVersion, s.ExpiresAt, s.Language})
	if err != nil {
		return fmt.Errorf("hash upload: %w", err)
	}
	content := lode.HashOf(s.Content)
	fmt.Fprintf(sum, "\n%d\n%s%s", len(about), about, content[:])
	return nil
}

// queryIfVersion reads the condition of a deletion.
func queryIfVersion(r *http.Request) (*lode.Version, error) {
	value := r.URL.Query().Get(v1.QueryIfVersion)
	if value == "" {
		return nil, nil
	}
	n, err := strconv.ParseUint(value, 10, 32)
	if err != nil || n == 0 {
		return nil, lode.Invalid(v1.QueryIfVersion, value, "if_version must be a version, from 1")
	}
	v := lode.Version(n)
	return &v, nil
}

// afterUnknown tells whoever cannot know what became of a write how to find out.
func afterUnknown(err error, operation string) error {
	coded := codedError(err)
	if coded.Code != lode.CodeOutcomeUnknown && coded.Code != lode.CodeTimeout || operation == "" {
		return err
	}
	return coded.WithHint("GET " + v1.OperationPath(operation) + " says what became of it; the same request under the same " + v1.HeaderKey + " takes effect once")
}
