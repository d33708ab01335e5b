package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestRerankerSettings covers the file of re-rankers, and where their keys come from.
func TestRerankerSettings(t *testing.T) {
	dir := t.TempDir()
	file, key := filepath.Join(dir, "rerankers.yaml"), filepath.Join(dir, "key")
	if err := os.WriteFile(key, []byte("hunter2\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("LODE_VOYAGE_KEY", "hunter2")
	t.Setenv("OTHER_KEY", "hunter2")
	f := func(code int, content, want string) {
		t.Helper()
		if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		var out, errs bytes.Buffer
		got := run(context.Background(), []string{"serve", "--check-config", "--reranker-file", file}, streams{out: &out, err: &errs})
		if text := out.String() + errs.String(); got != code || !strings.Contains(text, want) || strings.Contains(text, "hunter2") {
			t.Errorf("%q: exit %d, want %q\n%s", content, got, want, text)
		}
	}
	f(exitOK, "voyage:\n  model: rerank-2.5\n", "voyage with a key")
	f(exitOK, "house:\n  api: tei\n  url: http://127.0.0.1:8080\n  passage_tokens: 400\n  timeout: 2s\n", "house without a key")
	f(exitOK, "jina:\n  model: m\n  key_file: "+key+"\n  price: 0.05\ncohere:\n  model: m\n  key_env: OTHER_KEY\n", "cohere with a key, jina with a key")
	f(exitOK, "", "the configuration is good")
	f(exitUsage, "voyage:\n", "rerankers.voyage.model")
	f(exitUsage, "oracle:\n  model: m\n", "rerankers.oracle.api")
	f(exitUsage, "tei:\n", "rerankers.tei.url")
	f(exitUsage, "jina:\n  model: m\n  url: http://a:hunter2@host\n", "rerankers.jina.url")
	f(exitUsage, "jina:\n  model: m\n  batch_passages: 1000000\n", "rerankers.jina.batch_passages")
	f(exitUsage, "jina:\n  model: m\n  price: -1\n", "rerankers.jina.price")
	f(exitUsage, "maxsim:\n  api: tei\n  url: http://h\n", "not maxsim")
	f(exitUsage, "cohere:\n  model: m\n  key_env: NO_SUCH_KEY\n", "rerankers.cohere.key_env")
	f(exitUsage, "cohere:\n  key: hunter\n", "key")
	f(exitUsage, "- cohere\n", "reranker_file")
}
