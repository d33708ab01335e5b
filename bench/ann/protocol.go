package ann

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/lodedb/lode"
)

// ProtocolVersion is the version of the line protocol that harness and engines speak.
//
// An engine writes a [Hello] when it starts. Then it reads commands, one a line: a verb and
// settings of the form name=value, separated by tabs. It answers each with one JSON object
// on one line: the fields below, or {"error": "…"}.
//
//	load    base=FILE queries=FILE metric=cosine|dot|l2     -> Loaded
//	build   config=NAME m=16 ef_construction=200 threads=1 seed=1   -> Built
//	search  k=10 ef=64 threads=1 repeat=1 batch=0           -> Searched
//	answer                                                  -> Answer, of the last search
//	quit                                                    -> nothing; the engine ends
//
// bench/peers/README.md is the manual for writers of engines.
const ProtocolVersion = 1

// Hello is what an engine says about itself.
type Hello struct {
	Protocol int      `json:"protocol"`
	Name     string   `json:"name"`
	Version  string   `json:"version"`
	About    string   `json:"about,omitempty"` // compiler, flags, what to know
	Configs  []Config `json:"configs"`
}

// Config is one way to run an engine, e.g. a quantization.
type Config struct {
	Name  string `json:"name"`
	About string `json:"about,omitempty"`
	Exact bool   `json:"exact,omitempty"` // ef has no effect, recall is 1
	// BuildThreads and SearchThreads say that a build, a search can use several threads.
	BuildThreads  bool `json:"build_threads,omitempty"`
	SearchThreads bool `json:"search_threads,omitempty"`
	// Batch says that a search with batch=1 answers all queries with one call of the engine.
	Batch   bool `json:"batch,omitempty"`
	MaxRows int  `json:"max_rows,omitempty"` // more are no use, e.g. for a scan
}

// Loaded says how much the engine read.
type Loaded struct {
	Rows    int `json:"rows"`
	Dim     int `json:"dim"`
	Queries int `json:"queries"`
}

// Built says what the index holds.
type Built struct {
	Rows int `json:"rows"`
	// IndexBytes is what the index occupies, vectors included; 0 is unknown.
	IndexBytes int64 `json:"index_bytes,omitempty"`
	// TraversalBytes is what a search reads for each vector it visits: vector or code, what
	// belongs to it, and the links that a vector has on average; 0 is unknown.
	TraversalBytes int64 `json:"traversal_bytes,omitempty"`
	// BindingNanos is what a search costs before it reaches the engine, where the engine is
	// called from another language; the harness tells QPS with it and without.
	BindingNanos int64 `json:"binding_ns,omitempty"`
	// Default says that a user who chooses nothing gets this configuration for such data.
	Default bool   `json:"default,omitempty"`
	About   string `json:"about,omitempty"` // parameters that the engine chose itself
}

// Searched says how many queries were answered, repetitions counted.
type Searched struct {
	Queries int `json:"queries"`
}

// Answer holds the ids that each query of the last search got, nearest first, and how long
// each took in nanoseconds, in the last repetition. Of a batch, each took its share.
type Answer struct {
	IDs   [][]int64 `json:"ids"`
	Nanos []int64   `json:"ns"`
}

// command is a line of the protocol.
type command struct {
	verb     string
	settings map[string]string
}

func newCommand(verb string, settings ...any) string {
	line := verb
	for i := 0; i < len(settings); i += 2 {
		line += fmt.Sprintf("\t%v=%v", settings[i], settings[i+1])
	}
	return line + "\n"
}

func parseCommand(line string) command {
	words := strings.Split(strings.TrimRight(line, "\r\n"), "\t")
	c := command{verb: words[0], settings: map[string]string{}}
	for _, word := range words[1:] {
		name, value, _ := strings.Cut(word, "=")
		c.settings[name] = value
	}
	return c
}

// number returns a setting, at least 1, or the default where it is missing.
func (c command) number(name string, missing int) (int, error) {
	text, given := c.settings[name]
	if !given {
		return missing, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		return 0, lode.Invalid(name, text, "%s must be a number above 0", name)
	}
	return n, nil
}

// checkAnswer holds an answer against what was asked, and returns its ids.
func checkAnswer(a Answer, queries, k, rows int) ([][]uint32, error) {
	if len(a.IDs) != queries || len(a.Nanos) != queries {
		return nil, fmt.Errorf("answered %d queries with %d times, %d were asked", len(a.IDs), len(a.Nanos), queries)
	}
	out := make([][]uint32, queries)
	for q, ids := range a.IDs {
		if len(ids) > k {
			return nil, fmt.Errorf("query %d has %d answers, %d were asked for", q, len(ids), k)
		}
		seen := make(map[int64]bool, len(ids))
		for _, id := range ids {
			if id < 0 || id >= int64(rows) {
				return nil, fmt.Errorf("query %d is answered with row %d of %d", q, id, rows)
			}
			if seen[id] {
				return nil, fmt.Errorf("query %d is answered with row %d twice", q, id)
			}
			seen[id] = true
			out[q] = append(out[q], uint32(id))
		}
		if a.Nanos[q] < 0 {
			return nil, fmt.Errorf("query %d took %d ns", q, a.Nanos[q])
		}
	}
	return out, nil
}
