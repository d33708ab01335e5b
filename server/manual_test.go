package server_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"io"
	"net/http"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/lodedb/lode/server"
)

var update = flag.Bool("update", false, "write the answers into docs/search.md")

// command finds the parts of a call of curl in the manual.
var command = regexp.MustCompile(`(?s)^\$ curl -s(?: -X ([A-Z]+))? '?localhost:7700(\S+) .*?-d '(.*)'$`)

// changing are members whose values differ from run to run.
var changing = regexp.MustCompile(`"(\w+_at|history_from|request_id)":"[^"]*"`)

// onPage stands for every time on the page, and in as_of for the time before the latest write.
const onPage = "2026-11-27T18:00:00Z"

// ages grow while the test runs.
var ages = regexp.MustCompile(`,"age_seconds":\d+`)

// scores may differ in their last bits from one kind of CPU to another.
var scores = regexp.MustCompile(`"((dense_|lexical_)?score":[-+.eE0-9]+|(value|dense)":-?\d+\.\d+)`)

// times are what stages take.
var times = regexp.MustCompile(`"ns":\d+`)

// TestManual runs the examples of docs/search.md in their order and holds their answers against
// those on the page.
func TestManual(t *testing.T) {
	const path = "../docs/search.md"
	page, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	node, _ := open(t, server.Config{})
	const end = "## On the command line"
	examples, rest, _ := strings.Cut(string(page), end)
	parts := strings.Split(examples, "```\n") // text, block, text, block, …
	ran, written := 0, time.Time{}            // before the latest write that is no POST
	for i := 1; i < len(parts); i += 2 {
		call, answer := splitExample(parts[i])
		m := command.FindStringSubmatch(strings.ReplaceAll(call, "\\\n", ""))
		if m == nil {
			t.Fatalf("no example: %q", parts[i])
		}
		if m[1] != "" {
			written = time.Now()
		}
		url := strings.ReplaceAll(strings.Trim(m[2], "'"), "as_of="+onPage, "as_of="+written.UTC().Format(time.RFC3339Nano))
		got := example(t, m[1], node.URL()+url, m[3])
		if ran++; *update {
			parts[i] = call + "\n" + got + "\n"
		} else if got != answer {
			t.Errorf("%s\nanswers %s\nthe page has %s", call, got, answer)
		}
	}
	if ran < 10 {
		t.Errorf("only %d examples", ran)
	}
	if *update {
		if err := os.WriteFile(path, []byte(strings.Join(parts, "```\n")+end+rest), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// splitExample parts a call, which ends with a quote at the end of a line, from its answer.
func splitExample(block string) (call, answer string) {
	end := strings.Index(block, "'\n{")
	if end < 0 {
		return strings.TrimSpace(block), ""
	}
	return block[:end+1], strings.TrimSpace(block[end+1:])
}

// example sends a request and returns its answer with every time the same and scores rounded.
func example(t *testing.T, method, url, body string) string {
	t.Helper()
	if method == "" {
		method = http.MethodPost
	}
	r, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode/100 != 2 || !json.Valid(answer) {
		t.Errorf("%s %s: %d %s, %v", method, url, resp.StatusCode, answer, err)
	}
	answer = times.ReplaceAll(answer, []byte(`"ns":1000`))
	answer = scores.ReplaceAllFunc(answer, func(b []byte) []byte {
		name, number, _ := bytes.Cut(b, []byte(":"))
		score, err := strconv.ParseFloat(string(number), 64)
		if err != nil {
			t.Error(err)
		}
		return strconv.AppendFloat(append(bytes.Clone(name), ':'), score, 'f', 4, 64)
	})
	const expiry = `"expires_at":"2099-01-01T00:00:00Z"`
	answer = ages.ReplaceAll(answer, nil)
	answer = changing.ReplaceAllFunc(bytes.TrimSpace(answer), func(b []byte) []byte {
		if string(b) == expiry {
			return b
		}
		name, _, _ := bytes.Cut(b, []byte(":"))
		return append(bytes.Clone(name), `:"`+onPage+`"`...)
	})
	return string(answer)
}
