// Command bleve serves bleve to a run of lode bench lexical: one JSON object on each line in,
// one on each line out. ../../README.md has the protocol.
package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/blevesearch/bleve/v2"
	_ "github.com/blevesearch/bleve/v2/analysis/lang/en"
	"github.com/blevesearch/bleve/v2/mapping"
	index "github.com/blevesearch/bleve_index_api"

	"github.com/lodedb/lode/bench/peers/go/peer"
)

// request is a command of the harness.
type request struct {
	Verb    string   `json:"verb"` // build, open, search
	Corpus  string   `json:"corpus"`
	Folder  string   `json:"folder"`
	Queries []string `json:"queries"`
	K       int      `json:"k"`
}

// reply is an answer.
type reply struct {
	Name    string  `json:"name,omitempty"`
	Version string  `json:"version,omitempty"`
	About   string  `json:"about,omitempty"`
	Error   string  `json:"error,omitempty"`
	Rows    int     `json:"rows,omitempty"`
	Seconds float64 `json:"seconds,omitempty"`
	Bytes   int64   `json:"bytes,omitempty"`
	Answers [][]int `json:"answers,omitempty"`
	Nanos   []int64 `json:"nanos,omitempty"`
}

func main() {
	out := json.NewEncoder(os.Stdout)
	_ = out.Encode(reply{Name: "bleve", Version: peer.Version("github.com/blevesearch/bleve/v2"), About: "its builder, one segment; one field, English analyzer, BM25, positions"})
	lines := bufio.NewReaderSize(os.Stdin, 1<<20)
	var s server
	for {
		line, err := lines.ReadBytes('\n')
		if err != nil {
			return
		}
		var r request
		answer := &reply{}
		if err = json.Unmarshal(line, &r); err == nil {
			answer, err = s.answer(&r)
		}
		if err != nil {
			answer = &reply{Error: err.Error()}
		}
		_ = out.Encode(answer)
	}
}

type server struct{ index bleve.Index }

func (s *server) answer(r *request) (*reply, error) {
	switch r.Verb {
	case "build":
		return build(r)
	case "open":
		return s.open(r)
	case "search":
		return s.search(r)
	}
	return nil, fmt.Errorf("there is no verb %q", r.Verb)
}

func schema() mapping.IndexMapping {
	text := bleve.NewTextFieldMapping()
	text.Analyzer = "en"
	text.Store, text.DocValues, text.IncludeInAll = false, false, false
	text.IncludeTermVectors = true // positions
	doc := bleve.NewDocumentStaticMapping()
	doc.AddFieldMappingsAt("text", text)
	m := bleve.NewIndexMapping()
	m.DefaultMapping = doc
	m.DefaultField = "text"
	m.ScoringModel = index.BM25Scoring
	return m
}

// build indexes the lines of a file; a tab in a line is a space.
func build(r *request) (*reply, error) {
	if err := os.RemoveAll(r.Folder); err != nil {
		return nil, err
	}
	f, err := os.Open(r.Corpus)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	begun := time.Now()
	b, err := bleve.NewBuilder(r.Folder, schema(), map[string]any{"buildPathPrefix": filepath.Dir(r.Folder)})
	if err != nil {
		return nil, err
	}
	rows := 0
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 1<<20)
	for ; lines.Scan(); rows++ {
		if err := b.Index(strconv.Itoa(rows), map[string]any{"text": strings.ReplaceAll(lines.Text(), "\t", " ")}); err != nil {
			return nil, err
		}
	}
	if err := errors.Join(lines.Err(), b.Close()); err != nil {
		return nil, err
	}
	return &reply{Rows: rows, Seconds: time.Since(begun).Seconds(), Bytes: size(r.Folder)}, nil
}

func (s *server) open(r *request) (_ *reply, err error) {
	if s.index, err = bleve.OpenUsing(r.Folder, map[string]any{"read_only": true}); err != nil {
		return nil, err
	}
	rows, err := s.index.DocCount()
	return &reply{Rows: int(rows), Bytes: size(r.Folder)}, err
}

func (s *server) search(r *request) (*reply, error) {
	out := &reply{}
	for _, text := range r.Queries {
		begun := time.Now()
		q := bleve.NewMatchQuery(text)
		q.SetField("text")
		result, err := s.index.Search(bleve.NewSearchRequestOptions(q, r.K, 0, false))
		out.Nanos = append(out.Nanos, int64(time.Since(begun)))
		if err != nil {
			return nil, err
		}
		var rows []int
		for _, hit := range result.Hits {
			row, err := strconv.Atoi(hit.ID)
			if err != nil {
				return nil, err
			}
			rows = append(rows, row)
		}
		out.Answers = append(out.Answers, rows)
	}
	return out, nil
}

func size(folder string) (total int64) {
	_ = filepath.WalkDir(folder, func(_ string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			if info, err := d.Info(); err == nil {
				total += info.Size()
			}
		}
		return nil
	})
	return total
}
