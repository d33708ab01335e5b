package bench

import (
	"context"
	"errors"
	"os"
	"path/filepath"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/api/v1"
	"github.com/lodedb/lode/client"
	"github.com/lodedb/lode/server"
)

// withNode runs f against a fresh node in this process, opened as production opens it, and
// removes its data afterwards.
func withNode(ctx context.Context, o Options, f func(node *server.Server, c *client.Client) error) error {
	return withNodeAs(ctx, server.Config{Logger: o.Logger}, f)
}

// withNodeAs is withNode with other settings than the defaults.
func withNodeAs(ctx context.Context, config server.Config, f func(node *server.Server, c *client.Client) error) (err error) {
	dir, err := os.MkdirTemp("", "lode-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	config.DataDir, config.Listen = filepath.Join(dir, "data"), "127.0.0.1:0"
	node, err := server.Open(ctx, config)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, node.Close()) }()
	c, err := client.New(client.Options{BaseURL: node.URL()})
	if err != nil {
		return err
	}
	return f(node, c)
}

// ingest uploads files, counts those that are searchable afterwards and tells of those that
// were refused.
func ingest(ctx context.Context, c *client.Client, collection string, files []client.File, refused func(lode.DocID, *v1.ItemError)) (ready int, err error) {
	err = c.UploadAll(ctx, collection, seq(files), client.UploadOptions{}, func(f client.File, item v1.DocumentResult) {
		switch {
		case item.Error != nil:
			refused(f.ID, item.Error)
		case item.State == lode.StateReady:
			ready++
		}
	})
	return ready, err
}

func seq(files []client.File) func(yield func(client.File) bool) {
	return func(yield func(client.File) bool) {
		for _, f := range files {
			if !yield(f) {
				return
			}
		}
	}
}
