package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/embed/remote"
	"github.com/lodedb/lode/server"
)

// providerSettings is one provider in the file of --provider-file. A key is never in the file:
// it is in a file of its own or in a variable.
type providerSettings struct {
	keySettings    `yaml:",inline"`
	API            string   `yaml:"api"`
	URL            string   `yaml:"url"`
	Timeout        duration `yaml:"timeout"`
	SendDimensions *bool    `yaml:"send_dimensions"`
	DocumentPrefix string   `yaml:"document_prefix"`
	QueryPrefix    string   `yaml:"query_prefix"`
	BatchTexts     int      `yaml:"batch_texts"`
	Concurrency    int      `yaml:"concurrency"`
	RateLimit      float64  `yaml:"rate_limit"`
	Price          float64  `yaml:"price"`
}

// duration reads times as flags do: 30s, 5m.
type duration time.Duration

// UnmarshalYAML implements yaml.Unmarshaler.
func (d *duration) UnmarshalYAML(node *yaml.Node) error {
	parsed, err := time.ParseDuration(node.Value)
	if err != nil {
		return fmt.Errorf("line %d: %q is no time like 30s", node.Line, lode.CutValue(node.Value))
	}
	*d = duration(parsed)
	return nil
}

// readProviders puts the providers of flag and file together.
func readProviders(names []string, file string) (map[string]server.ProviderConfig, error) {
	all := map[string]server.ProviderConfig{}
	for _, name := range names {
		if !slices.Contains(remote.APIs(), remote.API(name)) {
			return nil, lode.Invalid("provider", name, "the provider must be one of %s", apiNames()).WithHint("others are described in a file, see --provider-file")
		}
		if _, twice := all[name]; twice {
			return nil, lode.Invalid("provider", name, "the provider is named twice")
		}
		all[name] = server.ProviderConfig{APIKey: os.Getenv(keyVariable(name))}
	}
	if file == "" {
		return all, nil
	}
	settings, err := readNamed[providerSettings]("provider_file", file)
	if err != nil {
		return nil, err
	}
	for _, name := range slices.Sorted(maps.Keys(settings)) {
		if _, twice := all[name]; twice {
			return nil, lode.Invalid("provider", name, "the provider is in the file of providers too")
		}
		if all[name], err = settings[name].config(name); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// readNamed reads a YAML file of settings by name. field is that of the flag.
func readNamed[S any](field, path string) (settings map[string]*S, err error) {
	content, err := os.ReadFile(path)
	if err != nil {
		return nil, lode.Invalid(field, path, "cannot be read: %v", err)
	}
	decoder := yaml.NewDecoder(bytes.NewReader(content))
	decoder.KnownFields(true)
	if err := decoder.Decode(&settings); err != nil && !errors.Is(err, io.EOF) {
		return nil, lode.Invalid(field, path, "%s", strings.ReplaceAll(err.Error(), "\n", " "))
	}
	return settings, nil
}

// config is the node's form of the settings, with the key.
func (p *providerSettings) config(name string) (server.ProviderConfig, error) {
	if p == nil { // a name alone
		p = &providerSettings{}
	}
	key, err := p.key("providers."+name, name)
	return server.ProviderConfig{
		API: remote.API(p.API), BaseURL: p.URL, APIKey: key, Timeout: time.Duration(p.Timeout), SendDimensions: p.SendDimensions,
		DocumentPrefix: p.DocumentPrefix, QueryPrefix: p.QueryPrefix, BatchTexts: p.BatchTexts, Concurrency: p.Concurrency,
		RateLimit: p.RateLimit, Price: p.Price,
	}, err
}

// keySettings say where a key is.
type keySettings struct {
	KeyFile string `yaml:"key_file"`
	KeyEnv  string `yaml:"key_env"`
}

// key finds the key of what has a name. A file or variable that is named must be there.
func (p *keySettings) key(field, name string) (string, error) {
	switch {
	case p.KeyFile != "" && p.KeyEnv != "":
		return "", lode.Invalid(field+".key_env", p.KeyEnv, "key_file is given too")
	case p.KeyFile != "":
		content, err := os.ReadFile(p.KeyFile)
		if err != nil {
			return "", lode.Invalid(field+".key_file", p.KeyFile, "cannot be read: %v", err)
		}
		return strings.TrimSpace(string(content)), nil
	case p.KeyEnv != "":
		key, ok := os.LookupEnv(p.KeyEnv)
		if !ok {
			return "", lode.Invalid(field+".key_env", p.KeyEnv, "there is no such variable")
		}
		return key, nil
	}
	return os.Getenv(keyVariable(name)), nil
}

// keyVariable is the variable that holds the key of a provider, unless it names another.
func keyVariable(name string) string {
	return "LODE_" + strings.ToUpper(strings.ReplaceAll(name, "-", "_")) + "_KEY"
}

func apiNames() string {
	var names []string
	for _, api := range remote.APIs() {
		names = append(names, string(api))
	}
	return strings.Join(names, ", ")
}

// shownNames is what may be shown of what has a key each: not the keys.
func shownNames[C any](all map[string]C, key func(C) string) string {
	var shown []string
	for _, name := range slices.Sorted(maps.Keys(all)) {
		with := "without a key"
		if key(all[name]) != "" {
			with = "with a key"
		}
		shown = append(shown, name+" "+with)
	}
	return strings.Join(shown, ", ")
}

// shownProxy is a proxy without its password.
func shownProxy(text string) string {
	u, err := url.Parse(text)
	if err != nil {
		return ""
	}
	return u.Redacted()
}

// embedCache is how a configuration says that nothing is kept.
func embedCache(size byteSize) int64 {
	if size == 0 {
		return server.NoEmbedCache
	}
	return int64(size)
}
