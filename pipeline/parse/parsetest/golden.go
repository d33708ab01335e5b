package parsetest

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/pipeline/parse"
)

var update = flag.Bool("update", false, "rewrite golden files")

// Golden parses each file of testdata/in and compares the outcome, errors included, with
// the file of the same name and ".golden" in testdata/golden. The flag -update writes them.
func Golden(t *testing.T, parser parse.Parser, mediaType string) {
	t.Helper()
	files, err := filepath.Glob("testdata/in/*")
	if err != nil || len(files) == 0 {
		t.Fatalf("no files in testdata/in: %v", err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			content, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			got := ""
			if silver, err := Parse(t, parser, parse.Input{Content: content, MediaType: mediaType, Name: filepath.Base(file)}); err != nil {
				got = fmt.Sprintf("error %s: %v\n", lode.CodeOf(err), err)
			} else {
				got = Render(silver, content)
			}
			compare(t, filepath.Join("testdata/golden", filepath.Base(file)+".golden"), got)
		})
	}
}

func compare(t *testing.T, path, got string) {
	t.Helper()
	if *update {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatalf("%v (run the test with -update)", err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", path, diff)
	}
}

// Render writes silver text for people: what it says about itself, the sections, and how
// text that is not exact came out of bronze, and what is flagged.
func Render(s *lode.SilverText, bronze []byte) string {
	var b strings.Builder
	fmt.Fprintf(&b, "title %q language %q pages %d\n", s.Title, s.Language, s.Pages)
	for _, section := range s.Sections {
		fmt.Fprintf(&b, "\n[%s", section.Kind)
		if section.Level > 0 {
			fmt.Fprintf(&b, " %d", section.Level)
		}
		if section.Page > 0 {
			fmt.Fprintf(&b, " page %d", section.Page)
		}
		fmt.Fprintf(&b, "] %s\n%s\n", strings.Join(section.Path, " > "), s.Text[section.Span.Start:section.Span.End])
	}
	b.WriteString("\n")
	exact := 0
	for _, run := range s.Runs {
		switch run.Kind {
		case lode.MapExact:
			exact += run.Silver.Len()
		case lode.MapDecoded:
			fmt.Fprintf(&b, "%q from %q\n", s.Text[run.Silver.Start:run.Silver.End], bronze[run.Bronze.Start:run.Bronze.End])
		case lode.MapPage:
			fmt.Fprintf(&b, "%d bytes from the page\n", run.Silver.Len())
		}
	}
	for _, f := range s.Flags {
		fmt.Fprintf(&b, "%s %q by %s\n", f.Kind, s.Text[f.Span.Start:f.Span.End], f.Rule)
	}
	fmt.Fprintf(&b, "%d of %d bytes exact\n", exact, len(s.Text))
	return b.String()
}
