package collection_test

import (
	"context"
	"math"
	"strings"
	"testing"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/collection"
)

// TestBadInput: every bad value is refused with a code before it reaches the log, and the
// error names the field.
func TestBadInput(t *testing.T) {
	n := open(t)
	n.create("c")
	r := n.submit(n.accepted("c", "pending", "text"))
	j := n.job("c", r)
	if _, err := n.CreateCollection(ctx, root, lode.Collection{Name: "raw", Embedder: lode.EmbedderConfig{Provider: lode.ProviderNone, Dim: 2}}); err != nil {
		t.Fatal(err)
	}
	entries := len(n.log.all())
	accepted := func(change func(*lode.Accepted)) func() error {
		return func() error {
			a := n.accepted("c", "d", "x")
			change(&a)
			_, err := n.Submit(ctx, root, a)
			return err
		}
	}
	put := func(coll string, p lode.Point) func() error {
		return func() error {
			errs, err := n.PutPoints(ctx, root, coll, []lode.Point{p})
			if err != nil {
				return err
			}
			return errs[0]
		}
	}
	create := func(c lode.Collection) func() error {
		return func() error { _, err := n.CreateCollection(ctx, root, c); return err }
	}
	stage := func(c lode.StagedChunk) func() error {
		return func() error { return n.StageChunks(ctx, j, []lode.StagedChunk{c}) }
	}
	dense := func(v lode.Vector, k int, f lode.Filter) func() error {
		return func() error { _, err := n.view(root, "c").Dense(ctx, v, k, f); return err }
	}
	nan := float32(math.NaN())
	long := strings.Repeat("x", lode.MaxPointTextBytes+1)
	chunk := lode.Chunk{ID: lode.ChunkID{Doc: j.Doc, Version: j.Version}}
	vector := lode.AppendVector(nil, lode.Vector{1, 2, 3, 4})
	deep := lode.Filter{}
	for range lode.MaxFilterDepth + 1 {
		deep = lode.Not(deep)
	}
	for name, c := range map[string]struct {
		call  func() error
		code  lode.Code
		field string
	}{
		"name":             {create(lode.Collection{Name: "../up"}), lode.CodeInvalid, "collection"},
		"taken":            {create(lode.Collection{Name: "c"}), lode.CodeConflict, "collection"},
		"metric":           {create(lode.Collection{Name: "n", Metric: "hamming"}), lode.CodeInvalid, "metric"},
		"unknown model":    {create(lode.Collection{Name: "n", Embedder: lode.EmbedderConfig{Provider: "openai", Model: "unknown", Dim: 3}}), lode.CodeInvalid, "embedder.model"},
		"no collection":    {accepted(func(a *lode.Accepted) { a.Collection = "nope" }), lode.CodeNotFound, "collection"},
		"raw only":         {accepted(func(a *lode.Accepted) { a.Collection = "raw" }), lode.CodeInvalid, "collection"},
		"no id":            {accepted(func(a *lode.Accepted) { a.ID = "" }), lode.CodeInvalid, "id"},
		"long id":          {accepted(func(a *lode.Accepted) { a.ID = lode.DocID(long) }), lode.CodeInvalid, "id"},
		"control in id":    {accepted(func(a *lode.Accepted) { a.ID = "a\x00b" }), lode.CodeInvalid, "id"},
		"uri":              {accepted(func(a *lode.Accepted) { a.URI = "\xff" }), lode.CodeInvalid, "uri"},
		"media type":       {accepted(func(a *lode.Accepted) { a.MediaType = "" }), lode.CodeInvalid, "media_type"},
		"no hash":          {accepted(func(a *lode.Accepted) { a.Blob = lode.Hash{} }), lode.CodeInvalid, "blob"},
		"no bytes":         {accepted(func(a *lode.Accepted) { a.Size = 0 }), lode.CodeInvalid, "size"},
		"metadata":         {accepted(func(a *lode.Accepted) { a.Metadata = lode.Metadata{"": lode.BoolValue(true)} }), lode.CodeInvalid, "metadata key"},
		"nan metadata":     {accepted(func(a *lode.Accepted) { a.Metadata = lode.Metadata{"x": lode.FloatValue(math.NaN())} }), lode.CodeInvalid, "metadata.x"},
		"readers":          {accepted(func(a *lode.Accepted) { a.Readers = []string{""} }), lode.CodeInvalid, "readers"},
		"point dim":        {put("raw", lode.Point{ID: "p", Vector: lode.Vector{1}}), lode.CodeInvalid, "vector"},
		"point nan":        {put("raw", lode.Point{ID: "p", Vector: lode.Vector{1, nan}}), lode.CodeInvalid, "vector"},
		"point zero":       {put("raw", lode.Point{ID: "p", Vector: lode.Vector{0, 0}}), lode.CodeInvalid, "vector"},
		"point id":         {put("raw", lode.Point{Vector: lode.Vector{1, 1}}), lode.CodeInvalid, "id"},
		"point text":       {put("raw", lode.Point{ID: "p", Vector: lode.Vector{1, 1}, Text: long}), lode.CodeTooLarge, "text"},
		"point utf-8":      {put("raw", lode.Point{ID: "p", Vector: lode.Vector{1, 1}, Text: "\xff"}), lode.CodeInvalid, "text"},
		"query dim":        {dense(lode.Vector{1}, 1, lode.Filter{}), lode.CodeInvalid, "vector"},
		"query nan":        {dense(lode.Vector{1, 1, 1, nan}, 1, lode.Filter{}), lode.CodeInvalid, "vector"},
		"k zero":           {dense(lode.Vector{1, 1, 1, 1}, 0, lode.Filter{}), lode.CodeInvalid, "k"},
		"k huge":           {dense(lode.Vector{1, 1, 1, 1}, 1_000_000_000, lode.Filter{}), lode.CodeInvalid, "k"},
		"deep filter":      {dense(lode.Vector{1, 1, 1, 1}, 1, deep), lode.CodeInvalid, ""},
		"other document":   {stage(lode.StagedChunk{Chunk: lode.Chunk{ID: lode.ChunkID{Doc: 99, Version: 1}}, Vector: vector}), lode.CodeInvalid, "chunk"},
		"chunk vector":     {stage(lode.StagedChunk{Chunk: chunk, Vector: vector[:5]}), lode.CodeInvalid, ""},
		"chunk dimensions": {stage(lode.StagedChunk{Chunk: chunk, Vector: vector[:4]}), lode.CodeInvalid, ""},
		"huge chunk": {stage(lode.StagedChunk{
			Chunk: lode.Chunk{ID: chunk.ID, Text: strings.Repeat("x", collection.MaxCommandBytes)}, Vector: vector,
		}), lode.CodeTooLarge, ""},
		"chunk utf-8":  {stage(lode.StagedChunk{Chunk: lode.Chunk{ID: chunk.ID, Text: "\xff"}, Vector: vector}), lode.CodeInvalid, ""},
		"empty silver": {func() error { _, err := n.StageSilver(ctx, j, nil); return err }, lode.CodeInvalid, "silver"},
		"no failure":   {func() error { return n.Fail(ctx, j, lode.Failure{}, nil) }, lode.CodeInvalid, "failure"},
		"limit": {func() error {
			_, _, err := n.Documents(ctx, root, "c", collection.DocumentsQuery{Limit: collection.MaxPage + 1})
			return err
		}, lode.CodeInvalid, "limit"},
		"state": {func() error {
			_, _, err := n.Documents(ctx, root, "c", collection.DocumentsQuery{State: "lost"})
			return err
		}, lode.CodeInvalid, "state"},
		"kind": {func() error { _, _, err := n.Document(ctx, root, "c", 7, "d"); return err }, lode.CodeInvalid, "kind"},
		"gone client": {func() error {
			left, cancel := context.WithCancel(ctx)
			cancel()
			_, err := n.View(left, root, "c")
			return err
		}, lode.CodeCanceled, ""},
		"labels": {func() error {
			p := lode.Principal{ID: "p"}
			for range 300 {
				p.Labels = append(p.Labels, strings.Repeat("l", 256))
			}
			_, err := n.PutPoints(ctx, p, "raw", nil)
			return err
		}, lode.CodeTooLarge, "principal"},
	} {
		t.Run(name, func(t *testing.T) {
			err := c.call()
			wantCode(t, err, c.code)
			if e, ok := err.(*lode.Error); ok && c.field != "" && e.Field != c.field {
				t.Errorf("error %v is about %q, want %q", err, e.Field, c.field)
			}
		})
	}
	if got := len(n.log.all()); got != entries {
		t.Errorf("%d entries reached the log", got-entries)
	}
}

