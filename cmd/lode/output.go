package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/lodedb/lode"
)

func writeJSON(w io.Writer, v any) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(v)
}

// writeFields prints names and values in two columns, by name.
func writeFields(w io.Writer, fields map[string]any) {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		fmt.Fprintf(table, "  %s\t%v\n", name, fields[name])
	}
	table.Flush()
}

// report prints an error in the form that was asked for and returns the exit code.
func report(std streams, err error, code int) int {
	if !std.json {
		fmt.Fprintln(std.err, "lode:", errorText(err))
		return code
	}
	body := map[string]any{"error": err.Error(), "code": lode.CodeOf(err)}
	var coded *lode.Error
	if errors.As(err, &coded) {
		body["error"] = coded.Message
		for name, value := range map[string]string{"field": coded.Field, "value": coded.Value, "hint": coded.Hint} {
			if value != "" {
				body[name] = value
			}
		}
		if coded.Err != nil {
			body["cause"] = coded.Err.Error()
		}
	}
	if writeErr := writeJSON(std.err, body); writeErr != nil {
		return exitFailure
	}
	return code
}

// errorText puts the hint of an error on a line of its own.
func errorText(err error) string {
	var coded *lode.Error
	if !errors.As(err, &coded) || coded.Hint == "" {
		return err.Error()
	}
	return strings.Replace(err.Error(), coded.Error(), coded.WithHint("").Error(), 1) + "\nhint: " + coded.Hint
}
