package html

import (
	"context"
	"strings"

	"golang.org/x/net/html/charset"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/pipeline/parse"
)

var _ parse.Parser = Parse

// Parse is the [parse.Parser] of HTML.
func Parse(ctx context.Context, in parse.Input) (*lode.SilverText, error) {
	src, err := decode(in.Content)
	if err != nil {
		return nil, err
	}
	limits := in.Limits.EnsureDefaults()
	front, title, language := parse.FrontMatter(src.Text)
	page, err := buildTree(ctx, src.Text, front, limits.MaxDepth)
	if err != nil {
		return nil, err
	}
	b := parse.NewBuilder(ctx, src, limits)
	b.SetLanguage(page.language)
	b.SetLanguage(language)
	w := &writer{b: b, text: src.Text}
	w.block(page.mainContent())
	b.End()
	b.SetTitle(title)
	b.SetTitle(chooseTitle(page.title, w.heading))
	return b.Finish()
}

// decode finds the encoding as browsers do, except that bytes which are valid UTF-8 beyond
// ASCII are UTF-8, whatever a meta tag claims: such bytes are never that by chance.
func decode(content []byte) (*parse.Decoded, error) {
	d, err := parse.Decode(content)
	if err == nil && d.Charset != "windows-1252" && (d.Charset != "utf-8" || !ascii(content)) {
		return d, nil
	}
	_, label, _ := charset.DetermineEncoding(content, "")
	if label == "utf-8" || label == "windows-1252" { // what it also says where no tag does
		return d, err
	}
	return parse.DecodeAs(content, label)
}

func ascii(b []byte) bool {
	for _, c := range b {
		if c >= 0x80 {
			return false
		}
	}
	return true
}

// chooseTitle prefers the first heading where the page's title is that heading with the name
// of the site around it.
func chooseTitle(title, heading string) string {
	title, heading = parse.CleanLabel(title), parse.CleanLabel(heading)
	switch {
	case title == "":
		return heading
	case heading == "" || len(heading) >= len(title):
		return title
	}
	for _, separator := range []string{" - ", " | ", " – ", " — ", " · ", " :: ", " « ", " » ", ": "} {
		if strings.HasPrefix(title, heading+separator) || strings.HasSuffix(title, separator+heading) {
			return heading
		}
	}
	return title
}
