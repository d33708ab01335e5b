package parse

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/lodedb/lode"
)

func sample() *lode.SilverText {
	return &lode.SilverText{
		Title: "t", Text: "Gold\n\nis heavy", Pages: 1, Language: "en",
		Sections: []lode.Section{
			{Kind: lode.SectionHeading, Level: 1, Path: []string{"Gold"}, Page: 1, Span: lode.Span{End: 4}},
			{Kind: lode.SectionParagraph, Path: []string{"Gold"}, Page: 1, Span: lode.Span{Start: 6, End: 14}},
		},
		Runs: []lode.SourceRun{{Silver: lode.Span{End: 14}, Bronze: lode.Span{End: 14}, Kind: lode.MapPage}},
	}
}

func TestFramesRoundTrip(t *testing.T) {
	var pipe bytes.Buffer
	in := Input{Content: []byte("content"), MediaType: TypePDF, Name: "a.pdf", Limits: Limits{MaxPages: 7}}
	if err := writeRequest(&pipe, in); err != nil {
		t.Fatal(err)
	}
	kind, payload, err := readFrame(&pipe, 1<<20)
	if err != nil || kind != frameRequest {
		t.Fatal(kind, err)
	}
	got, err := decodeRequest(payload)
	if err != nil || string(got.Content) != "content" || got.MediaType != TypePDF || got.Limits != in.Limits || got.Name != "a.pdf" {
		t.Fatalf("got %+v, %v", got, err)
	}
	if err := writeResult(&pipe, sample()); err != nil {
		t.Fatal(err)
	}
	if err := writeFailure(&pipe, lode.Invalid("f", "v", "m").WithHint("h"), true); err != nil {
		t.Fatal(err)
	}
	if err := writeFailure(&pipe, errors.New("quotes SECRET"), false); err != nil {
		t.Fatal(err)
	}
	first, err := readReply(&pipe)
	if err != nil || first.silver == nil || first.silver.Text != sample().Text || len(first.silver.Sections) != 2 {
		t.Fatalf("got %+v, %v", first, err)
	}
	second, err := readReply(&pipe)
	if err != nil || second.err == nil || *second.err != *lode.Invalid("f", "v", "m").WithHint("h") || !second.final {
		t.Fatalf("got %+v, %v", second, err)
	}
	third, err := readReply(&pipe)
	if err != nil || third.err.Code != lode.CodeInternal || strings.Contains(third.err.Error(), "SECRET") || third.final {
		t.Fatalf("got %+v, %v", third, err)
	}
	if _, err := readReply(&pipe); !errors.Is(err, io.EOF) {
		t.Fatalf("got %v", err)
	}
}

// TestFailuresKeepTheirCode: what a parser may say of a document reaches the node as it was said.
func TestFailuresKeepTheirCode(t *testing.T) {
	for _, code := range []lode.Code{
		lode.CodeMalformed, lode.CodeTooLarge, lode.CodeUnsupportedMedia, lode.CodeInvalid, lode.CodeTimeout, lode.CodeNoText,
	} {
		var pipe bytes.Buffer
		if err := writeFailure(&pipe, lode.Errorf(code, "m"), false); err != nil {
			t.Fatal(err)
		}
		if got, err := readReply(&pipe); err != nil || got.err == nil || got.err.Code != code {
			t.Errorf("%s is %+v, %v", code, got.err, err)
		}
	}
}

// TestFramesNoticeEveryFlip flips each bit of a frame: none may pass for the original.
func TestFramesNoticeEveryFlip(t *testing.T) {
	var pipe bytes.Buffer
	if err := writeFrame(&pipe, frameResult, []byte("some payload")); err != nil {
		t.Fatal(err)
	}
	whole := pipe.Bytes()
	for bit := range 8 * len(whole) {
		damaged := bytes.Clone(whole)
		damaged[bit/8] ^= 1 << (bit % 8)
		if _, _, err := readFrame(bytes.NewReader(damaged), 1<<20); err == nil {
			t.Errorf("bit %d: damage was not noticed", bit)
		}
	}
	for n := range len(whole) {
		if _, _, err := readFrame(bytes.NewReader(whole[:n]), 1<<20); err == nil {
			t.Errorf("%d bytes: the end was not noticed", n)
		}
	}
}

func TestFrameLengthIsBounded(t *testing.T) {
	var pipe bytes.Buffer
	if err := writeFrame(&pipe, frameResult, make([]byte, 100)); err != nil {
		t.Fatal(err)
	}
	if _, _, err := readFrame(bytes.NewReader(pipe.Bytes()), 99); !errors.Is(err, errFrame) {
		t.Errorf("got %v", err)
	}
	// A frame that claims 4 GiB and ends must not set 4 GiB aside.
	head := bytes.Clone(pipe.Bytes()[:frameHeadSize])
	binary.LittleEndian.PutUint32(head[8:], 1<<32-1)
	allocated := testing.AllocsPerRun(1, func() {
		if _, _, err := readFrame(bytes.NewReader(head), 1<<32); err == nil {
			t.Error("no error")
		}
	})
	if allocated > 50 {
		t.Errorf("%v allocations", allocated)
	}
}

