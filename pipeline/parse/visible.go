package parse

import (
	"strings"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// maxAttributes bounds how many attributes of a tag are looked at.
const maxAttributes = 64

// Attributes returns the attributes of the tag that the tokenizer stands on, at most 64.
// The first of a name counts, as in browsers.
func Attributes(z *html.Tokenizer) map[string]string {
	var attrs map[string]string
	for range maxAttributes {
		key, value, more := z.TagAttr()
		if len(key) > 0 {
			if attrs == nil {
				attrs = make(map[string]string, 4)
			}
			if _, seen := attrs[string(key)]; !seen {
				attrs[string(key)] = string(value)
			}
		}
		if !more {
			break
		}
	}
	return attrs
}

// Mute reports whether an element's content is never text for a reader: code, data, form
// controls, embedded objects.
func Mute(tag atom.Atom) bool {
	switch tag {
	case atom.Script, atom.Style, atom.Noscript, atom.Template, atom.Svg, atom.Iframe, atom.Object, atom.Embed, atom.Applet,
		atom.Canvas, atom.Audio, atom.Video, atom.Map, atom.Select, atom.Datalist, atom.Textarea, atom.Button, atom.Input,
		atom.Noembed, atom.Noframes, atom.Annotation, atom.Rp, atom.Meter, atom.Progress:
		return true
	}
	return false
}

// Hidden reports whether attributes hide an element from readers: text that a person would
// never see, but that a model would, is how instructions are smuggled into an index.
func Hidden(attrs map[string]string) bool {
	if len(attrs) == 0 {
		return false
	}
	if _, ok := attrs["hidden"]; ok && !strings.EqualFold(attrs["hidden"], "until-found") {
		return true
	}
	if strings.EqualFold(strings.TrimSpace(attrs["aria-hidden"]), "true") {
		return true
	}
	for class := range strings.FieldsSeq(attrs["class"]) {
		switch strings.ToLower(class) {
		case "sr-only", "visually-hidden", "visuallyhidden", "screen-reader-text", "screen-reader-only":
			return true
		}
	}
	return HiddenStyle(attrs["style"])
}
