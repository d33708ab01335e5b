package parse_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/pipeline/parse"
)

const (
	png  = "\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR"
	zip  = "PK\x03\x04\x14\x00\x08\x00\x08\x00"
	page = "<!DOCTYPE html><html><body>x</body></html>"
)

func TestDetect(t *testing.T) {
	f := func(content, declared, name, want string) {
		t.Helper()
		got, err := parse.Detect([]byte(content), declared, name)
		if err != nil || got != want {
			t.Errorf("%.20q as %q named %q: got %q, %v, want %q", content, declared, name, got, err, want)
		}
		if parse.Version(got) == "" {
			t.Errorf("%s has no version", got)
		}
	}
	// content alone
	f("plain words", "", "", parse.TypeText)
	f("# could be Markdown", "", "", parse.TypeText)
	f(page, "", "", parse.TypeHTML)
	f("<?xml version=\"1.0\"?>\n<!DOCTYPE html PUBLIC \"x\">\n<html xmlns=\"y\"></html>", "", "", parse.TypeHTML)
	f("%PDF-1.4\n...", "", "", parse.TypePDF)
	f("\r\n%PDF-1.4\n... startxref 0", "", "", parse.TypePDF)
	f("a text about %PDF-1.4 headers", "", "", parse.TypeText)
	f("\xff\xfeh\x00i\x00", "", "", parse.TypeText)
	f("h\x00i\x00 \x00y\x00o\x00u\x00", "", "", parse.TypeText)
	f("\xff\xfe<\x00h\x00t\x00m\x00l\x00>\x00", "", "", parse.TypeHTML)
	f(`{"json": true}`, "", "", parse.TypeText)
	f("a,b\n1,2\n", "", "", parse.TypeText)
	// what the declared type and the name refine
	f("words", "text/markdown; charset=utf-8", "", parse.TypeMarkdown)
	f("words", "", "README.MD", parse.TypeMarkdown)
	f("words", "text/plain", "a/b/notes.md?v=1#top", parse.TypeMarkdown)
	f("words", "text/x-markdown", "notes.txt", parse.TypeMarkdown)
	f("<p>words", "text/html", "notes.md", parse.TypeHTML)
	f("<p align=center>logo</p>\n# Title", "", "README.md", parse.TypeMarkdown)
	f("<p>words", "application/xhtml+xml", "", parse.TypeHTML)
	f("words", "", "page.htm", parse.TypeHTML)
	f(page, "", "main.go", parse.TypeText)
	f(page, "text/plain", "", parse.TypeText)
	f(page, "application/octet-stream", "download", parse.TypeHTML)
	f("package main", "application/octet-stream", "main.go", parse.TypeText)
	f("<svg/>", "application/json", "", parse.TypeText)
	f("key: value", "application/yaml", "x.yaml", parse.TypeText)
	f("words", "nonsense;;;", "x", parse.TypeText)
	// content wins over what is declared
	f("%PDF-1.4\n...", "text/html", "x.html", parse.TypePDF)
	f(page, "application/pdf", "x.pdf", parse.TypeHTML)
	f("words", "image/png", "x.png", parse.TypeText)
}

func TestDetectRefuses(t *testing.T) {
	f := func(content, declared, name, found string) {
		t.Helper()
		_, err := parse.Detect([]byte(content), declared, name)
		var coded *lode.Error
		if !errors.As(err, &coded) || coded.Code != lode.CodeUnsupportedMedia || coded.Field != "media_type" || coded.Value != found {
			t.Errorf("%.20q as %q named %q: got %v, want %s", content, declared, name, err, found)
		}
	}
	f(png, "text/plain", "x.txt", "image/png")
	f(png, "application/pdf", "x.pdf", "image/png")
	f(zip, "text/html", "x.html", "application/zip")
	f("{\\rtf1\\ansi text}", "", "", "text/rtf")
	f("\x00\x01\x02\x03\x04\x05\x06\x07", "text/plain", "", "application/octet-stream")
	f("From: a\nTo: b\n\nhello", "message/rfc822", "", "message/rfc822")
	f("From: a\nTo: b\n\nhello", "", "mail.eml", "message/rfc822")
	if _, err := parse.Detect(nil, "text/plain", "x"); !lode.IsCode(err, lode.CodeMalformed) {
		t.Errorf("empty: got %v", err)
	}
}

func FuzzDetect(f *testing.F) {
	f.Add([]byte(page), "text/html", "x.html")
	f.Add([]byte(zip), "", "")
	f.Add([]byte("h\x00i\x00"), ";", "?#")
	f.Fuzz(func(t *testing.T, content []byte, declared, name string) {
		got, err := parse.Detect(content, declared, name)
		switch {
		case err == nil && parse.Version(got) == "":
			t.Fatalf("detected %q", got)
		case err != nil && !lode.IsCode(err, lode.CodeUnsupportedMedia) && !lode.IsCode(err, lode.CodeMalformed):
			t.Fatal(err)
		case err != nil && strings.ContainsRune(err.Error(), '\n'):
			t.Fatalf("error has lines: %q", err)
		}
	})
}
