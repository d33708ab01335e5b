// Command lode-train makes the table of builtin/lode-en-v1, see embed/train. It is a tool of
// developers; `make model` runs it. The product does not link it.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"time"

	"github.com/lodedb/lode/embed/train"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "lode-train:", err)
		os.Exit(1)
	}
}

func run() error {
	var m train.Maker
	flag.StringVar(&m.Dir, "dir", ".cache/model", "folder of sources, pairs, checkpoints and tables")
	flag.Uint64Var(&m.Options.Seed, "seed", 1, "seed of training")
	flag.IntVar(&m.Options.Threads, "threads", 1, "threads of training; the bits do not depend on it")
	flag.IntVar(&m.Options.Batches, "batches", 0, "batches of training; 0 is the recipe's number")
	flag.Parse()
	m.Say = func(format string, args ...any) {
		fmt.Printf("%s %s\n", time.Now().Format(time.TimeOnly), fmt.Sprintf(format, args...))
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	_, err := m.Make(ctx)
	return err
}
