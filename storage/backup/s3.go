package backup

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"strconv"
	"strings"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"

	"github.com/lodedb/lode"
)

const defaultEndpoint = "https://s3.amazonaws.com"

// bufferedBytes is the largest file that is held in memory for an upload, so that it can be
// sent again after a connection broke. Larger ones go in parts, which the client holds.
const bufferedBytes = 8 << 20

// bucket is a target in an S3-compatible bucket.
type bucket struct {
	client       *minio.Client
	name, prefix string // prefix is empty or ends in a slash
	shown        string
}

var _ Target = (*bucket)(nil)

func newBucket(u *url.URL, c Credentials) (*bucket, error) {
	query := u.Query()
	for name := range query {
		switch name {
		case "endpoint", "region", "path_style":
		default:
			return nil, lode.Invalid("backup_to", name, "an s3 URL has the parameters endpoint, region and path_style")
		}
	}
	if u.Host == "" {
		return nil, lode.Invalid("backup_to", u.Redacted(), "an s3 URL names a bucket: s3://bucket/prefix")
	}
	endpoint, err := parseEndpoint(query.Get("endpoint"))
	if err != nil {
		return nil, err
	}
	lookup := minio.BucketLookupAuto
	if given := query.Get("path_style"); given != "" {
		pathStyle, err := strconv.ParseBool(given)
		if err != nil {
			return nil, lode.Invalid("path_style", given, "path_style must be true or false")
		}
		if lookup = minio.BucketLookupDNS; pathStyle {
			lookup = minio.BucketLookupPath
		}
	}
	client, err := minio.New(endpoint.Host, &minio.Options{
		Creds:  credentials.NewStaticV4(c.AccessKey, c.SecretKey, c.SessionToken),
		Secure: endpoint.Scheme == "https", Region: query.Get("region"), BucketLookup: lookup,
	})
	if err != nil {
		return nil, lode.Invalid("backup_to", u.Redacted(), "not a bucket: %v", err)
	}
	b := &bucket{client: client, name: u.Host, prefix: strings.Trim(u.Path, "/"), shown: "s3://" + u.Host + u.Path}
	if b.prefix != "" {
		b.prefix += "/"
	}
	return b, nil
}

func parseEndpoint(given string) (*url.URL, error) {
	if given == "" {
		given = defaultEndpoint
	}
	u, err := url.Parse(given)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.User != nil || strings.Trim(u.Path, "/") != "" {
		return nil, lode.FieldError(lode.CodeInvalid, "endpoint", "", "endpoint must look like https://host:9000, without user and path")
	}
	return u, nil
}

// String names bucket and prefix.
func (b *bucket) String() string { return b.shown }

// Put uploads a file; S3 shows it when it is complete.
func (b *bucket) Put(ctx context.Context, name string, size int64, write func(io.Writer) error) error {
	if size > bufferedBytes {
		return b.stream(ctx, name, size, write)
	}
	var content bytes.Buffer
	content.Grow(int(size))
	if err := write(&content); err != nil {
		return putError(name, err)
	}
	if int64(content.Len()) != size {
		return fmt.Errorf("write %s: %d bytes instead of %d", name, content.Len(), size)
	}
	return b.upload(ctx, name, size, bytes.NewReader(content.Bytes()))
}

func (b *bucket) stream(ctx context.Context, name string, size int64, write func(io.Writer) error) error {
	r, w := io.Pipe()
	written := make(chan error, 1)
	go func() {
		err := write(w)
		w.CloseWithError(err)
		written <- err
	}()
	err := b.upload(ctx, name, size, r)
	r.CloseWithError(errStopped)
	if writeErr := <-written; writeErr != nil && !errors.Is(writeErr, errStopped) {
		return putError(name, writeErr)
	}
	return err
}

var errStopped = errors.New("the upload has ended")

func (b *bucket) upload(ctx context.Context, name string, size int64, content io.Reader) error {
	_, err := b.client.PutObject(ctx, b.name, b.prefix+name, content, size, minio.PutObjectOptions{ContentType: "application/octet-stream"})
	if err != nil {
		return putError(name, b.coded(ctx, name, err))
	}
	return nil
}

// Open downloads a file.
func (b *bucket) Open(ctx context.Context, name string) (io.ReadCloser, error) {
	object, err := b.client.GetObject(ctx, b.name, b.prefix+name, minio.GetObjectOptions{})
	if err == nil {
		_, err = object.Stat() // GetObject sends nothing yet
	}
	if err != nil {
		return nil, b.coded(ctx, name, err)
	}
	return &download{object, b, ctx, name}, nil
}

// download gives the errors of a body their codes.
type download struct {
	*minio.Object
	bucket *bucket
	ctx    context.Context
	name   string
}

func (d *download) Read(p []byte) (int, error) {
	n, err := d.Object.Read(p)
	if err != nil && err != io.EOF && err != io.ErrUnexpectedEOF {
		err = d.bucket.coded(d.ctx, d.name, err)
	}
	return n, err
}

// List lists what lies below a folder.
func (b *bucket) List(ctx context.Context, folder string, fn func(File) error) error {
	ctx, cancel := context.WithCancel(ctx) // ends the lister when fn does not want more
	defer cancel()
	for object := range b.client.ListObjects(ctx, b.name, minio.ListObjectsOptions{Prefix: b.prefix + folder + "/", Recursive: true}) {
		if object.Err != nil {
			return fmt.Errorf("list %s: %w", folder, b.coded(ctx, folder, object.Err))
		}
		if err := fn(File{Name: strings.TrimPrefix(object.Key, b.prefix), Bytes: object.Size, Modified: object.LastModified}); err != nil {
			return err
		}
	}
	return ctx.Err()
}

// Remove deletes a file.
func (b *bucket) Remove(ctx context.Context, name string) error {
	err := b.client.RemoveObject(ctx, b.name, b.prefix+name, minio.RemoveObjectOptions{})
	if err = b.coded(ctx, name, err); lode.IsCode(err, lode.CodeNotFound) {
		return nil
	}
	return err
}

// coded turns an answer of the service into an error of ours. Of the answer only the code
// and the message are kept.
func (b *bucket) coded(ctx context.Context, name string, err error) error {
	if err == nil {
		return nil
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	var answer minio.ErrorResponse
	if !errors.As(err, &answer) {
		var own *lode.Error
		if errors.As(err, &own) {
			return err
		}
		return lode.Errorf(lode.CodeUnavailable, "%s: %w", b.shown, err)
	}
	switch answer.Code {
	case minio.NoSuchKey:
		return lode.NotFound("backup file", name)
	case minio.NoSuchBucket:
		return lode.NotFound("bucket", b.name).WithHint("make the bucket first")
	case minio.AccessDenied, "InvalidAccessKeyId", "SignatureDoesNotMatch", "ExpiredToken":
		return lode.Errorf(lode.CodeUnauthorized, "%s: %s: %s", b.shown, answer.Code, answer.Message).
			WithHint("check the credentials, and that they may list, read, write and delete in the bucket")
	}
	return lode.Errorf(lode.CodeUnavailable, "%s: %s: %s", b.shown, answer.Code, answer.Message)
}
