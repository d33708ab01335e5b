package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/alecthomas/kong"

	"github.com/lodedb/lode/server"
)

// Set by the linker.
var (
	version = "dev"
	commit  = "unknown"
)

// Exit codes.
const (
	exitOK      = 0
	exitFailure = 1
	exitUsage   = 2
	exitPartial = 3
)

// commands is the command line; each field's command lives in the file of its name.
type commands struct {
	Output string `help:"Form of the output: ${enum}." enum:"text,json" default:"text" placeholder:"FORM"`

	Serve       serveCommand       `cmd:"" help:"Run a node."`
	Ingest      ingestCommand      `cmd:"" help:"Send files and folders to a node."`
	Search      searchCommand      `cmd:"" help:"Print the passages that answer a question."`
	Context     contextCommand     `cmd:"" help:"Print a context with numbered citations, ready for a model."`
	Trace       traceCommand       `cmd:"" help:"Follow a passage back to the bytes it came from."`
	Check       checkCommand       `cmd:"" help:"Verify everything that a node stores."`
	Health      healthCommand      `cmd:"" help:"Ask whether a node is ready."`
	Collections collectionsCommand `cmd:"" help:"List, make and delete collections."`
	Bench       benchCommand       `cmd:"" help:"Measure retrieval quality, ingest, spans, crashes and start."`
	Version     versionCommand     `cmd:"" help:"Print the version."`
}

// streams are where a command reads and writes; tests replace them.
type streams struct {
	in       io.Reader
	out, err io.Writer
	json     bool
}

func main() {
	if done, err := server.RunWorker(); done {
		if err != nil {
			os.Exit(exitFailure)
		}
		return
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	os.Exit(run(ctx, os.Args[1:], streams{in: os.Stdin, out: os.Stdout, err: os.Stderr}))
}

// run executes one command line and returns its exit code.
func run(ctx context.Context, args []string, std streams) (code int) {
	defer func() {
		if exit, ok := recover().(exitRequest); ok {
			code = int(exit)
		}
	}()
	var cli commands
	parser, err := newParser(&cli, std)
	if err != nil {
		fmt.Fprintln(std.err, "lode:", err)
		return exitUsage
	}
	if len(args) == 0 {
		args = []string{"--help"}
	}
	call, err := parser.Parse(args)
	if err != nil {
		return report(std, err, exitUsage)
	}
	std.json = cli.Output == "json"
	call.BindTo(ctx, (*context.Context)(nil))
	call.Bind(std)
	if err := call.Run(); err != nil {
		return report(std, err, exitCode(err))
	}
	return exitOK
}

func exitCode(err error) int {
	var partial partialError
	var usage usageError
	switch {
	case errors.As(err, &partial):
		return exitPartial
	case errors.As(err, &usage):
		return exitUsage
	}
	return exitFailure
}

// exitRequest is what kong's call for an exit, as after --help, is turned into; run
// recovers it.
type exitRequest int

func newParser(cli *commands, std streams) (*kong.Kong, error) {
	return kong.New(cli,
		kong.Name("lode"),
		kong.Description("A vector database and retrieval server: documents in, cited context out."),
		kong.UsageOnError(),
		kong.DefaultEnvars("LODE"),
		kong.Configuration(yamlSettings),
		kong.Vars{"default_data": server.DefaultDataDir, "default_listen": server.DefaultListen, "default_server": "http://" + server.DefaultListen},
		kong.Writers(std.out, std.err),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, NoExpandSubcommands: true}),
		kong.Exit(func(code int) { panic(exitRequest(code)) }),
	)
}

// partialError is a failure of some of the work; usageError a wrong setting.
type (
	partialError struct{ error }
	usageError   struct{ error }
)

func (e partialError) Unwrap() error { return e.error }
func (e usageError) Unwrap() error   { return e.error }
