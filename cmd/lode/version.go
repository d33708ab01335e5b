package main

import (
	"fmt"
	"runtime"

	"github.com/lodedb/lode/index/distance"
)

type versionCommand struct {
	kernelFlag
	Verbose bool `short:"v" help:"Show compiler, platform and distance kernel too." env:"-"`
}

// Run prints the version of this program, not of a node.
func (c *versionCommand) Run(std streams) error {
	facts := map[string]any{"version": version, "commit": commit}
	if c.Verbose || std.json {
		facts["go"] = runtime.Version()
		facts["platform"] = runtime.GOOS + "/" + runtime.GOARCH
		facts["kernel"] = distance.Kernel()
	}
	if std.json {
		return writeJSON(std.out, facts)
	}
	if !c.Verbose {
		_, err := fmt.Fprintf(std.out, "lode %s (%s)\n", version, commit)
		return err
	}
	fmt.Fprintln(std.out, "lode", version)
	writeFields(std.out, facts)
	return nil
}
