package server

import (
	"testing"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/embed/local"
	"github.com/lodedb/lode/embed/local/localtest"
)

func TestTokenizers(t *testing.T) {
	models := local.Store{Dir: t.TempDir()}
	if _, err := models.Add(t.Context(), localtest.Model(t), local.Info{Name: "small"}); err != nil {
		t.Fatal(err)
	}
	names := &tokenizers{models: models}
	for name, want := range map[string]string{"gpt-4o": "o200k_base", "bytes": "bytes", "local/small": "local/small"} {
		for range 2 { // made once
			count, canonical, err := names.of(name)
			if err != nil || canonical != want || count("coal coal") < 2 {
				t.Errorf("%s is %q, %v", name, canonical, err)
			}
		}
	}
	if len(names.made) != 1 {
		t.Errorf("%d tokenizers were made", len(names.made))
	}
	for _, name := range []string{"local/none", "local/../x", "local/", "none"} {
		if _, _, err := names.of(name); lode.CodeOf(err) != lode.CodeInvalid {
			t.Errorf("%s: %v", name, err)
		}
	}
}
