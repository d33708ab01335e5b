package main

import (
	"bytes"
	"context"
	"encoding/json"
	"strings"
	"testing"

	"github.com/lodedb/lode/api/v1"
	"github.com/lodedb/lode/server"
)

func TestUsageCommand(t *testing.T) {
	s := newShell(t)
	s.run(exitOK, "", "ingest", "../../samples/documents", "-c", "ferries")
	text, _ := s.run(exitOK, "", "usage")
	for _, want := range []string{"writes", "taken", "ferries", "catalogue", "blobs", "kept for deletes and the log", "goroutines", "log append"} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is missing:\n%s", want, text)
		}
	}
	var u v1.NodeUsage
	out, _ := s.run(exitOK, "", "usage", "--output", "json")
	if err := json.Unmarshal([]byte(out), &u); err != nil || !u.Writes.Accepted || u.Disk.Used == 0 || len(u.Memory.Collections) != 1 {
		t.Errorf("%+v, %v", u, err)
	}
}

func TestPrintUsageRefused(t *testing.T) {
	var out bytes.Buffer
	u := v1.NodeUsage{Writes: v1.WriteState{Reasons: []v1.Reason{{Name: "disk", Detail: "the disk is full"}, {Name: "memory", Detail: "the data is too large"}}}}
	if err := printUsage(&out, &u); err != nil {
		t.Fatal(err)
	}
	if text := out.String(); strings.Contains(text, "taken") || !strings.Contains(text, "refused: disk: the disk is full") || !strings.Contains(text, "refused: memory:") || !strings.Contains(text, "limit none") {
		t.Error(text)
	}
}

// TestLimitsAreChecked: a limit that cannot be is refused with its name and value.
func TestLimitsAreChecked(t *testing.T) {
	f := func(want []string, args ...string) {
		t.Helper()
		var out, errs bytes.Buffer
		code := run(context.Background(), append([]string{"serve", "--check-config"}, args...), streams{out: &out, err: &errs})
		wantCode := exitUsage
		if want == nil {
			wantCode = exitOK
		}
		if code != wantCode {
			t.Errorf("%v: exit %d: %s%s", args, code, &out, &errs)
		}
		for _, w := range want {
			if !strings.Contains(errs.String(), w) {
				t.Errorf("%v: %q is missing: %s", args, w, &errs)
			}
		}
	}
	f(nil, "--memory-limit", "auto", "--disk-limit", "0")
	f(nil, "--memory-limit", "0", "--disk-limit", "1GiB", "--disk-timeout", "30s")
	f(nil, "--memory-limit", "1GiB")
	f([]string{"memory_limit", "1048576"}, "--memory-limit", "1MiB")
	f([]string{"max_body", "67108864", "memory_limit"}, "--memory-limit", "128MiB")
	f([]string{"memory-limit", "plenty", "auto"}, "--memory-limit", "plenty")
	f([]string{"disk_limit", "1024"}, "--disk-limit", "1KiB")
	f([]string{"disk_timeout", "1ms"}, "--disk-timeout", "1ms")
}

func TestMemorySize(t *testing.T) {
	for text, want := range map[string]memorySize{"auto": 0, "0": server.NoMemoryLimit, "512MiB": 512 << 20} {
		var m memorySize
		if err := m.UnmarshalText([]byte(text)); err != nil || m != want {
			t.Errorf("%q is %d, %v", text, m, err)
		}
	}
	var m memorySize
	if err := m.UnmarshalText([]byte("-1")); err == nil {
		t.Errorf("-1 is %d", m)
	}
}
