package main

import (
	"bytes"
	"os"
	"testing"
)

// TestCommittedFile keeps the PDF in the repository equal to what the program writes.
func TestCommittedFile(t *testing.T) {
	committed, err := os.ReadFile("../documents/safety-bulletin.pdf")
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(committed, document(pages)) {
		t.Error("samples/documents/safety-bulletin.pdf is out of date: go run ./samples/bulletin > samples/safety-bulletin.pdf")
	}
}
