package main

import (
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/alecthomas/kong"
	"go.yaml.in/yaml/v3"
)

// yamlSettings reads a configuration file: a flat YAML mapping whose keys are the flags of
// serve without their dashes, e.g.
//
//	listen: 0.0.0.0:7700
//	data: /var/lib/lode
//	parse_timeout: 60s
//
// A key that is no flag is an error that names it.
func yamlSettings(r io.Reader) (kong.Resolver, error) {
	values := map[string]any{}
	if err := yaml.NewDecoder(r).Decode(&values); err != nil && err != io.EOF {
		return nil, fmt.Errorf("configuration file: %w", err)
	}
	settings := yamlResolver{}
	for key, value := range values {
		switch value.(type) {
		case string, int, int64, uint64, float64, bool:
			flag := strings.ReplaceAll(key, "_", "-")
			if _, twice := settings[flag]; twice {
				return nil, fmt.Errorf("configuration file: %s is set twice", flag)
			}
			settings[flag] = fmt.Sprint(value)
		default:
			return nil, fmt.Errorf("configuration file: %s: a setting has one plain value, not a list, a mapping or none", key)
		}
	}
	return settings, nil
}

type yamlResolver map[string]string

// Validate refuses keys that no flag of serve has.
func (r yamlResolver) Validate(app *kong.Application) error {
	known := serveFlags(app)
	for key := range r {
		if !slices.Contains(known, key) {
			return fmt.Errorf("configuration file: unknown setting %q", key)
		}
	}
	return nil
}

// Resolve gives a flag its value, unless an environment variable has given it one.
func (r yamlResolver) Resolve(_ *kong.Context, _ *kong.Path, flag *kong.Flag) (any, error) {
	for _, name := range flag.Envs {
		if _, set := os.LookupEnv(name); set {
			return nil, nil
		}
	}
	if value, ok := r[flag.Name]; ok {
		return value, nil
	}
	return nil, nil
}

func serveFlags(app *kong.Application) []string {
	var names []string
	for _, node := range app.Children {
		if node.Name != "serve" {
			continue
		}
		for _, flag := range node.Flags {
			names = append(names, flag.Name)
		}
	}
	return names
}
