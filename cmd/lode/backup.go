package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/api/v1"
	"github.com/lodedb/lode/storage"
	"github.com/lodedb/lode/storage/backup"
)

type backupCommand struct {
	Create  backupCreate  `cmd:"" help:"Make a backup of a running node in its repository, or of a stopped one."`
	List    backupList    `cmd:"" help:"List the backups in a repository."`
	Verify  backupVerify  `cmd:"" help:"Read a whole backup and recompute every hash."`
	Restore backupRestore `cmd:"" help:"Make the data folder of a new node from a backup."`
}

// repositoryAt is how commands that work without a node find the repository.
type repositoryAt struct {
	From        string `help:"Repository: a folder, or s3://bucket/prefix?endpoint=https://host:9000&region=R." placeholder:"URL" env:"LODE_BACKUP_TO" required:""`
	Credentials string `name:"backup-keys" help:"File with the keys of the bucket; the default is AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY." type:"path" placeholder:"FILE"`
}

func (c repositoryAt) open(log io.Writer) (*backup.Repository, error) {
	keys, err := backupCredentials(c.Credentials)
	if err != nil {
		return nil, usageError{err}
	}
	target, err := backup.Locate(c.From, keys)
	if err != nil {
		return nil, usageError{err}
	}
	return backup.New(target, backup.Options{Logger: slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelWarn}))})
}

// backupCredentials reads the keys of a bucket from a file in the form of ~/.aws/credentials,
// of which the first profile counts, or from the environment.
func backupCredentials(path string) (c backup.Credentials, err error) {
	if path == "" {
		return backup.Credentials{
			AccessKey: os.Getenv("AWS_ACCESS_KEY_ID"), SecretKey: os.Getenv("AWS_SECRET_ACCESS_KEY"), SessionToken: os.Getenv("AWS_SESSION_TOKEN"),
		}, nil
	}
	content, err := os.ReadFile(path)
	if err != nil {
		return c, lode.Invalid("backup_keys", path, "cannot be read: %v", err)
	}
	profiles := 0
	for lines := bufio.NewScanner(bytes.NewReader(content)); lines.Scan() && profiles < 2; {
		name, value, _ := strings.Cut(lines.Text(), "=")
		switch name, value = strings.TrimSpace(name), strings.TrimSpace(value); {
		case strings.HasPrefix(name, "["):
			profiles++
		case name == "aws_access_key_id":
			c.AccessKey = value
		case name == "aws_secret_access_key":
			c.SecretKey = value
		case name == "aws_session_token":
			c.SessionToken = value
		}
	}
	if c.AccessKey == "" || c.SecretKey == "" {
		return c, lode.Invalid("backup_keys", path, "the file must hold aws_access_key_id = … and aws_secret_access_key = …")
	}
	return c, nil
}

type backupCreate struct {
	connection
	Full bool `help:"Write every object again, also those that the repository has." env:"-"`

	Data        string `help:"Data folder of a node that is stopped, instead of asking a node; needs --to." placeholder:"DIR" env:"-"`
	To          string `help:"With --data: repository, a folder or an s3:// URL." placeholder:"URL" env:"LODE_BACKUP_TO"`
	Keep        int    `help:"With --data: older backups are removed; 0 keeps all." default:"0" placeholder:"N" env:"LODE_BACKUP_KEEP"`
	Credentials string `name:"backup-keys" help:"With --data: file with the keys of the bucket." type:"path" placeholder:"FILE"`
}

// Run makes a backup and prints what it is.
func (c *backupCreate) Run(ctx context.Context, std streams) error {
	start := time.Now()
	made, err := c.make(ctx, std)
	if err != nil {
		return err
	}
	if std.json {
		return writeJSON(std.out, made)
	}
	took := time.Since(start)
	_, err = fmt.Fprintf(std.out, "made backup %s of log entry %d: %d objects, %s; wrote %d, %s, in %s\n", made.ID, made.Index,
		made.Objects, formatBytes(made.Bytes), made.Uploaded, formatBytes(made.UploadedBytes), took.Round(time.Millisecond))
	return err
}

