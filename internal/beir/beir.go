// Package beir reads retrieval data sets in the layout of the BEIR benchmark, and says how good a
// ranking is and how well retrieved spans hold what was asked for. It serves benchmarks and tests: no
// program that serves requests links it.
package beir

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// Set is a retrieval data set: corpus.jsonl, queries.jsonl and qrels/test.tsv
// (https://arxiv.org/abs/2104.08663).
type Set struct {
	Docs    []Text
	Queries []Text                    // with a judgement, in the order of the file
	Qrels   map[string]map[string]int // query -> document -> grade
}

// Text is a document or a query.
type Text struct {
	ID    string `json:"_id"`
	Title string `json:"title"`
	Text  string `json:"text"`
}

// Read reads the set in a folder.
func Read(dir string) (*Set, error) {
	set := &Set{}
	var err error
	if set.Docs, err = readTexts(filepath.Join(dir, "corpus.jsonl")); err != nil {
		return nil, err
	}
	queries, err := readTexts(filepath.Join(dir, "queries.jsonl"))
	if err != nil {
		return nil, err
	}
	if set.Qrels, err = readQrels(filepath.Join(dir, "qrels", "test.tsv")); err != nil {
		return nil, err
	}
	for _, q := range queries {
		if len(set.Qrels[q.ID]) > 0 {
			set.Queries = append(set.Queries, q)
		}
	}
	return set, nil
}

// WithClaims returns the set with the questions of another file, one JSON object with _id, text and
// cited_doc_ids each line: those of SciFact that are for training.
func (s *Set) WithClaims(path string) (*Set, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	out := &Set{Docs: s.Docs, Qrels: map[string]map[string]int{}}
	for dec := json.NewDecoder(bufio.NewReader(f)); ; {
		var claim struct {
			Text
			Cited []string `json:"cited_doc_ids"`
		}
		if err := dec.Decode(&claim); err == io.EOF {
			return out, nil
		} else if err != nil {
			return nil, fmt.Errorf("%s: claim %d: %w", path, len(out.Queries)+1, err)
		}
		out.Queries, out.Qrels[claim.ID] = append(out.Queries, claim.Text), map[string]int{}
		for _, doc := range claim.Cited {
			out.Qrels[claim.ID][doc] = 1
		}
	}
}

func readTexts(path string) ([]Text, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var texts []Text
	for dec := json.NewDecoder(bufio.NewReader(f)); ; {
		var t Text
		if err := dec.Decode(&t); err == io.EOF {
			return texts, nil
		} else if err != nil {
			return nil, fmt.Errorf("%s: text %d: %w", path, len(texts)+1, err)
		}
		if strings.TrimSpace(t.Title+t.Text) != "" { // Cranfield has two empty ones
			texts = append(texts, t)
		}
	}
}

func readQrels(path string) (map[string]map[string]int, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	qrels := map[string]map[string]int{}
	lines := bufio.NewScanner(f)
	for n := 1; lines.Scan(); n++ {
		fields := strings.Split(lines.Text(), "\t")
		if n == 1 || len(fields) != 3 {
			continue // the header
		}
		grade, err := strconv.Atoi(strings.TrimSpace(fields[2]))
		if err != nil {
			return nil, fmt.Errorf("%s: line %d: %w", path, n, err)
		}
		if qrels[fields[0]] == nil {
			qrels[fields[0]] = map[string]int{}
		}
		qrels[fields[0]][fields[1]] = grade
	}
	return qrels, lines.Err()
}
