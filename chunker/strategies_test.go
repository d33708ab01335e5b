package chunker_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/chunker"
)

func texts(t *testing.T, src string, c lode.ChunkerConfig) (out []string) {
	t.Helper()
	for _, chunk := range chunk(t, blocks(src), c) {
		out = append(out, chunk.Text)
	}
	return out
}

func TestFixed(t *testing.T) {
	c := lode.ChunkerConfig{Strategy: lode.ChunkFixed, MaxTokens: 40, Overlap: 10}
	got := chunk(t, blocks("# A\n\n"+words(200)+"\n\n# B\n\n"+words(200)), c)
	for i, chunk := range got {
		if i+1 < len(got) && chunk.Tokens < 36 {
			t.Errorf("window %d has %d tokens", i, chunk.Tokens)
		}
		if i == 0 {
			continue
		}
		shared := chunk.Text[:got[i-1].Span.End-chunk.Span.Start]
		if n := len(strings.Fields(shared)); n < 8 || n > 12 {
			t.Errorf("window %d repeats %d words of the one before it: %q", i, n, shared)
		}
	}
}

func TestSentences(t *testing.T) {
	c := lode.ChunkerConfig{Strategy: lode.ChunkSentences, MinTokens: 15, MaxTokens: 60}
	got := texts(t, "# A\n\n"+words(64)+"\n\n## B\n\n"+words(16), c)
	for _, text := range got {
		if strings.Count(text, ".") != 2 || !strings.HasSuffix(text, ".") {
			t.Errorf("not two sentences: %q", text)
		}
	}
	if len(got) != 5 || !strings.HasPrefix(got[4], "## B\n\n") {
		t.Errorf("a heading does not begin its group: %q", got)
	}
	t.Run("a list gives its lines, a table that fits stays whole", func(t *testing.T) {
		table := strings.TrimSpace(strings.Repeat("| one | two |\n", 5))
		got := texts(t, "- one\n- two\n- three\n\n"+table+"\n\nEnd.", lode.ChunkerConfig{Strategy: lode.ChunkSentences, MinTokens: 5, MaxTokens: 40})
		if want := []string{"- one\n- two", "- three\n\n" + table, "End."}; !slices.Equal(got, want) {
			t.Errorf("got %q, want %q", got, want)
		}
	})
}

func TestParent(t *testing.T) {
	c := lode.ChunkerConfig{Strategy: lode.ChunkParent, MinTokens: 20, MaxTokens: 40}
	got := chunk(t, blocks("# A\n\n## B\n\n"+words(80)+"\n\n## C\n\nshort\n\n"+words(8)+"\n\n# D\n\n"+words(16)), c)
	var paths []string
	for _, chunk := range got {
		paths = append(paths, strings.Join(chunk.Path, ">"))
	}
	// The heading A stands above B and is no section of its own; C is small and stays alone.
	if want := []string{"A>B", "A>B", "A>B", "A>C", "D"}; !slices.Equal(paths, want) {
		t.Errorf("sections %q, want %q", paths, want)
	}
	if !strings.HasPrefix(got[0].Text, "# A\n\n## B") || !strings.HasPrefix(got[3].Text, "## C\n\nshort") {
		t.Errorf("got %+v", got)
	}
}

// Two subjects without a heading or paragraph between them: the cut is where they meet, however
// full the chunk is by then.
func TestSemantic(t *testing.T) {
	ore, sea := strings.TrimSpace(strings.Repeat(sentence, 6)), strings.TrimSpace(strings.Repeat("A ferry goes over the bay at noon. ", 7))
	c := lode.ChunkerConfig{Strategy: lode.ChunkSemantic, MinTokens: 20, MaxTokens: 100}
	if got := texts(t, ore+" "+sea, c); len(got) != 2 || got[0] != ore || got[1] != sea {
		t.Errorf("got %q", got)
	}
	c.Strategy = lode.ChunkRecursive
	if got := texts(t, ore+" "+sea, c); len(got) != 2 || got[0] == ore {
		t.Errorf("the case says nothing: without similarity, too, the cut is between the subjects: %q", got)
	}
}

