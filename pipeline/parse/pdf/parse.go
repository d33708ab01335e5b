package pdf

import (
	"context"
	"errors"
	"strings"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/pipeline/parse"
)

// unmappedPercent of all characters without meaning make a document unreadable.
const unmappedPercent = 30

var _ parse.Parser = Parse

// Parse is the [parse.Parser] of PDF.
func Parse(ctx context.Context, in parse.Input) (*lode.SilverText, error) {
	doc, err := load(ctx, in.Content, in.Limits.EnsureDefaults())
	if errors.Is(err, errDamaged) {
		if rebuilt := rebuild(in.Content); rebuilt != nil {
			if repaired, err := load(ctx, rebuilt, in.Limits.EnsureDefaults()); err == nil {
				return assemble(ctx, in, repaired)
			}
		}
	}
	if err != nil {
		return nil, err
	}
	return assemble(ctx, in, doc)
}

// document is what was read of a file.
type document struct {
	title    string
	language string
	pages    int
	lines    []line
}

// errDamaged is the cause of errors about the structure of a file, which a rebuilt table of
// objects may cure.
var errDamaged = errors.New("damaged structure")

// load reads the lines of a file. What the library panics about becomes an error here.
func load(ctx context.Context, content []byte, limits parse.Limits) (doc *document, err error) {
	defer guardPanics(&err)
	reader, err := open(content)
	if err != nil {
		return nil, err
	}
	root := reader.Trailer().Key("Root")
	leaves, err := pages(root.Key("Pages"), limits)
	if err != nil {
		return nil, err
	}
	all, err := read(ctx, leaves, true)
	if err == nil && len(all) == 0 {
		all, err = read(ctx, leaves, false) // some writers tag everything as an artifact
	}
	if err != nil {
		return nil, err
	}
	return &document{
		title:    documentTitle(reader.Trailer()),
		language: textString(root.Key("Lang").RawString()),
		pages:    len(leaves),
		lines:    all,
	}, nil
}

// assemble writes a document as silver text.
func assemble(ctx context.Context, in parse.Input, doc *document) (*lode.SilverText, error) {
	if err := legible(doc.lines); err != nil {
		return nil, err
	}
	b := parse.NewBuilder(ctx, &parse.Decoded{}, in.Limits)
	b.SetTitle(doc.title)
	b.SetLanguage(doc.language)
	newLayout(b, len(in.Content), doc.lines).write()
	b.SetPage(doc.pages)
	return b.Finish()
}

// read returns the lines of all pages, without those that recur on most.
func read(ctx context.Context, leaves []page, tagged bool) ([]line, error) {
	p := &painter{ctx: ctx, fonts: make(map[string]*font), tagged: tagged}
	perPage := make([][]line, len(leaves))
	for i, leaf := range leaves {
		if err := p.paint(leaf); err != nil {
			return nil, err
		}
		perPage[i] = readingOrder(lines(p.glyphs, i+1))
	}
	return withoutFurniture(perPage), nil
}

// legible refuses files without text, and those whose text is only shapes.
func legible(all []line) error {
	ink, lost := 0, 0
	for i := range all {
		ink += all[i].ink
		for _, c := range all[i].cells {
			lost += strings.Count(c.text, unmapped)
		}
	}
	switch {
	case ink == 0:
		return lode.Errorf(lode.CodeMalformed, "pdf has no text layer").WithHint("run optical character recognition on it first")
	case lost*100 > ink*unmappedPercent:
		return lode.Errorf(lode.CodeMalformed, "pdf does not say which characters its fonts draw").WithHint("run optical character recognition on it first")
	}
	return nil
}