// TestBeforeInit: nothing but the first command is accepted by a cluster without identity.
func TestBeforeInit(t *testing.T) {
	n := openBare(t)
	_, err := n.CreateCollection(ctx, root, lode.Collection{Name: "c"})
	wantCode(t, err, lode.CodeUnavailable)
	wantCode(t, n.Init(ctx, "", make([]byte, 32)), lode.CodeInvalid)
	wantCode(t, n.Init(ctx, "one", nil), lode.CodeInvalid)
	for range 2 {
		if err := n.Init(ctx, "one", make([]byte, 32)); err != nil {
			t.Error(err)
		}
	}
	wantCode(t, n.Init(ctx, "two", make([]byte, 32)), lode.CodeConflict)
	if _, err = n.CreateCollection(ctx, root, lode.Collection{Name: "c"}); err != nil {
		t.Error(err)
	}
}

// TestClosed: a closed engine refuses calls and stops applying.
func TestClosed(t *testing.T) {
	n := open(t)
	n.create("c")
	last := n.log.all()[1]
	if err := n.Close(); err != nil {
		t.Fatal(err)
	}
	_, err := n.View(ctx, root, "c")
	wantCode(t, err, lode.CodeUnavailable)
	wantCode(t, n.DeleteCollection(ctx, root, "c"), lode.CodeUnavailable)
	last.Index++
	if _, ok := n.Apply([]collection.Entry{last})[0].(collection.Fatal); !ok {
		t.Error("a closed engine applied an entry")
	}
	n.stop()
	n.start()
}
