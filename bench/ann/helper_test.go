package ann

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"strconv"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/lodedb/lode"
)

// TestMain lets this program be the engines of its own tests.
func TestMain(m *testing.M) {
	kind := os.Getenv("LODE_TEST_ENGINE")
	if kind == "" {
		goleak.VerifyTestMain(m)
		return
	}
	if err := serveFake(kind); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

// fake starts this program as an engine of a kind.
func fake(t *testing.T, kind string) Command {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return Command{Name: kind, Argv: []string{self}, Env: []string{"LODE_TEST_ENGINE=" + kind}}
}

// serveFake is an engine, honest or not.
func serveFake(kind string) error {
	hello := Hello{Name: kind, Version: "1", About: "fake", Configs: []Config{{Name: "f32", BuildThreads: true, SearchThreads: true}}}
	switch kind {
	case "lode":
		hello, engine := LodeEngine("test")
		return Serve(context.Background(), os.Stdin, os.Stdout, hello, engine)
	case "mute":
		time.Sleep(time.Hour)
	case "talkative":
		fmt.Println("a library greets\nin two lines")
	case "old":
		return json.NewEncoder(os.Stdout).Encode(Hello{Protocol: ProtocolVersion + 1, Name: "old", Configs: hello.Configs})
	case "small":
		hello.Configs[0].MaxRows = 10
	}
	out := io.Writer(os.Stdout)
	if kind == "miscounting" {
		out = miscounter{out}
	}
	return Serve(context.Background(), os.Stdin, out, hello, &fakeEngine{kind: kind})
}

// miscounter claims one query more than were answered.
type miscounter struct{ w io.Writer }

func (m miscounter) Write(b []byte) (int, error) {
	var s struct{ Queries, Rows int }
	if json.Unmarshal(b, &s) == nil && s.Queries > 0 && s.Rows == 0 {
		_, err := fmt.Fprintf(m.w, "{\"queries\":%d}\n", s.Queries+1)
		return len(b), err
	}
	return m.w.Write(b)
}

// fakeEngine looks at every row, the first ef percent of them that is, and answers as its
// kind says.
type fakeEngine struct {
	kind string
	flat lodeIndex
	rows int
}

func (f *fakeEngine) Build(ctx context.Context, base *Vectors, o BuildOptions) (Built, error) {
	f.rows = base.Rows
	o.Config = "flat"
	built, err := f.flat.Build(ctx, base, o)
	switch f.kind {
	case "lying":
		built.Rows++
	case "failing":
		return built, lode.Errorf(lode.CodeInternal, "out of luck")
	case "dying":
		fmt.Fprintln(os.Stderr, "a last word")
		os.Exit(7)
	}
	return built, err
}

func (f *fakeEngine) Search(ctx context.Context, into []uint32, query lode.Vector, k, ef int) ([]uint32, error) {
	ids, err := f.flat.Search(ctx, into, query, k, ef)
	switch f.kind {
	case "approximate": // the larger ef, the more of the right answer
		return ids[:min(len(ids), k*ef/100)], err
	case "wrong":
		for i := range ids {
			ids[i] = (ids[i] + uint32(f.rows)/2) % uint32(f.rows)
		}
	case "doubling":
		ids[1] = ids[0]
	case "beyond":
		ids[0] = uint32(f.rows)
	case "generous":
		ids = append(ids, uint32(rand.IntN(f.rows)))
	}
	return ids, err
}

// testRand returns random numbers from a seed that it prints; LODE_TEST_SEED repeats one.
func testRand(t *testing.T) *rand.Rand {
	t.Helper()
	seed, err := strconv.ParseUint(os.Getenv("LODE_TEST_SEED"), 10, 64)
	if err != nil {
		seed = rand.Uint64()
	}
	t.Logf("seed %d", seed)
	return rand.New(rand.NewPCG(seed, 0))
}
