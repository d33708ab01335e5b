package report

import (
	"bufio"
	"fmt"
	"os"
	"runtime"
	"strings"
)

// Machine is where a report was measured.
type Machine struct {
	CPU      string `json:"cpu"`
	Cores    int    `json:"cores"`
	MemoryGB int    `json:"memory_gb"`
	OS       string `json:"os"`
	Go       string `json:"go"`
}

// ThisMachine describes the machine of this process; what the system does not tell is
// "unknown" or 0.
func ThisMachine() Machine {
	return Machine{
		CPU: ProcField("/proc/cpuinfo", "model name"), Cores: runtime.NumCPU(),
		MemoryGB: memoryGB(), OS: runtime.GOOS + "/" + runtime.GOARCH, Go: runtime.Version(),
	}
}

func memoryGB() int {
	var kilobytes int
	if _, err := fmt.Sscanf(ProcField("/proc/meminfo", "MemTotal"), "%d kB", &kilobytes); err != nil {
		return 0
	}
	return (kilobytes + 1<<19) >> 20
}

// ProcField returns the value of the first line "name: value" of a file that the system writes,
// as in /proc; "unknown" where there is none.
func ProcField(path, name string) string {
	f, err := os.Open(path)
	if err != nil {
		return "unknown"
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		key, value, found := strings.Cut(lines.Text(), ":")
		if found && strings.TrimSpace(key) == name {
			return strings.TrimSpace(value)
		}
	}
	return "unknown"
}
