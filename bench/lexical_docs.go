package bench

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/pipeline/parse"
	"github.com/lodedb/lode/pipeline/parse/html"
)

// lexicalLeastWords is how many words a section of documentation needs to be a document.
const lexicalLeastWords = 15

// writeDocs writes the sections of the pages of HTML in a folder, one document on a line: the
// title of the page and the headings above, a tab and the text. Pages that cannot be parsed are
// left out. It returns how many it wrote, at most so many.
func writeDocs(ctx context.Context, out *bufio.Writer, folder string, most int) (written int, err error) {
	err = filepath.WalkDir(folder, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() || filepath.Ext(path) != ".html" {
			return err
		}
		content, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		page, err := html.Parse(ctx, parse.Input{Content: content, MediaType: parse.TypeHTML, Name: d.Name()})
		if err != nil {
			return ctx.Err()
		}
		for _, line := range docLines(page) {
			if written == most {
				return fs.SkipAll
			}
			if _, err := io.WriteString(out, line+"\n"); err != nil {
				return err
			}
			written++
		}
		return nil
	})
	if err == nil && written == 0 {
		err = fmt.Errorf("the folder %s holds no documentation in HTML", folder)
	}
	return written, err
}

// docLines are the sections of a page, without their headings, as lines of a corpus.
func docLines(page *lode.SilverText) []string {
	var lines []string
	for _, s := range page.Sections {
		words := strings.Fields(page.Text[s.Span.Start:s.Span.End])
		if s.Kind == lode.SectionHeading || len(words) < lexicalLeastWords {
			continue
		}
		title := strings.Fields(page.Title + " " + strings.Join(s.Path, " "))
		lines = append(lines, strings.Join(title, " ")+"\t"+strings.Join(words, " "))
	}
	return lines
}
