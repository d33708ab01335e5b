package train

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/pipeline/parse"
	"github.com/lodedb/lode/pipeline/parse/html"
)

// Section is a heading of a document and the paragraphs below it.
type Section struct {
	Heading    string
	Paragraphs []string
}

// maxPage leaves out generated pages, such as an index of everything.
const maxPage = 2 << 20

// ReadDocs calls yield with the sections of each document of a source, in order of the paths. A
// page that cannot be parsed is passed over and counted.
func ReadDocs(ctx context.Context, s Source, dir string, yield func([]Section)) (skipped int, err error) {
	root := s.Dir(dir)
	err = filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() || !s.wants(path) {
			return err
		}
		content, err := os.ReadFile(path)
		if err != nil || len(content) > maxPage {
			return err
		}
		sections, err := s.sections(ctx, content)
		if err != nil {
			skipped++
			return ctx.Err()
		}
		yield(sections)
		return nil
	})
	if err != nil {
		return skipped, fmt.Errorf("read %s: %w", s.Package, err)
	}
	return skipped, nil
}

func (s Source) wants(path string) bool {
	for _, skip := range s.Skip {
		if strings.Contains(path, skip) {
			return false
		}
	}
	ext := filepath.Ext(path)
	return s.Format == "html" && (ext == ".html" || ext == ".htm") || s.Format == "pod" && ext == ".pod"
}

func (s Source) sections(ctx context.Context, content []byte) ([]Section, error) {
	if s.Format == "pod" {
		return podSections(string(content)), nil
	}
	silver, err := html.Parse(ctx, parse.Input{Content: content, MediaType: parse.TypeHTML})
	if err != nil {
		return nil, err
	}
	return silverSections(silver), nil
}

// silverSections gathers the paragraphs and lists of a parsed page below their headings.
func silverSections(silver *lode.SilverText) []Section {
	sections := []Section{{}}
	for _, part := range silver.Sections {
		text := silver.Text[part.Span.Start:part.Span.End]
		last := &sections[len(sections)-1]
		switch part.Kind {
		case lode.SectionHeading:
			sections = append(sections, Section{Heading: strings.Join(strings.Fields(text), " ")})
		case lode.SectionParagraph, lode.SectionList:
			for p := range strings.SplitSeq(text, "\n\n") {
				last.Paragraphs = append(last.Paragraphs, strings.Join(strings.Fields(p), " "))
			}
		}
	}
	return sections
}

// podSections reads Perl's plain old documentation: =head1 and its kin begin sections, other
// commands and indented lines (code) are no text.
func podSections(content string) []Section {
	sections := []Section{{}}
	for paragraph := range strings.SplitSeq(strings.ReplaceAll(content, "\r\n", "\n"), "\n\n") {
		paragraph = strings.Trim(paragraph, "\n")
		last := &sections[len(sections)-1]
		switch {
		case paragraph == "" || paragraph[0] == ' ' || paragraph[0] == '\t':
		case strings.HasPrefix(paragraph, "=head"):
			_, heading, _ := strings.Cut(paragraph, " ")
			sections = append(sections, Section{Heading: podText(heading)})
		case strings.HasPrefix(paragraph, "="):
		default:
			last.Paragraphs = append(last.Paragraphs, podText(paragraph))
		}
	}
	return sections
}

// podText drops formatting codes: C<code>, B<< bold >>, and of L<text|target> the target.
func podText(s string) string {
	var b strings.Builder
	depth := 0
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case 'A' <= c && c <= 'Z' && i+1 < len(s) && s[i+1] == '<':
			depth++
			for i+1 < len(s) && s[i+1] == '<' {
				i++
			}
		case c == '>' && depth > 0:
			depth--
			for i+1 < len(s) && s[i+1] == '>' {
				i++
			}
		case c == '|' && depth > 0:
			for i+1 < len(s) && s[i+1] != '>' {
				i++
			}
		default:
			b.WriteByte(c)
		}
	}
	return strings.Join(strings.Fields(b.String()), " ")
}
