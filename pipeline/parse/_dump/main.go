package main

import (
	"context"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/lodedb/lode/pipeline/parse"
	"github.com/lodedb/lode/pipeline/parse/html"
	"github.com/lodedb/lode/pipeline/parse/markdown"
	"github.com/lodedb/lode/pipeline/parse/pdf"
	"github.com/lodedb/lode/pipeline/parse/text"
)

func main() {
	brief := os.Args[1] == "-b"
	for _, f := range os.Args[1:] {
		if f == "-b" {
			continue
		}
		b, _ := os.ReadFile(f)
		mt, err := parse.Detect(b, "", f)
		if err != nil {
			fmt.Println("==", f, "DETECT", err)
			continue
		}
		p := map[string]parse.Parser{parse.TypeText: text.Parse, parse.TypeMarkdown: markdown.Parse, parse.TypeHTML: html.Parse, parse.TypePDF: pdf.Parse}[mt]
		t := time.Now()
		func() {
			defer func() {
				if r := recover(); r != nil {
					fmt.Println("==", f, "PANIC", r)
				}
			}()
			s, err := p(context.Background(), parse.Input{Content: b, MediaType: mt, Name: f})
			if err != nil {
				fmt.Println("==", f, mt, "ERR", err)
				return
			}
			fmt.Printf("== %s %s title=%q lang=%q pages=%d sections=%d runs=%d bytes=%d->%d %v verify=%v\n", f, mt, s.Title, s.Language, s.Pages, len(s.Sections), len(s.Runs), len(b), len(s.Text), time.Since(t).Round(time.Millisecond), s.Verify(b))
			if brief {
				return
			}
			for _, x := range s.Sections {
				fmt.Printf("[%s%d p%d %s]\n%s\n", x.Kind, x.Level, x.Page, strings.Join(x.Path, " > "), s.Text[x.Span.Start:x.Span.End])
			}
		}()
	}
}
