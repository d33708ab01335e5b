package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/embed/hub"
	"github.com/lodedb/lode/embed/local"
	"github.com/lodedb/lode/internal/egress"
	"github.com/lodedb/lode/internal/vfs"
	"github.com/lodedb/lode/server"
)

type modelsCommand struct {
	List modelsList `cmd:"" default:"1" help:"List the models."`
	Show modelsShow `cmd:"" help:"Show a model, after comparing its files with their hashes."`
	Pull modelsPull `cmd:"" help:"Fetch a static (model2vec) or BERT model from the hub."`
	Add  modelsAdd  `cmd:"" help:"Add a static (model2vec) or BERT model, or a table of words, from a folder."`

	Adapt modelsAdapt `cmd:"" help:"Train the built-in model further on the texts of a collection: a minute, no queries."`
}

// modelsFolder is where the models of a node are. The node need not run.
type modelsFolder struct {
	Data   string `help:"Data folder of the node." default:"${default_data}" placeholder:"DIR"`
	Models string `help:"Folder of its models; the default is models in the data folder." type:"path" placeholder:"DIR"`
}

func (f modelsFolder) store() local.Store {
	if f.Models != "" {
		return local.Store{Dir: f.Models}
	}
	return local.Store{Dir: server.ModelsDir(f.Data)}
}

type modelsList struct{ modelsFolder }

// Run lists the models.
func (c *modelsList) Run(_ context.Context, std streams) error {
	all, err := c.store().List()
	if err != nil {
		return err
	}
	if std.json {
		if all == nil {
			all = []local.Info{}
		}
		return writeJSON(std.out, all)
	}
	table := tabwriter.NewWriter(std.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "NAME\tDIM\tROWS\tVOCABULARY\tSIZE\tSOURCE")
	for _, m := range all {
		fmt.Fprintf(table, "%s\t%d\t%d\t%s\t%s\t%s\n", m.Name, m.Dim, m.Rows, m.Kind, formatBytes(m.Bytes()), m.Source)
	}
	return table.Flush()
}

type modelsShow struct {
	modelsFolder
	Name string `arg:"" help:"The model."`
}

// Run verifies a model and shows it.
func (c *modelsShow) Run(_ context.Context, std streams) error {
	store := c.store()
	info, err := store.Get(c.Name)
	if err != nil {
		return err
	}
	if err := store.Verify(c.Name); err != nil {
		return err
	}
	return showModel(std, info)
}

func showModel(std streams, info local.Info) error {
	if std.json {
		return writeJSON(std.out, info)
	}
	fields := map[string]any{
		"name": info.Name, "source": info.Source, "revision": info.Revision, "vocabulary": info.Kind, "dim": info.Dim, "rows": info.Rows,
		"added_at": info.AddedAt.Format(time.RFC3339), "fingerprint": fmt.Sprintf("local/%s/%d/%s", info.Name, info.Dim, info.Digest()),
	}
	var made bytes.Buffer
	if json.Compact(&made, info.Made) == nil && made.Len() > 0 {
		fields["made"] = made.String()
	}
	for name, file := range info.Files {
		fields[name] = fmt.Sprintf("%s, sha256 %s", formatBytes(file.Bytes), file.SHA256)
	}
	writeFields(std.out, fields)
	_, err := fmt.Fprintf(std.out, "use it: lode collections create NAME --embedder local --model %s --dim %d\n", info.Name, info.Dim)
	return err
}

type modelsAdd struct {
	modelsFolder
	Folder string `arg:"" help:"Folder with model.safetensors, tokenizer.json and config.json, or with model.table." type:"path"`
	Name   string `help:"Name of the model; the default is that of the folder." placeholder:"NAME"`
}

// Run copies a model into the folder of models.
func (c *modelsAdd) Run(ctx context.Context, std streams) error {
	name := c.Name
	if name == "" {
		name = filepath.Base(c.Folder)
	}
	info, err := c.store().Add(ctx, c.Folder, local.Info{Name: name, Source: c.Folder, AddedAt: time.Now().UTC()})
	if err != nil {
		return err
	}
	return showModel(std, info)
}

type modelsPull struct {
	modelsFolder
	Model       string   `arg:"" help:"Model of the hub, as minishlab/potion-base-8M."`
	Name        string   `help:"Name of the model here; the default is its name without the owner." placeholder:"NAME"`
	Revision    string   `help:"Branch, tag or commit." default:"main" placeholder:"REV" env:"-"`
	Hub         string   `help:"URL of the hub or a mirror of it." default:"${default_hub}" placeholder:"URL"`
	HubToken    string   `help:"Token for models that are not open. Other users can see arguments: prefer LODE_HUB_TOKEN." placeholder:"TOKEN"`
	EgressAllow []string `help:"What may be connected to, as with serve." placeholder:"HOST,..."`
	EgressProxy string   `help:"Proxy, as with serve." placeholder:"URL"`
}

// Run fetches a model, going on where an earlier run stopped, and adds it.
func (c *modelsPull) Run(ctx context.Context, std streams) error {
	name := c.Name
	if name == "" {
		name = path.Base(c.Model)
	}
	if err := local.ValidateName(name); err != nil {
		return usageError{err}
	}
	gate, err := egress.New(egress.Options{Allow: c.EgressAllow, Proxy: c.EgressProxy})
	if err != nil {
		return usageError{err}
	}
	defer gate.Close()
	show := newFetchBar(std)
	h, err := hub.New(hub.Options{BaseURL: c.Hub, Token: c.HubToken, Client: gate.Client(), Progress: show.set})
	if err != nil {
		return usageError{err}
	}
	store := c.store()
	// A folder of its own for each model and revision, so that parts are never mixed.
	fetched := filepath.Join(store.Dir, ".pull-"+strings.ReplaceAll(c.Model+"@"+c.Revision, "/", "--"))
	if strings.Contains(c.Revision, "..") {
		return usageError{lode.Invalid("revision", c.Revision, "a revision is a branch, a tag or a commit")}
	}
	if err := os.MkdirAll(fetched, vfs.DirPerm); err != nil {
		return fmt.Errorf("fetch model %s: %w", c.Model, err)
	}
	revision, err := h.Pull(ctx, c.Model, c.Revision, fetched, local.Files(), local.OptionalFiles())
	show.done()
	if err != nil {
		_ = os.Remove(fetched) // when nothing was fetched at all
		return err
	}
	info, err := store.Add(ctx, fetched, local.Info{Name: name, Source: c.Hub + "/" + c.Model, Revision: revision, AddedAt: time.Now().UTC()})
	if err != nil {
		return err
	}
	if err := os.RemoveAll(fetched); err != nil {
		return err
	}
	return showModel(std, info)
}
