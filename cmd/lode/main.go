package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/alecthomas/kong"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/embed/hub"
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
	exitDrop    = 4
)

// commands is the command line; each field's command lives in the file of its name.
type commands struct {
	Output string `help:"Form of the output: ${enum}." enum:"text,json" default:"text" placeholder:"FORM"`

	Serve       serveCommand       `cmd:"" help:"Run a node."`
	Ingest      ingestCommand      `cmd:"" help:"Send files and folders to a node."`
	Search      searchCommand      `cmd:"" help:"Print the passages that answer a question."`
	Context     contextCommand     `cmd:"" help:"Print a context with numbered citations, ready for a model."`
	Chunk       chunkCommand       `cmd:"" help:"Show how a file would be cut into passages."`
	CheckAnswer checkAnswerCommand `cmd:"" help:"Hold an answer against the passages that it cites."`
	WhyNot      whyNotCommand      `cmd:"" help:"Say why a document is not in the answer to a question."`
	Trace       traceCommand       `cmd:"" help:"Follow a passage back to the bytes it came from."`
	Check       checkCommand       `cmd:"" help:"Verify everything that a node stores."`
	Repair      repairCommand      `cmd:"" help:"Rebuild what is derived in the data folder of a stopped node."`
	Health      healthCommand      `cmd:"" help:"Ask whether a node is ready."`
	Usage       usageCommand       `cmd:"" help:"Print what a node uses of memory and disk, and its limits."`
	Embed       embedCommand       `cmd:"" help:"Embed texts, and print what embedding costs."`
	Models      modelsCommand      `cmd:"" help:"List, show, fetch and add local embedding models."`
	Collections collectionsCommand `cmd:"" help:"List, make and delete collections."`
	Documents   documentsCommand   `cmd:"" help:"Delete documents and raw vectors."`
	Patch       patchCommand       `cmd:"" help:"Change metadata, readers or expiry of documents and raw vectors."`
	Count       countCommand       `cmd:"" help:"Count what a filter matches."`
	Facets      facetsCommand      `cmd:"" help:"Count the values of a metadata field."`
	Recall      recallCommand      `cmd:"" help:"Measure how much of what an exact search finds a search finds."`
	Scroll      scrollCommand      `cmd:"" help:"Walk documents and raw vectors in any order."`
	Segments    segmentsCommand    `cmd:"" help:"List the segments of a collection, and seal them."`
	Eval        evalCommand        `cmd:"" help:"Measure, compare and tune retrieval on judged questions."`
	Operation   operationCommand   `cmd:"" help:"Say what became of a write."`
	Backup      backupCommand      `cmd:"" help:"Make, list, verify and restore backups."`
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
		switch stop := recover().(type) {
		case nil:
		case exitRequest:
			code = int(stop)
		default:
			panic(stop) // a failure of the node must not end as success
		}
	}()
	var cli commands
	parser, err := newParser(&cli, std)
	if err != nil {
		fmt.Fprintln(std.err, "lode:", err)
		return exitUsage
	}
	call, err := parser.Parse(shortcuts(args))
	if err != nil {
		std.json = wantsJSON(args)
		return report(std, withHelp(err), exitUsage)
	}
	std.json = cli.Output == "json"
	call.BindTo(ctx, (*context.Context)(nil))
	call.Bind(std)
	if err := call.Run(); err != nil {
		return report(std, err, exitCode(err))
	}
	return exitOK
}

// shortcuts are the other ways in which people ask for help and for the version.
func shortcuts(args []string) []string {
	switch {
	case len(args) == 0:
		return []string{"--help"}
	case args[0] == "help":
		return append(args[1:len(args):len(args)], "--help")
	case args[0] == "--version":
		return append([]string{"version"}, args[1:]...)
	}
	return args
}

// wantsJSON finds the form of the output in a command line that could not be read.
func wantsJSON(args []string) bool {
	form := os.Getenv("LODE_OUTPUT")
	for i, arg := range args {
		if value, found := strings.CutPrefix(arg, "--output="); found {
			form = value
		} else if arg == "--output" && i+1 < len(args) {
			form = args[i+1]
		}
	}
	return form == "json"
}

// withHelp gives an error of the command line its code, and the command whose help to read.
func withHelp(err error) error {
	command := "lode"
	var parse *kong.ParseError
	if errors.As(err, &parse) {
		for _, step := range parse.Context.Path {
			if step.Command != nil {
				command += " " + step.Command.Name
			}
		}
	}
	return lode.Errorf(lode.CodeInvalid, "%s", err).WithHint(command + " --help")
}

func exitCode(err error) int {
	var partial partialError
	var usage usageError
	var drop dropError
	switch {
	case errors.As(err, &partial):
		return exitPartial
	case errors.As(err, &usage):
		return exitUsage
	case errors.As(err, &drop):
		return exitDrop
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
		kong.Vars(evalVars()),
		kong.Vars{"default_data": server.DefaultDataDir, "default_listen": server.DefaultListen, "default_server": "http://" + server.DefaultListen, "providers": apiNames(), "default_hub": hub.DefaultBaseURL},
		kong.Writers(std.out, std.err),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, NoExpandSubcommands: true}),
		kong.ValueFormatter(flagHelp),
		kong.Exit(func(code int) { panic(exitRequest(code)) }),
	)
}

// flagHelp adds a flag's default, which kong would show in place of the placeholder, and
// its variable.
func flagHelp(value *kong.Value) string {
	var notes []string
	if value.Default != "" {
		notes = append(notes, "default: "+value.Default)
	}
	for _, name := range value.Tag.Envs {
		notes = append(notes, "$"+name)
	}
	if len(notes) == 0 {
		return value.Help
	}
	return strings.TrimSuffix(value.Help, ".") + " (" + strings.Join(notes, "; ") + ")."
}

// partialError is a failure of some of the work; usageError a wrong setting.
type (
	partialError struct{ error }
	usageError   struct{ error }
)

func (e partialError) Unwrap() error { return e.error }
func (e usageError) Unwrap() error   { return e.error }