func TestCheckRefusesForgedResults(t *testing.T) {
	bronze := []byte("Gold\n\nis heavy")
	in := Input{Content: bronze, Limits: Limits{}.EnsureDefaults()}
	if err := check(sample(), in); err != nil {
		t.Fatal(err)
	}
	for name, forge := range map[string]func(s *lode.SilverText){
		"title not UTF-8":     func(s *lode.SilverText) { s.Title = "\xff" },
		"long title":          func(s *lode.SilverText) { s.Title = strings.Repeat("t", 10_000) },
		"text not UTF-8":      func(s *lode.SilverText) { s.Text = "Gold\n\nis heav\xff" },
		"language":            func(s *lode.SilverText) { s.Language = "en\nX-Header: 1" },
		"pages":               func(s *lode.SilverText) { s.Pages = -1 },
		"many pages":          func(s *lode.SilverText) { s.Pages = 1 << 40 },
		"kind":                func(s *lode.SilverText) { s.Sections[0].Kind = "script" },
		"level":               func(s *lode.SilverText) { s.Sections[0].Level = 7 },
		"level of paragraph":  func(s *lode.SilverText) { s.Sections[1].Level = 1 },
		"page of section":     func(s *lode.SilverText) { s.Sections[1].Page = 2 },
		"long path":           func(s *lode.SilverText) { s.Sections[1].Path = make([]string, 7) },
		"path not UTF-8":      func(s *lode.SilverText) { s.Sections[1].Path = []string{"\xff"} },
		"span":                func(s *lode.SilverText) { s.Sections[1].Span.End = 1 << 40 },
		"negative span":       func(s *lode.SilverText) { s.Sections[0].Span.Start = -1 },
		"uncovered text":      func(s *lode.SilverText) { s.Sections = s.Sections[:1] },
		"bronze out of range": func(s *lode.SilverText) { s.Runs[0].Bronze.End = 15 },
		"exact but different": func(s *lode.SilverText) { s.Runs[0].Kind = lode.MapExact; s.Text = "Lead\n\nis heavy" },
		"no runs":             func(s *lode.SilverText) { s.Runs = nil },
		"kind of run":         func(s *lode.SilverText) { s.Runs[0].Kind = 9 },
	} {
		s := sample()
		forge(s)
		if err := check(s, in); err == nil {
			t.Errorf("%s: not noticed", name)
		}
	}
}

func TestServeInProcess(t *testing.T) {
	var requests, replies bytes.Buffer
	for _, mediaType := range []string{TypeText, "test/none", "test/panic"} {
		if err := writeRequest(&requests, Input{Content: []byte("Gold\n\nis heavy"), MediaType: mediaType}); err != nil {
			t.Fatal(err)
		}
	}
	lookup := func(mediaType string) (Parser, bool) {
		switch mediaType {
		case TypeText:
			return func(context.Context, Input) (*lode.SilverText, error) { return sample(), nil }, true
		case "test/panic":
			return func(context.Context, Input) (*lode.SilverText, error) { panic("SECRET") }, true
		}
		return nil, false
	}
	if err := Serve(context.Background(), &requests, &replies, lookup); err == nil {
		t.Error("serving goes on after a panic")
	}
	var codes []lode.Code
	for {
		answer, err := readReply(&replies)
		if err != nil {
			break
		}
		if answer.err == nil {
			codes = append(codes, "")
			continue
		}
		codes = append(codes, answer.err.Code)
	}
	if len(codes) != 3 || codes[0] != "" || codes[1] != lode.CodeUnsupportedMedia || codes[2] != lode.CodeMalformed {
		t.Errorf("got %q", codes)
	}
	if err := Serve(context.Background(), strings.NewReader("garbage, not a frame"), io.Discard, lookup); err == nil {
		t.Error("garbage is served")
	}
}

func FuzzFrame(f *testing.F) {
	for _, write := range []func(w io.Writer) error{
		func(w io.Writer) error { return writeResult(w, sample()) },
		func(w io.Writer) error { return writeFailure(w, lode.Invalid("f", "v", "m"), true) },
		func(w io.Writer) error { return writeRequest(w, Input{Content: []byte("x"), MediaType: TypeText}) },
	} {
		var pipe bytes.Buffer
		if err := write(&pipe); err != nil {
			f.Fatal(err)
		}
		f.Add(pipe.Bytes(), true)
		f.Add(pipe.Bytes()[frameHeadSize:], false)
	}
	f.Fuzz(func(t *testing.T, b []byte, framed bool) {
		stream := b
		if !framed { // give the payload a proper frame, so that the decoders see it
			var pipe bytes.Buffer
			if err := writeFrame(&pipe, frameResult, b); err != nil {
				t.Fatal(err)
			}
			stream = pipe.Bytes()
			if in, err := decodeRequest(b); err == nil && len(in.Content) > len(b) {
				t.Fatal("content grew")
			}
		}
		answer, err := readReply(bytes.NewReader(stream))
		if err != nil || answer.silver == nil {
			return
		}
		_ = check(answer.silver, Input{Content: b, Limits: Limits{}.EnsureDefaults()})
	})
}
