package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestProviderSettings covers flag and file of providers, and where their keys come from.
func TestProviderSettings(t *testing.T) {
	dir := t.TempDir()
	file, key := filepath.Join(dir, "providers.yaml"), filepath.Join(dir, "key")
	if err := os.WriteFile(key, []byte("hunter2\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("LODE_VOYAGE_KEY", "hunter2")
	t.Setenv("LODE_OUR_HOUSE_KEY", "hunter2")
	t.Setenv("OTHER_KEY", "hunter2")
	f := func(code int, content, want string, args ...string) {
		t.Helper()
		if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		if content != "" {
			args = append(args, "--provider-file", file)
		}
		var out, errs bytes.Buffer
		got := run(context.Background(), append([]string{"serve", "--check-config"}, args...), streams{out: &out, err: &errs})
		if text := out.String() + errs.String(); got != code || !strings.Contains(text, want) || strings.Contains(text, "hunter2") {
			t.Errorf("%q %v: exit %d, want %q\n%s", content, args, got, want, text)
		}
	}
	f(exitOK, "", "cohere without a key, voyage with a key", "--provider", "cohere,voyage")
	f(exitOK, "our-house:\n  api: tei\n  url: http://127.0.0.1:8080\n", "our-house with a key")
	f(exitOK, "jina:\n  key_file: "+key+"\n  price: 0.05\n  timeout: 5s\n  send_dimensions: false\n", "gemini without a key, jina with a key", "--provider", "gemini")
	f(exitOK, "cohere:\n  key_env: OTHER_KEY\n", "cohere with a key")
	f(exitOK, "cohere:\n", "cohere without a key")
	f(exitUsage, "cohere:\n  key_env: NO_SUCH_KEY\n", "providers.cohere.key_env")
	f(exitUsage, "cohere:\n  key_env: OTHER_KEY\n  key_file: "+key+"\n", "key_file is given too")
	f(exitUsage, "cohere:\n  key_file: /no/such/file\n", "providers.cohere.key_file")
	f(exitUsage, "cohere:\n  key: sk\n", "key")
	f(exitUsage, "cohere:\n  timeout: soon\n", "soon")
	f(exitUsage, "cohere:\n  url: nonsense\n", "providers.cohere.url")
	f(exitUsage, "house:\n  api: tei\n", "providers.house.url")
	f(exitUsage, "- cohere\n", "provider_file")
	f(exitUsage, "cohere:\n", "too", "--provider", "cohere")
	f(exitUsage, "", "oracle", "--provider", "oracle")
	f(exitUsage, "", "twice", "--provider", "cohere,cohere")
	f(exitUsage, "", "egress_allow", "--egress-allow", "http://x")
	f(exitUsage, "", "provider_file", "--provider-file", "/no/such/file")
	f(exitOK, "", "http://user:xxxxx@proxy", "--egress-proxy", "http://user:hunter2@proxy")
}
