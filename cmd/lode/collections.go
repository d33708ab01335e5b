package main

import (
	"context"
	"fmt"
	"path"
	"strconv"
	"strings"
	"text/tabwriter"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/api/v1"
)

type collectionsCommand struct {
	List   collectionsList   `cmd:"" default:"1" help:"List the collections."`
	Create collectionsCreate `cmd:"" help:"Make a collection; its settings never change, but for those of update."`
	Update collectionsUpdate `cmd:"" help:"Change settings that shape no data."`
	Copy   collectionsCopy   `cmd:"" help:"Copy documents and raw vectors into another collection, as of another embedder or chunker."`
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
	Embedder string      `help:"builtin, local, a provider of the node, or none for raw vectors." default:"builtin" placeholder:"NAME"`
	Model    string      `help:"Model of the embedder." placeholder:"NAME"`
	Dim      int         `help:"Dimensions; required but for builtin." placeholder:"N"`
	chunking
	Spaces   []string    `name:"space" sep:"none" help:"A vector space beside that of all rows: NAME:DIM, NAME:DIM:METRIC or NAME:sparse. May be repeated." placeholder:"SPACE"`
	Memory   string      `help:"How sealed segments are held in memory: cached, pinned or cold." default:"cached" placeholder:"MODE"`
	Indexes  []string    `help:"Metadata fields to index ahead, separated by commas." placeholder:"FIELD"`
	IDFFrom  string      `name:"idf-from" help:"A collection whose texts say what words are worth to the embedder: rare ones more than frequent ones." placeholder:"NAME"`
	History  lode.Period `help:"How long what is replaced or deleted can still be asked for, as 7d or 36h." default:"0" placeholder:"TIME"`
	Language string      `help:"Language of texts that are neither said nor seen to be in another one, as de." default:"en" placeholder:"CODE"`
}

// Run makes the collection and prints it with its defaults filled in.
func (c *collectionsCreate) Run(ctx context.Context, std streams) error {
	spaces, err := parseSpaces(c.Spaces)
	if err != nil {
		return err
	}
	node, err := c.open()
	if err != nil {
		return err
	}
	made, err := node.CreateCollection(ctx, v1.CreateCollection{
		Name: c.Name, Metric: c.Metric, Vectors: spaces,
		Embedder: &v1.Embedder{Provider: c.Embedder, Model: c.Model, Dim: c.Dim},
		Chunker:  c.request(),
		Memory:   lode.MemoryMode(c.Memory), Indexes: c.Indexes, History: c.History, IDFFrom: c.IDFFrom, Language: c.Language,
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

// parseSpaces reads vector spaces. What they may be the node knows.
func parseSpaces(said []string) (map[string]v1.VectorSpace, error) {
	spaces := make(map[string]v1.VectorSpace, len(said))
	for _, s := range said {
		name, kind, _ := strings.Cut(s, ":")
		if _, twice := spaces[name]; twice {
			return nil, usageError{lode.Invalid("space", s, "two vector spaces have the name %q", name)}
		}
		size, metric, hasMetric := strings.Cut(kind, ":")
		if kind == "sparse" && name != "" {
			spaces[name] = v1.VectorSpace{Sparse: true}
			continue
		}
		dim, err := strconv.Atoi(size)
		if err != nil || dim < 1 || name == "" || hasMetric && metric == "" {
			return nil, usageError{lode.Invalid("space", s, "a vector space is NAME:DIM, NAME:DIM:METRIC or NAME:sparse")}
		}
		spaces[name] = v1.VectorSpace{Dim: dim, Metric: lode.Metric(metric)}
	}
	return spaces, nil
}

type collectionsUpdate struct {
	connection
	Name     string       `arg:"" help:"The collection."`
	Memory   *string      `help:"How sealed segments are held in memory: cached, pinned or cold." placeholder:"MODE"`
	Indexes  *[]string    `help:"Metadata fields to index ahead, separated by commas, in the place of the present ones." placeholder:"FIELD"`
	History  *lode.Period `help:"How long what is replaced or deleted can still be asked for, as 7d or 36h; 0 forgets it." placeholder:"TIME"`
	Language *string      `help:"Language of texts that come later and are neither said nor seen to be in another one, as de." placeholder:"CODE"`
}

// Run changes what was given.
func (c *collectionsUpdate) Run(ctx context.Context, std streams) error {
	node, err := c.open()
	if err != nil {
		return err
	}
	changed, err := node.UpdateCollection(ctx, c.Name, v1.UpdateCollection{Memory: (*lode.MemoryMode)(c.Memory), Indexes: c.Indexes, History: c.History, Language: c.Language})
	if err != nil {
		return err
	}
	if std.json {
		return writeJSON(std.out, changed)
	}
	_, err = fmt.Fprintf(std.out, "collection %s: memory %s, indexes %v, history %s\n", changed.Name, changed.Memory, changed.Indexes, changed.History)
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
