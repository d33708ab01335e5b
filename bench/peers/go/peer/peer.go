// Package peer is the engine's side of the line protocol of bench/ann, for engines in Go
// that are no part of Lode. ../README.md has the protocol.
package peer

import (
	"bufio"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"time"
)

// Engine is what an adapter implements.
type Engine interface {
	// Build makes the index of the rows and returns how many it holds.
	Build(rows [][]float32, o Options) (int, error)
	// Search returns at most k ids, nearest first.
	Search(query []float32, k, ef int) ([]int, error)
}

// Options are the settings of a build.
type Options struct {
	Metric         string // cosine (rows are of unit length), dot or l2
	M              int
	EFConstruction int
	Seed           int
}

// Serve writes hello and answers commands until quit.
func Serve(hello map[string]any, e Engine) error {
	s := &server{engine: e}
	hello["protocol"] = 1
	out := json.NewEncoder(os.Stdout)
	if err := out.Encode(hello); err != nil {
		return err
	}
	for lines := bufio.NewReader(os.Stdin); ; {
		line, err := lines.ReadString('\n')
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		verb, settings := parse(line)
		if verb == "quit" {
			return nil
		}
		reply, err := s.answer(verb, settings)
		if err != nil {
			reply = map[string]any{"error": err.Error()}
		}
		if err := out.Encode(reply); err != nil {
			return err
		}
	}
}

func parse(line string) (verb string, settings map[string]string) {
	words := strings.Split(strings.TrimRight(line, "\r\n"), "\t")
	settings = map[string]string{}
	for _, word := range words[1:] {
		name, value, _ := strings.Cut(word, "=")
		settings[name] = value
	}
	return words[0], settings
}

type server struct {
	engine        Engine
	metric        string
	base, queries [][]float32
	ids           [][]int
	nanos         []int64
}

func (s *server) answer(verb string, settings map[string]string) (map[string]any, error) {
	switch verb {
	case "load":
		return s.load(settings)
	case "build":
		return s.build(settings)
	case "search":
		return s.search(settings)
	case "answer":
		return map[string]any{"ids": s.ids, "ns": s.nanos}, nil
	}
	return nil, fmt.Errorf("there is no verb %q", verb)
}

func (s *server) load(settings map[string]string) (map[string]any, error) {
	var err error
	if s.base, err = read(settings["base"]); err != nil {
		return nil, err
	}
	if s.queries, err = read(settings["queries"]); err != nil {
		return nil, err
	}
	s.metric = settings["metric"]
	return map[string]any{"rows": len(s.base), "dim": len(s.base[0]), "queries": len(s.queries)}, nil
}

func (s *server) build(settings map[string]string) (map[string]any, error) {
	runtime.GOMAXPROCS(1)
	rows, err := s.engine.Build(s.base, Options{
		Metric: s.metric, M: number(settings["m"]), EFConstruction: number(settings["ef_construction"]), Seed: number(settings["seed"]),
	})
	s.base = nil
	debug.FreeOSMemory()
	return map[string]any{"rows": rows}, err
}

func (s *server) search(settings map[string]string) (map[string]any, error) {
	k, ef, repeat := number(settings["k"]), number(settings["ef"]), number(settings["repeat"])
	s.ids, s.nanos = make([][]int, len(s.queries)), make([]int64, len(s.queries))
	for range repeat {
		for q, query := range s.queries {
			begun := time.Now()
			ids, err := s.engine.Search(query, k, ef)
			s.nanos[q] = int64(time.Since(begun))
			if err != nil {
				return nil, fmt.Errorf("query %d: %w", q, err)
			}
			s.ids[q] = ids
		}
	}
	return map[string]any{"queries": repeat * len(s.queries)}, nil
}

// Version is that of a module in this program.
func Version(module string) string {
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, dependency := range info.Deps {
			if dependency.Path == module {
				return dependency.Version
			}
		}
	}
	return "unknown"
}

// number reads a setting that the harness always gives.
func number(text string) int {
	n, err := strconv.Atoi(text)
	if err != nil {
		return 0
	}
	return n
}

// read reads an fbin file: uint32 rows, uint32 dimensions, float32.
func read(path string) ([][]float32, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	if len(b) < 8 {
		return nil, fmt.Errorf("%s has no header", path)
	}
	rows, dim := int(binary.LittleEndian.Uint32(b)), int(binary.LittleEndian.Uint32(b[4:]))
	if rows < 1 || len(b) != 8+4*rows*dim {
		return nil, fmt.Errorf("%s has %d bytes for %d rows of %d", path, len(b), rows, dim)
	}
	out := make([][]float32, rows)
	for i := range out {
		out[i] = make([]float32, dim)
		for j := range out[i] {
			out[i][j] = math.Float32frombits(binary.LittleEndian.Uint32(b[8+4*(i*dim+j):]))
		}
	}
	return out, nil
}
