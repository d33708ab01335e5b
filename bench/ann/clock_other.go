//go:build !linux

package ann

import (
	"os/exec"
	"time"

	"github.com/lodedb/lode"
)

// errLinux says why nothing is measured elsewhere.
var errLinux = lode.Errorf(lode.CodeUnavailable, "engines are pinned and their CPU clocks read as Linux does it; there is no such measurement on this system")

func cpuTime(int) (time.Duration, error)           { return 0, errLinux }
func availableCPUs() ([]int, error)                { return nil, errLinux }
func startPinned(*exec.Cmd, []int) error           { return errLinux }
func pin(int, []int) error                         { return errLinux }
func memory(int) (resident, peak int64, err error) { return 0, 0, errLinux }
func threadTime() (time.Duration, error)           { return 0, errLinux }
