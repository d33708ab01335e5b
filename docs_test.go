package lode_test

import (
	"os"
	"strings"
	"testing"
)

// TestDocumentedFilters demands that every filter in the manual is one, and that every test has
// its example there.
func TestDocumentedFilters(t *testing.T) {
	page, err := os.ReadFile("docs/filters.md")
	if err != nil {
		t.Fatal(err)
	}
	seen, inside := "", false
	for line := range strings.Lines(string(page)) {
		line = strings.TrimSpace(line)
		switch {
		case strings.HasPrefix(line, "```"):
			inside = line == "```filters"
		case inside:
			f := filter(t, line)
			if f.MatchesAll() {
				t.Errorf("%s matches everything", line)
			}
			seen += line
		}
	}
	for _, name := range []string{
		"and", "or", "not", "min_should", "has_id", "nested", "eq", "ne", "in", "nin", "gt", "gte", "lt", "lte", "exists", "is_null",
		"is_empty", "values_count", "text", "text_any", "phrase", "prefix", "uuid", "geo_radius", "geo_box", "geo_polygon",
	} {
		if !strings.Contains(seen, `"`+name+`":`) {
			t.Errorf("no example of %s", name)
		}
	}
}
