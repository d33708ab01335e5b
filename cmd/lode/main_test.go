package main

import (
	"bytes"
	"context"
	"encoding/json"
	"strings"
	"testing"
)

// TestJSONErrors demands every error as JSON once that form is asked for, also when the
// command line cannot be read.
func TestJSONErrors(t *testing.T) {
	s := &shell{t, "http://127.0.0.1:1"}
	f := func(exit int, code, hint string, args ...string) {
		t.Helper()
		out, errs := s.run(exit, "", args...)
		var body map[string]string
		if err := json.Unmarshal([]byte(errs), &body); err != nil || body["code"] != code || body["error"] == "" || !strings.Contains(body["hint"], hint) || out != "" {
			t.Errorf("lode %s: %v: %s%s", strings.Join(args, " "), err, out, errs)
		}
	}
	f(exitUsage, "invalid", "lode search --help", "search", "--output", "json")
	f(exitUsage, "invalid", "lode collections create --help", "collections", "create", "--output=json")
	f(exitUsage, "invalid", "lode --help", "frobnicate", "--output", "json")
	f(exitUsage, "malformed", "filter", "search", "x", "--filter", "{", "--output", "json")
	f(exitFailure, "unavailable", "lode serve", "context", "x", "--output", "json")
	t.Setenv("LODE_OUTPUT", "json")
	f(exitUsage, "invalid", "lode search --help", "search")
}

// TestPartialCode tells a run that failed in part from a bug.
func TestPartialCode(t *testing.T) {
	s := newShell(t)
	_, errs := s.run(exitPartial, "", "ingest", "-", "--output", "json")
	if !strings.Contains(errs, `"partial"`) {
		t.Error(errs)
	}
}

// TestBudget refuses a budget that is no budget, where the default was taken before.
func TestBudget(t *testing.T) {
	s := newShell(t)
	s.run(exitOK, "some words", "ingest", "-")
	for _, budget := range []string{"0", "-1"} {
		if _, errs := s.run(exitFailure, "", "context", "words", "--budget="+budget); !strings.Contains(errs, "budget_tokens must be") {
			t.Error(errs)
		}
	}
	if out, errs := s.run(exitOK, "", "context", "unrelated", "--mode", "lexical"); out != "" || !strings.Contains(errs, "nothing found") {
		t.Errorf("%q %q", out, errs)
	}
}

func TestHelp(t *testing.T) {
	f := func(want string, args ...string) {
		t.Helper()
		var out bytes.Buffer
		if code := run(t.Context(), args, streams{out: &out, err: &out}); code != exitOK || !strings.Contains(out.String(), want) {
			t.Errorf("lode %v: exit %d\n%s", args, code, &out)
		}
	}
	f("Commands:")
	f("Commands:", "help")
	f("Usage: lode search", "help", "search")
	f("(default: 10)", "search", "--help")
	f("(default: 127.0.0.1:7700; $LODE_LISTEN)", "serve", "--help")
	f("lode "+version, "--version")
}

// TestServeStopped ends well when it is told to stop before the node is open.
func TestServeStopped(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	stop()
	var out bytes.Buffer
	if code := run(ctx, []string{"serve", "--data", t.TempDir(), "--listen", "127.0.0.1:0"}, streams{out: &out, err: &out}); code != exitOK || strings.Contains(out.String(), "canceled") {
		t.Errorf("exit %d\n%s", code, &out)
	}
}
