package ann

import (
	"fmt"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"time"

	"golang.org/x/sys/unix"

	"github.com/lodedb/lode/internal/report"
)

// cpuTime is the CPU time of all threads of a process, dead ones included. The number of
// the clock is how Linux names the CPU clock of another process.
func cpuTime(pid int) (time.Duration, error) {
	const ofProcess = 2
	var t unix.Timespec
	if err := unix.ClockGettime(int32(^pid<<3|ofProcess), &t); err != nil {
		return 0, fmt.Errorf("read the CPU clock of process %d: %w", pid, err)
	}
	return time.Duration(t.Nano()), nil
}

// availableCPUs lists the CPUs that this process may use.
func availableCPUs() ([]int, error) {
	var set unix.CPUSet
	if err := unix.SchedGetaffinity(0, &set); err != nil {
		return nil, err
	}
	var cpus []int
	for cpu := 0; len(cpus) < set.Count(); cpu++ {
		if set.IsSet(cpu) {
			cpus = append(cpus, cpu)
		}
	}
	return cpus, nil
}

func cpuSet(cpus []int) *unix.CPUSet {
	set := new(unix.CPUSet)
	for _, cpu := range cpus {
		set.Set(cpu)
	}
	return set
}

// startPinned starts a command on some CPUs. A process inherits the CPUs of the thread that
// starts it, so this thread borrows them for that moment.
func startPinned(cmd *exec.Cmd, cpus []int) error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	var own unix.CPUSet
	if err := unix.SchedGetaffinity(0, &own); err != nil {
		return err
	}
	if err := unix.SchedSetaffinity(0, cpuSet(cpus)); err != nil {
		return err
	}
	err := cmd.Start()
	if restored := unix.SchedSetaffinity(0, &own); err == nil {
		err = restored
	}
	return err
}

// pin moves all threads of a process; those that it starts later follow.
func pin(pid int, cpus []int) error {
	tasks, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*", pid))
	if err != nil {
		return err
	}
	set := cpuSet(cpus)
	for _, task := range tasks {
		id, err := strconv.Atoi(filepath.Base(task))
		if err != nil {
			return err
		}
		if err := unix.SchedSetaffinity(id, set); err != nil && err != unix.ESRCH { // it may have ended
			return fmt.Errorf("pin process %d: %w", pid, err)
		}
	}
	return nil
}

// memory returns what a process holds of the machine's memory, now and at most so far.
func memory(pid int) (resident, peak int64, err error) {
	status := fmt.Sprintf("/proc/%d/status", pid)
	for name, bytes := range map[string]*int64{"VmRSS": &resident, "VmHWM": &peak} {
		if _, err := fmt.Sscanf(report.ProcField(status, name), "%d kB", bytes); err != nil {
			return 0, 0, fmt.Errorf("%s of %s: %w", name, status, err)
		}
		*bytes <<= 10
	}
	return resident, peak, nil
}

// threadTime is the CPU time of the calling thread, to which the goroutine must be locked.
func threadTime() (time.Duration, error) {
	var t unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &t); err != nil {
		return 0, fmt.Errorf("read the CPU clock of this thread: %w", err)
	}
	return time.Duration(t.Nano()), nil
}
