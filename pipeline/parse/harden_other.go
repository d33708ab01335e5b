//go:build !linux

package parse

import (
	"os"
	"runtime/debug"
)

// harden limits a worker process from the inside. It runs once, before the first document.
func harden() {
	debug.SetMaxStack(maxStackBytes)
	os.Stdout = os.Stderr
}
