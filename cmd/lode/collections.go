package main

import (
	"context"
	"fmt"
	"path"
	"text/tabwriter"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/api/v1"
)

type collectionsCommand struct {
	List   collectionsList   `cmd:"" default:"1" help:"List the collections."`
	Create collectionsCreate `cmd:"" help:"Make a collection; its settings never change, but for those of update."`
	Update collectionsUpdate `cmd:"" help:"Change settings that shape no data."`
	Delete collectionsDelete `cmd:"" help:"Delete a collection with everything in it."`
}

type collectionsList struct{ connection }

// Run lists every collection with what it holds.
func (c *collectionsList) Run(ctx context.Context, std streams) error {
	node, err := c.open()
	if err != nil {
		return err
	}
	all := []v1.Collection{}
	for item, err := range node.Collections(ctx) {
		if err != nil {
			return err
		}
		full, err := node.GetCollection(ctx, item.Name)
		if err != nil {
			return err
		}
		all = append(all, *full)
	}
	if std.json {
		return writeJSON(std.out, all)
	}
	table := tabwriter.NewWriter(std.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "NAME\tDOCUMENTS\tCHUNKS\tVECTORS\tPENDING\tQUARANTINED\tEMBEDDER\tDIM\tMETRIC")
	for _, c := range all {
		fmt.Fprintf(table, "%s\t%d\t%d\t%d\t%d\t%d\t%s\t%d\t%s\n", c.Name, c.Stats.Documents, c.Stats.Chunks, c.Stats.Vectors,
			c.Stats.Pending, c.Stats.Quarantined, path.Join(c.Embedder.Provider, c.Embedder.Model), c.Dim, c.Metric)
	}
	return table.Flush()
}

type collectionsCreate struct {
	connection
	Name     string      `arg:"" help:"1 to 64 of a-z, 0-9, _ and -."`
	Metric   lode.Metric `help:"cosine, dot or l2." default:"cosine" placeholder:"METRIC"`
	Embedder string      `help:"builtin, openai, or none for raw vectors." default:"builtin" placeholder:"NAME"`
	Model    string      `help:"Model of the embedder." placeholder:"NAME"`
	Dim      int         `help:"Dimensions; required for openai and none." placeholder:"N"`
	Strategy string      `help:"recursive or whole." default:"recursive" placeholder:"NAME"`
	Min      int         `name:"min-tokens" help:"Neighbouring passages are merged up to this size." placeholder:"N"`
	Max      int         `name:"max-tokens" help:"No passage is larger." placeholder:"N"`
	Memory   string      `help:"How sealed segments are held in memory: cached, pinned or cold." default:"cached" placeholder:"MODE"`
	Indexes  []string    `help:"Metadata fields to index ahead, separated by commas." placeholder:"FIELD"`
}

// Run makes the collection and prints it with its defaults filled in.
func (c *collectionsCreate) Run(ctx context.Context, std streams) error {
	node, err := c.open()
	if err != nil {
		return err
	}
	made, err := node.CreateCollection(ctx, v1.CreateCollection{
		Name: c.Name, Metric: c.Metric,
		Embedder: &v1.Embedder{Provider: c.Embedder, Model: c.Model, Dim: c.Dim},
		Chunker:  &v1.Chunker{Strategy: c.Strategy, MinTokens: c.Min, MaxTokens: c.Max},
		Memory:   lode.MemoryMode(c.Memory), Indexes: c.Indexes,
	})
	if err != nil {
		return err
	}
	if std.json {
		return writeJSON(std.out, made)
	}
	_, err = fmt.Fprintf(std.out, "made collection %s: %s\n", made.Name, made.Fingerprint)
	return err
}

type collectionsUpdate struct {
	connection
	Name    string    `arg:"" help:"The collection."`
	Memory  *string   `help:"How sealed segments are held in memory: cached, pinned or cold." placeholder:"MODE"`
	Indexes *[]string `help:"Metadata fields to index ahead, separated by commas, in the place of the present ones." placeholder:"FIELD"`
}

// Run changes what was given.
func (c *collectionsUpdate) Run(ctx context.Context, std streams) error {
	node, err := c.open()
	if err != nil {
		return err
	}
	changed, err := node.UpdateCollection(ctx, c.Name, v1.UpdateCollection{Memory: (*lode.MemoryMode)(c.Memory), Indexes: c.Indexes})
	if err != nil {
		return err
	}
	if std.json {
		return writeJSON(std.out, changed)
	}
	_, err = fmt.Fprintf(std.out, "collection %s: memory %s, indexes %v\n", changed.Name, changed.Memory, changed.Indexes)
	return err
}

type collectionsDelete struct {
	connection
	Name string `arg:"" help:"The collection."`
	Yes  bool   `help:"Really delete it." env:"-"`
}

// Run deletes the collection when it was told so twice.
func (c *collectionsDelete) Run(ctx context.Context, std streams) error {
	if !c.Yes {
		return usageError{lode.Invalid("yes", "false", "deleting a collection cannot be undone").WithHint("repeat the command with --yes")}
	}
	node, err := c.open()
	if err != nil {
		return err
	}
	if err := node.DeleteCollection(ctx, c.Name); err != nil {
		return err
	}
	if std.json {
		return writeJSON(std.out, map[string]any{"deleted": c.Name})
	}
	_, err = fmt.Fprintf(std.out, "deleted collection %s\n", c.Name)
	return err
}
