package chunker_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/lodedb/lode"
)

// function is Go code of some 35 tokens.
func function(i int) string {
	return fmt.Sprintf("// wash%d washes.\nfunc wash%d(p pan) error {\n\tfill(p)\n\n\tif p.clear() {\n\t\treturn keep(p)\n\t}\n\treturn nil\n}\n", i, i)
}

// method is Java code of some 30 tokens, inside of a class.
func method(i int) string {
	return fmt.Sprintf("    @Override\n    void wash%d(Pan p) {\n        fill(p);\n\n        keep(p);\n    }\n", i)
}

func pieces(n int, of func(int) string, gap string) string {
	out := make([]string, n)
	for i := range out {
		out[i] = of(i)
	}
	return strings.Join(out, gap)
}

// TestCode wants every chunk of long code to begin where a part of it does.
func TestCode(t *testing.T) {
	f := func(name, code string, begins ...string) {
		t.Helper()
		for _, strategy := range []string{lode.ChunkRecursive, lode.ChunkParent, lode.ChunkSemantic, lode.ChunkSentences} {
			got := chunk(t, blocks("```\n"+code+"```\n"), lode.ChunkerConfig{Strategy: strategy, MinTokens: 60, MaxTokens: 100})
			if len(got) < 3 {
				t.Errorf("%s, %s: %d chunks say nothing", name, strategy, len(got))
			}
			for _, chunk := range got[1:] {
				if !strings.HasPrefix(chunk.Text, begins[0]) && (len(begins) < 2 || !strings.HasPrefix(chunk.Text, begins[1])) {
					t.Errorf("%s, %s: a chunk begins inside of a part: %q", name, strategy, chunk.Text)
				}
			}
		}
	}
	f("functions", "package ore\n\n"+pieces(12, function, "\n"), "// wash")
	f("functions without blank lines", pieces(12, function, ""), "// wash")
	f("methods of a class", "class Washer {\n"+pieces(12, method, "\n")+"}\n", "@Override")
	f("python", pieces(12, func(i int) string {
		return fmt.Sprintf("def wash%d(pan):\n    fill(pan)\n\n    if pan.clear:\n        keep(pan)\n    else:\n        drop(pan)\n", i)
	}, "\n"), "def wash")
}

// A function that is larger than a chunk is cut at its own parts; those after it are whole.
func TestCodeOfOneLongFunction(t *testing.T) {
	long := "func long() {\n" + strings.Repeat("\tfill(pan)\n\tturn(pan)\n\tdrain(pan)\n\n", 12) + "}\n"
	got := texts(t, "```\n"+function(0)+"\n"+long+"\n"+function(1)+"\n"+function(2)+"```\n", recursive(30, 60))
	for _, text := range got[1:] {
		if !strings.HasPrefix(text, "fill(pan)") && !strings.HasPrefix(text, "func long") && !strings.HasPrefix(text, "// wash") {
			t.Errorf("a chunk begins inside of a group: %q", text)
		}
	}
	for i := range 3 {
		if !slices.ContainsFunc(got, func(text string) bool { return strings.Contains(text, strings.TrimSpace(function(i))) }) {
			t.Errorf("function %d is cut: %q", i, got)
		}
	}
}
