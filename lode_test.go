package lode_test

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/lodedb/lode"
)

func TestErrorPathAndCode(t *testing.T) {
	cause := errors.New("disk on fire")
	err := fmt.Errorf("open segment x: %w", lode.Errorf(lode.CodeCorrupt, "block 7: %w", cause))
	if lode.CodeOf(err) != lode.CodeCorrupt || !errors.Is(err, cause) || strings.Count(err.Error(), "disk on fire") != 1 {
		t.Errorf("%v", err)
	}
	if lode.CodeOf(cause) != lode.CodeInternal || lode.CodeOf(nil) != "" {
		t.Error("codes of foreign errors")
	}
	e := lode.Invalid("gte", "x", "bad").In("and[1]").In("filter")
	if e.Field != "filter.and[1].gte" {
		t.Errorf("field %q", e.Field)
	}
	if got := lode.CutValue(strings.Repeat("é", 500)); len(got) > 130 || !strings.HasSuffix(got, "…") {
		t.Errorf("cut to %d bytes", len(got))
	}
}

func TestNamesAndIDs(t *testing.T) {
	for _, name := range []string{"", "A", "a b", "../x", "a/b", strings.Repeat("x", 65), "a\x00"} {
		if lode.ValidateCollectionName(name) == nil {
			t.Errorf("collection %q is accepted", name)
		}
	}
	for _, id := range []string{"", "a\nb", "\xff", strings.Repeat("x", lode.MaxDocIDBytes+1)} {
		if lode.DocID(id).Validate() == nil {
			t.Errorf("id %q is accepted", lode.CutValue(id))
		}
	}
	if err := lode.DocID("../../etc/passwd").Validate(); err != nil {
		t.Errorf("an id is no path: %v", err)
	}
	want := lode.ChunkID{Doc: 12, Version: 3, Ordinal: 7}
	if got, err := lode.ParseChunkID(want.String()); err != nil || got != want {
		t.Errorf("%v %v", got, err)
	}
	for _, s := range []string{"", "12-3-7", "ch-1-2", "ch-01-2-3", "ch-1-2-4294967296", "ch--1-2-3", "ch-1-2-3-4"} {
		if _, err := lode.ParseChunkID(s); err == nil {
			t.Errorf("%q is accepted", s)
		}
	}
}

func TestPrincipal(t *testing.T) {
	if (lode.Principal{}).Validate() == nil {
		t.Error("the zero principal is served")
	}
	ada := lode.Principal{ID: "ada", Labels: []string{"eng", "ada"}}
	if !ada.MaySee(nil) || !ada.MaySee([]string{"hr", "eng"}) || ada.MaySee([]string{"hr"}) {
		t.Error("reader labels")
	}
	if !lode.AllSeeing("node").MaySee([]string{"hr"}) {
		t.Error("all-seeing")
	}
}

func TestVectorRules(t *testing.T) {
	nan, inf := float32(math.NaN()), float32(math.Inf(1))
	f := func(v lode.Vector, metric lode.Metric, ok bool) {
		t.Helper()
		if err := v.ValidateFor(2, metric); (err == nil) != ok {
			t.Errorf("%v under %s: %v", v, metric, err)
		}
	}
	f(lode.Vector{1, 2}, lode.Cosine, true)
	f(lode.Vector{1}, lode.Cosine, false)
	f(lode.Vector{nan, 1}, lode.L2, false)
	f(lode.Vector{1, inf}, lode.Dot, false)
	f(lode.Vector{0, 0}, lode.Cosine, false)
	f(lode.Vector{0, 0}, lode.L2, true)
	unit := lode.Vector{3, 4}.Normalize()
	if unit[0] != 0.6 || unit[1] != 0.8 {
		t.Errorf("%v", unit)
	}
	back, err := lode.ParseVector(lode.AppendVector(nil, unit))
	if err != nil || back[0] != unit[0] || back[1] != unit[1] {
		t.Errorf("%v %v", back, err)
	}
}

