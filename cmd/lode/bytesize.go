package main

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/lodedb/lode/server"
)

// byteSize is a number of bytes, written plainly or with a unit: 1048576, 64MiB, 2GB.
type byteSize int64

var byteUnits = []struct {
	suffix string
	bytes  float64
}{
	{"KiB", 1 << 10}, {"MiB", 1 << 20}, {"GiB", 1 << 30}, {"TiB", 1 << 40},
	{"KB", 1e3}, {"MB", 1e6}, {"GB", 1e9}, {"TB", 1e12}, {"B", 1}, {"", 1},
}

// UnmarshalText parses a size.
func (b *byteSize) UnmarshalText(text []byte) error {
	s := strings.TrimSpace(string(text))
	for _, unit := range byteUnits {
		number, found := strings.CutSuffix(s, unit.suffix)
		if !found {
			continue
		}
		n, err := strconv.ParseFloat(strings.TrimSpace(number), 64)
		if err != nil || n < 0 || n*unit.bytes > math.MaxInt64/2 {
			break
		}
		*b = byteSize(n * unit.bytes)
		return nil
	}
	return fmt.Errorf("%q is no size; write 64MiB, 2GB or a number of bytes", s)
}

// String writes a setting with the largest unit that divides it.
func (b byteSize) String() string {
	text := strconv.FormatInt(int64(b), 10)
	for _, unit := range byteUnits[:4] { // KiB to TiB
		if size := byteSize(unit.bytes); b != 0 && b%size == 0 {
			text = strconv.FormatInt(int64(b/size), 10) + unit.suffix
		}
	}
	return text
}

// memorySize is a limit of memory: a size, 0 for none, or auto. Its value is what
// server.Config takes.
type memorySize int64

// UnmarshalText parses a limit.
func (m *memorySize) UnmarshalText(text []byte) error {
	if string(text) == "auto" {
		*m = 0
		return nil
	}
	var size byteSize
	if err := size.UnmarshalText(text); err != nil {
		return fmt.Errorf("%w; auto leaves it to the node", err)
	}
	if *m = memorySize(size); size == 0 {
		*m = server.NoMemoryLimit
	}
	return nil
}

// formatBytes writes a size for people.
func formatBytes(n int64) string {
	switch {
	case n >= 1e9:
		return fmt.Sprintf("%.1f GB", float64(n)/1e9)
	case n >= 1e6:
		return fmt.Sprintf("%.1f MB", float64(n)/1e6)
	case n >= 1e3:
		return fmt.Sprintf("%.1f kB", float64(n)/1e3)
	}
	return fmt.Sprintf("%d B", n)
}
