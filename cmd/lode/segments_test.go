package main

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/lodedb/lode/api/v1"
)

// TestSegmentsCommand seals what was ingested and lists it.
func TestSegmentsCommand(t *testing.T) {
	s := newShell(t)
	s.run(exitOK, "", "ingest", "../../samples/documents", "-c", "ferries")
	if out, _ := s.run(exitOK, "", "segments", "ferries"); !strings.Contains(out, "growing") {
		t.Error(out)
	}
	if out, _ := s.run(exitOK, "", "segments", "seal", "ferries"); out != "segment 1 is sealed\n" {
		t.Error(out)
	}
	if out, _ := s.run(exitOK, "", "segments", "seal", "ferries"); out != "there is nothing to seal\n" {
		t.Error(out)
	}
	var all []v1.Segment
	out, _ := s.run(exitOK, "", "segments", "list", "ferries", "--output", "json")
	if err := json.Unmarshal([]byte(out), &all); err != nil || len(all) != 1 || all[0].State != "sealed" || all[0].Rows == 0 || all[0].FileBytes == 0 {
		t.Errorf("%+v, %v", all, err)
	}
	if _, complaint := s.run(exitFailure, "", "segments", "nothing"); !strings.Contains(complaint, "nothing") {
		t.Error(complaint)
	}
}