func TestSilverVerify(t *testing.T) {
	bronze := []byte("# Ti &amp; te\n\nBody text.")
	good := lode.SilverText{
		Text:     "Ti & te\n\nBody text.",
		Sections: []lode.Section{{Kind: lode.SectionHeading, Span: lode.Span{Start: 0, End: 7}}, {Kind: lode.SectionParagraph, Span: lode.Span{Start: 9, End: 19}}},
		Runs: []lode.SourceRun{
			{Silver: lode.Span{Start: 0, End: 3}, Bronze: lode.Span{Start: 2, End: 5}},
			{Silver: lode.Span{Start: 3, End: 4}, Bronze: lode.Span{Start: 5, End: 10}, Kind: lode.MapDecoded},
			{Silver: lode.Span{Start: 4, End: 7}, Bronze: lode.Span{Start: 10, End: 13}},
			{Silver: lode.Span{Start: 9, End: 19}, Bronze: lode.Span{Start: 15, End: 25}},
		},
	}
	if err := good.Verify(bronze); err != nil {
		t.Fatal(err)
	}
	if got, ok := good.BronzeSpan(lode.Span{Start: 5, End: 13}); !ok || string(bronze[got.Start:got.End]) != "te\n\nBody" {
		t.Errorf("%v %v", got, ok)
	}
	if _, ok := good.BronzeSpan(lode.Span{Start: 7, End: 9}); ok {
		t.Error("blank text has a source")
	}
	for name, spoil := range map[string]func(s *lode.SilverText){
		"shifted run":     func(s *lode.SilverText) { s.Runs[0].Bronze = lode.Span{Start: 1, End: 4} },
		"run beyond":      func(s *lode.SilverText) { s.Runs[3].Bronze.End = 99 },
		"missing run":     func(s *lode.SilverText) { s.Runs = s.Runs[:3] },
		"unordered runs":  func(s *lode.SilverText) { s.Runs[0], s.Runs[1] = s.Runs[1], s.Runs[0] },
		"missing section": func(s *lode.SilverText) { s.Sections = s.Sections[1:] },
		"empty section":   func(s *lode.SilverText) { s.Sections[1].Span.End = 9 },
		"changed text":    func(s *lode.SilverText) { s.Text = "ti & te\n\nBody text." },
	} {
		bad := good
		bad.Runs = append([]lode.SourceRun(nil), good.Runs...)
		bad.Sections = append([]lode.Section(nil), good.Sections...)
		spoil(&bad)
		if err := bad.Verify(bronze); !lode.IsCode(err, lode.CodeCorrupt) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestQueryRules(t *testing.T) {
	ok := func() lode.Query { return lode.Query{Collection: "docs", Text: "what"} }
	q := ok()
	q.EnsureDefaults()
	if err := q.Validate(); err != nil || q.K != lode.DefaultK || q.Mode != lode.ModeHybrid {
		t.Errorf("%+v %v", q, err)
	}
	half, over := 0.5, math.NaN()
	f := func(field string, change func(*lode.Query)) {
		t.Helper()
		q := ok()
		change(&q)
		q.EnsureDefaults()
		if err := q.Validate(); err == nil || coded(t, err).Field != field {
			t.Errorf("%s: %v", field, err)
		}
	}
	f("collection", func(q *lode.Query) { q.Collection = "../x" })
	f("text", func(q *lode.Query) { q.Text = "" })
	f("text", func(q *lode.Query) { q.Text = strings.Repeat("x", lode.MaxQueryBytes+1) })
	f("k", func(q *lode.Query) { q.K = -1 })
	f("k", func(q *lode.Query) { q.K = 1_000_000_000 })
	f("budget_tokens", func(q *lode.Query) { q.BudgetTokens = -5 })
	f("dense_weight", func(q *lode.Query) { q.DenseWeight = &over })
	f("mode", func(q *lode.Query) { q.Mode = "magic" })
	f("mode", func(q *lode.Query) { q.Text, q.Vector, q.Mode = "", lode.Vector{1}, lode.ModeHybrid })
	q = ok()
	q.DenseWeight = &half
	q.EnsureDefaults()
	if err := q.Validate(); err != nil {
		t.Error(err)
	}
}

func TestCollectionRules(t *testing.T) {
	c := lode.Collection{Name: "docs"}
	c.EnsureDefaults()
	if err := c.Validate(); err != nil || c.Dim != 256 || c.Metric != lode.Cosine || c.Chunker != lode.DefaultChunker {
		t.Errorf("%+v %v", c, err)
	}
	for _, e := range []lode.EmbedderConfig{{Model: "hash-v1"}, {Dim: 512}, {Model: "hash-v1", Dim: 512}} { // as requests and stored records have it
		e.Provider = lode.ProviderBuiltin
		c := lode.Collection{Name: "docs", Embedder: e}
		c.EnsureDefaults()
		if err := c.Validate(); err != nil || c.Dim != 512 || c.Embedder.Model != "hash-v1" {
			t.Errorf("%+v: %+v %v", e, c.Embedder, err)
		}
	}
	f := func(field string, c lode.Collection) {
		t.Helper()
		c.Name = "docs"
		c.EnsureDefaults()
		if err := c.Validate(); err == nil || coded(t, err).Field != field {
			t.Errorf("%s: %v", field, err)
		}
	}
	f("metric", lode.Collection{Metric: "taxicab"})
	f("dim", lode.Collection{Dim: 3})
	f("embedder.provider", lode.Collection{Embedder: lode.EmbedderConfig{Provider: "the oracle", Dim: 3}})
	f("embedder.dim", lode.Collection{Embedder: lode.EmbedderConfig{Provider: lode.ProviderNone}})
	f("embedder.model", lode.Collection{Embedder: lode.EmbedderConfig{Provider: lode.ProviderBuiltin, Model: "bert"}})
	f("embedder.model", lode.Collection{Embedder: lode.EmbedderConfig{Provider: lode.ProviderBuiltin, Model: "lode-en-v1", Dim: 512}})
	f("chunker.strategy", lode.Collection{Chunker: lode.ChunkerConfig{Strategy: "psychic"}})
	f("chunker.max_tokens", lode.Collection{Chunker: lode.ChunkerConfig{MaxTokens: 3}})
	f("chunker.min_tokens", lode.Collection{Chunker: lode.ChunkerConfig{MinTokens: -1, MaxTokens: 100}})
	f("chunker.strategy", lode.Collection{
		Embedder: lode.EmbedderConfig{Provider: "far", Model: "m", Dim: 3}, Chunker: lode.ChunkerConfig{Strategy: lode.ChunkSemantic},
	})
	f("chunker.strategy", lode.Collection{
		Embedder: lode.EmbedderConfig{Provider: lode.ProviderNone, Dim: 3}, Chunker: lode.ChunkerConfig{Strategy: lode.ChunkSemantic},
	})
}

func TestFlagsAreVerified(t *testing.T) {
	s := lode.SilverText{Text: "text", Sections: []lode.Section{{Kind: lode.SectionParagraph, Span: lode.Span{End: 4}}}, Runs: []lode.SourceRun{{Silver: lode.Span{End: 4}, Bronze: lode.Span{End: 4}}}}
	verify := func(flags ...lode.TextFlag) lode.Code {
		s.Flags = flags
		return lode.CodeOf(s.Verify([]byte("text")))
	}
	good := lode.TextFlag{Kind: lode.FlagHidden, Span: lode.Span{Start: 1, End: 4}, Rule: "tag"}
	if code := verify(lode.TextFlag{Kind: lode.FlagInstruction, Span: lode.Span{End: 1}, Rule: "x"}, good); code != "" {
		t.Errorf("good flags: %s", code)
	}
	for name, bad := range map[string]lode.TextFlag{
		"kind": {Kind: "other", Span: good.Span, Rule: "x"}, "outside": {Kind: lode.FlagHidden, Span: lode.Span{End: 5}, Rule: "x"}, "empty": {Kind: lode.FlagHidden, Span: lode.Span{Start: 2, End: 2}, Rule: "x"},
		"no rule": {Kind: lode.FlagInstruction, Span: good.Span}, "long rule": {Kind: lode.FlagHidden, Span: good.Span, Rule: strings.Repeat("x", lode.MaxRuleBytes+1)},
		"order": {Kind: lode.FlagHidden, Span: lode.Span{End: 1}, Rule: "x"},
	} {
		if code := verify(good, bad); code != lode.CodeCorrupt {
			t.Errorf("%s: %q", name, code)
		}
	}
	if in := lode.FlagsIn([]lode.TextFlag{good}, lode.Span{End: 1}); in != nil {
		t.Errorf("a flag behind the span: %v", in)
	}
	if in := lode.FlagsIn([]lode.TextFlag{good}, lode.Span{End: 2}); len(in) != 1 {
		t.Errorf("a flag that reaches into the span: %v", in)
	}
}
