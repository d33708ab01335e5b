package train

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/lodedb/lode/internal/beir"
)

// set is passages and judged questions about them.
type set struct {
	name      string
	ids       []string
	passages  []string
	questions []judged
}

// readSet reads a data set of the BEIR layout.
func readSet(dir string) (*set, error) {
	b, err := beir.Read(dir)
	if err != nil {
		return nil, fmt.Errorf("read set: %w", err)
	}
	s := &set{name: filepath.Base(dir)}
	for _, d := range b.Docs {
		s.ids = append(s.ids, d.ID)
		s.passages = append(s.passages, d.Title+"\n\n"+d.Text)
	}
	for _, q := range b.Queries {
		s.questions = append(s.questions, judged{text: q.Text, grades: b.Qrels[q.ID]})
	}
	return s, nil
}

// Sizes of the set of glosses.
const (
	glossQuestions = 800
	glossPassages  = 8000
	devPassages    = 2000
)

// glossSet asks for held-out glosses by their lemmas, where the two share no content stem by either stemmer. The other
// passages are the rest of the held-out glosses and, to 8,000, glosses spread over WordNet.
func glossSet(w *WordNet, ids []string, questions, passages int) (*set, error) {
	s := &set{name: "glosses"}
	in := map[string]bool{}
	add := func(syn *Synset) {
		in[syn.ID] = true
		s.ids = append(s.ids, syn.ID)
		s.passages = append(s.passages, syn.Definition)
	}
	for _, id := range ids {
		syn, ok := w.Find(id)
		if !ok {
			return nil, fmt.Errorf("held-out synset %s is not in this WordNet", id)
		}
		add(syn)
		lemmas := strings.Join(syn.Lemmas, ", ")
		if len(s.questions) < questions && len(Overlap(lemmas, syn.Definition)) == 0 && !SharesTerm(lemmas, syn.Definition) {
			s.questions = append(s.questions, judged{text: lemmas, grades: map[string]int{id: 1}})
		}
	}
	step := max(1, len(w.Synsets)/max(1, passages-len(ids)))
	for i := 0; i < len(w.Synsets) && len(s.ids) < passages; i += step {
		if syn := &w.Synsets[i]; !in[syn.ID] {
			add(syn)
		}
	}
	return s, nil
}

// proseSet asks the questions in free prose of all paragraphs of the sample corpora.
func proseSet(corpora string) (*set, error) {
	questions, err := ReadProse()
	if err != nil {
		return nil, err
	}
	s := &set{name: "prose"}
	files := map[string][]int{} // passages of a file
	err = filepath.WalkDir(corpora, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, ".md") {
			return err
		}
		content, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		file, err := filepath.Rel(corpora, path)
		if err != nil {
			return err
		}
		for i, p := range markdownParagraphs(string(content)) {
			files[file] = append(files[file], len(s.passages))
			s.ids = append(s.ids, fmt.Sprintf("%s#%d", file, i))
			s.passages = append(s.passages, p)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read corpora: %w", err)
	}
	for _, q := range questions {
		grades := map[string]int{}
		for _, i := range files[q.File] {
			if strings.Contains(s.passages[i], q.Quote) {
				grades[s.ids[i]] = 1
			}
		}
		if len(grades) != 1 {
			return nil, fmt.Errorf("the answer to %q stands in %d passages of %s", q.Query, len(grades), q.File)
		}
		s.questions = append(s.questions, judged{text: q.Query, grades: grades})
	}
	return s, nil
}

var (
	frontMatter = regexp.MustCompile(`(?s)\A---\n.*?\n---\n`)
	codeFence   = regexp.MustCompile("(?s)```.*?```")
	betweenText = regexp.MustCompile(`\n[ \t]*\n`)
)

// markdownParagraphs cuts a page at blank lines, code left out, and keeps what has some words.
func markdownParagraphs(content string) []string {
	content = codeFence.ReplaceAllString(frontMatter.ReplaceAllString(content, ""), "\n\n")
	var kept []string
	for _, p := range betweenText.Split(content, -1) {
		if len(strings.Fields(p)) >= leastParagraph {
			kept = append(kept, strings.TrimSpace(p))
		}
	}
	return kept
}