func (c *backupCreate) make(ctx context.Context, std streams) (*v1.Backup, error) {
	if c.Data == "" {
		node, err := c.open()
		if err != nil {
			return nil, err
		}
		return node.CreateBackup(ctx, c.Full)
	}
	if c.To == "" {
		return nil, usageError{lode.Invalid("to", c.To, "--data needs --to")}
	}
	repository, err := repositoryAt{From: c.To, Credentials: c.Credentials}.open(std.err)
	if err != nil {
		return nil, err
	}
	if _, err := os.Stat(filepath.Join(c.Data, "NODE")); err != nil { // Open would make a folder
		return nil, lode.NotFound("data folder", c.Data).WithHint("a data folder holds a file NODE")
	}
	store, err := storage.Open(c.Data, storage.Options{})
	if err != nil {
		return nil, err
	}
	defer store.Close()
	made, err := repository.Create(ctx, store, backup.CreateOptions{Product: version, Keep: c.Keep, Full: c.Full})
	if err != nil {
		return nil, err
	}
	return wireBackup(made), nil
}

func wireBackup(b backup.Backup) *v1.Backup {
	return &v1.Backup{
		ID: b.ID, Cluster: b.Cluster, NodeID: b.Node, Index: b.Index, Term: b.Term, CatalogHash: b.CatalogHash, CreatedAt: b.CreatedAt,
		Version: b.Product, Objects: b.Objects, Bytes: b.Bytes, Uploaded: b.Uploaded, UploadedBytes: b.UploadedBytes, Damaged: b.Damaged,
	}
}

type backupList struct{ repositoryAt }

// Run lists backups, newest first.
func (c *backupList) Run(ctx context.Context, std streams) error {
	repository, err := c.open(std.err)
	if err != nil {
		return err
	}
	all, err := repository.List(ctx)
	if err != nil {
		return err
	}
	if std.json {
		list := v1.BackupList{Backups: []v1.Backup{}}
		for _, b := range all {
			list.Backups = append(list.Backups, *wireBackup(b))
		}
		return writeJSON(std.out, list)
	}
	table := tabwriter.NewWriter(std.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "ID\tENTRY\tOBJECTS\tSIZE\tNODE\tVERSION")
	for _, b := range all {
		if b.Damaged != "" {
			fmt.Fprintf(table, "%s\tDAMAGED\t%s\n", b.ID, b.Damaged)
			continue
		}
		fmt.Fprintf(table, "%s\t%d\t%d\t%s\t%s\t%s\n", b.ID, b.Index, b.Objects, formatBytes(b.Bytes), b.Node, b.Product)
	}
	return table.Flush()
}

type backupVerify struct {
	repositoryAt
	ID string `arg:"" optional:"" help:"Backup; the default is the newest."`
}

// Run fails unless the backup is whole.
func (c *backupVerify) Run(ctx context.Context, std streams) error {
	repository, err := c.open(std.err)
	if err != nil {
		return err
	}
	start := time.Now()
	b, err := repository.Verify(ctx, c.ID)
	if err != nil {
		return err
	}
	if std.json {
		return writeJSON(std.out, wireBackup(b))
	}
	took := time.Since(start)
	_, err = fmt.Fprintf(std.out, "backup %s is whole: %d objects, %s, %.0f MB/s\n", b.ID, b.Objects, formatBytes(b.Bytes), float64(b.Bytes)/1e6/took.Seconds())
	return err
}

type backupRestore struct {
	repositoryAt
	ID      string `arg:"" optional:"" help:"Backup; the default is the newest."`
	Data    string `help:"Folder to make; it must be empty or missing." placeholder:"DIR" env:"-" required:""`
	Cluster string `help:"Restore a backup of this cluster only." placeholder:"ID" env:"-"`
}

// Run makes a data folder that lode serve can be started on.
func (c *backupRestore) Run(ctx context.Context, std streams) error {
	repository, err := c.open(std.err)
	if err != nil {
		return err
	}
	start := time.Now()
	restored, err := repository.Restore(ctx, c.ID, c.Data, backup.RestoreOptions{Cluster: c.Cluster})
	if err != nil {
		return err
	}
	if std.json {
		return writeJSON(std.out, struct {
			*v1.Backup
			NewNode string `json:"new_node_id"`
		}{wireBackup(restored.Backup), restored.NewNode})
	}
	took := time.Since(start)
	_, err = fmt.Fprintf(std.out, "restored backup %s of log entry %d into %s as node %s: %s, %.0f MB/s\nstart it with: lode serve --data %s\n",
		restored.ID, restored.Index, c.Data, restored.NewNode, formatBytes(restored.Bytes), float64(restored.Bytes)/1e6/took.Seconds(), c.Data)
	return err
}