// What is appended moves no place that is further away than similarity reaches.
func TestSemanticPrefixStable(t *testing.T) {
	c := lode.ChunkerConfig{Strategy: lode.ChunkSemantic, MinTokens: 50, MaxTokens: 100}
	var src strings.Builder
	for i := range 120 {
		src.WriteString([]string{sentence, "A ferry goes over the bay at noon. ", "Is it far to the shore? "}[i*i%7%3])
	}
	before, after := chunk(t, blocks(src.String()), c), chunk(t, blocks(src.String()+words(40)), c)
	if len(before) < 8 {
		t.Fatalf("%d chunks say nothing", len(before))
	}
	for i := range len(before) - unsettled {
		if before[i].Span != after[i].Span {
			t.Errorf("chunk %d of %d moved from %v to %v", i, len(before), before[i].Span, after[i].Span)
		}
	}
}

func TestSemanticEmbedder(t *testing.T) {
	s := blocks(strings.Repeat(sentence, 100))
	c := lode.ChunkerConfig{Strategy: lode.ChunkSemantic}
	f := func(embed chunker.Embed, want lode.Code) {
		t.Helper()
		if got, err := chunker.Chunk(t.Context(), s, c, embed); got != nil || !lode.IsCode(err, want) {
			t.Errorf("%d chunks, %v; want %s", len(got), err, want)
		}
	}
	f(func(context.Context, []string) ([]lode.Vector, error) {
		return nil, lode.Errorf(lode.CodeTimeout, "late")
	}, lode.CodeTimeout)
	f(func(context.Context, []string) ([]lode.Vector, error) { return nil, nil }, lode.CodeProvider)
	f(func(_ context.Context, texts []string) ([]lode.Vector, error) {
		out := make([]lode.Vector, len(texts))
		out[0] = lode.Vector{1}
		return out, nil
	}, lode.CodeProvider)
	short := blocks("One sentence.")
	if _, err := chunker.Chunk(t.Context(), short, c, func(context.Context, []string) ([]lode.Vector, error) {
		return nil, errors.New("asked")
	}); err != nil {
		t.Errorf("a text that fits needs no embedder: %v", err)
	}
}

func TestTableHeader(t *testing.T) {
	rows := strings.Repeat("| one | two |\n", 60)
	f := func(name, src, want string) {
		t.Helper()
		for _, strategy := range lode.ChunkStrategies() {
			if strategy == lode.ChunkWhole {
				continue
			}
			got := chunk(t, blocks(src), lode.ChunkerConfig{Strategy: strategy, MaxTokens: 80})
			for i, chunk := range got {
				switch {
				case i == 0 && chunk.Header != nil:
					t.Errorf("%s, %s: the first chunk has the header in its text and again: %+v", name, strategy, chunk.Header)
				case i > 0 && want == "" && chunk.Header != nil:
					t.Errorf("%s, %s: chunk %d has header %q", name, strategy, i, chunk.Header.Text)
				case i > 0 && want != "" && (chunk.Header == nil || chunk.Header.Text != want || !strings.Contains(chunk.EmbeddedText("T"), want+"\n"+chunk.Text)):
					t.Errorf("%s, %s: chunk %d has header %+v, want %q", name, strategy, i, chunk.Header, want)
				}
			}
			if len(got) < 3 {
				t.Errorf("%s, %s: %d chunks say nothing", name, strategy, len(got))
			}
		}
	}
	f("one row", "| name | size |\n"+rows, "| name | size |")
	f("row and rule", "| name | size |\n|------|------|\n"+rows, "| name | size |\n|------|------|")
	f("a header that is too long", "| "+words(40)+" |\n"+rows, "")
	f("no table", words(400), "")
}

func TestTableHeaderIsOfTheTableThatIsCut(t *testing.T) {
	src := "| a | b |\n| c | d |\n\n" + words(80) + "\n\n| name | size |\n" + strings.Repeat("| one | two |\n", 40) + "\n" + words(80)
	for _, chunk := range chunk(t, blocks(src), recursive(40, 80)) {
		inside := strings.HasPrefix(chunk.Text, "| one")
		if inside != (chunk.Header != nil) || inside && chunk.Header.Text != "| name | size |" {
			t.Errorf("%q has header %+v", chunk.Text, chunk.Header)
		}
	}
}
