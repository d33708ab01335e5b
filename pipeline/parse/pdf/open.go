package pdf

import (
	"bytes"
	"compress/zlib"
	"errors"
	"io"
	"path"
	"strings"
	"unicode/utf8"

	"github.com/ledongthuc/pdf"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/pipeline/parse"
)

// tailBytes is how much may stand after the end of a file. More means that the end is that of
// an older revision, and the newer one is cut off.
const tailBytes = 1024

// maxTreeDepth bounds the nesting of the page tree.
const maxTreeDepth = 64

// header is what the library wants to see first. The first object may follow at once.
const header = "%PDF-1.7\n"

// file is a PDF as the library wants to see it: with a header and an end that it accepts.
// Writers disagree with it about the version, about a blank after it, and about what may
// stand before and after.
type file struct {
	body []byte
}

func newFile(content []byte) *file {
	if i := bytes.Index(content[:min(len(content), 1024)], []byte("%PDF-")); i > 0 {
		content = content[i:]
	}
	if i := bytes.LastIndex(content, []byte("%%EOF")); i >= 0 && i > len(content)-tailBytes {
		content = content[:i+len("%%EOF")]
	}
	return &file{body: content}
}

// ReadAt implements io.ReaderAt.
func (f *file) ReadAt(p []byte, at int64) (int, error) {
	if at < 0 || at >= int64(len(f.body)) {
		return 0, io.EOF
	}
	n := copy(p, f.body[at:])
	if at < int64(len(header)) {
		copy(p[:n], header[at:])
	}
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

// open reads the cross references. Errors of the library may quote the file, so they are
// replaced by what they mean.
func open(content []byte) (*pdf.Reader, error) {
	f := newFile(content)
	reader, err := pdf.NewReader(f, int64(len(f.body)))
	switch {
	case err == nil:
		return reader, nil
	case errors.Is(err, pdf.ErrInvalidPassword):
		return nil, lode.Errorf(lode.CodeMalformed, "pdf is encrypted and needs a password").WithHint("remove the password and send the file again")
	case strings.Contains(err.Error(), "encrypt"):
		return nil, lode.Errorf(lode.CodeMalformed, "pdf is encrypted in a way that cannot be read").WithHint("save it without encryption")
	}
	return nil, damaged("its table of objects cannot be read")
}

// damaged is the error for a file with a broken structure.
func damaged(what string) error {
	return lode.Errorf(lode.CodeMalformed, "pdf is damaged: %s: %w", what, errDamaged).WithHint("open it in a viewer and save it again")
}

// page is a leaf of the page tree with what it inherits.
type page struct {
	contents  pdf.Value
	resources pdf.Value
	rotate    int // clockwise, a multiple of 90
	media     pdf.Value
	crop      pdf.Value
}

// pages collects the leaves of the page tree in order.
func pages(root pdf.Value, limits parse.Limits) ([]page, error) {
	var out []page
	visited := 0
	var walk func(v pdf.Value, inherited page, depth int) error
	walk = func(v pdf.Value, inherited page, depth int) error {
		if visited++; visited > 4*limits.MaxPages || len(out) >= limits.MaxPages {
			return parse.TooLarge("pages", limits.MaxPages)
		}
		if depth > maxTreeDepth {
			return damaged("its page tree nests too deep")
		}
		if r := v.Key("Resources"); r.Kind() == pdf.Dict {
			inherited.resources = r
		}
		if r := v.Key("Rotate"); r.Kind() == pdf.Integer {
			inherited.rotate = int((r.Int64()%360 + 360) % 360)
		}
		if m := v.Key("MediaBox"); m.Kind() == pdf.Array {
			inherited.media = m
		}
		if c := v.Key("CropBox"); c.Kind() == pdf.Array {
			inherited.crop = c
		}
		kids := v.Key("Kids")
		if kids.Kind() != pdf.Array {
			inherited.contents = v.Key("Contents")
			out = append(out, inherited)
			return nil
		}
		for i := range kids.Len() {
			if kid := kids.Index(i); kid.Kind() == pdf.Dict {
				if err := walk(kid, inherited, depth+1); err != nil {
					return err
				}
			}
		}
		return nil
	}
	err := walk(root, page{}, 0)
	return out, err
}

// streamBytes decompresses a stream of at most limit bytes. A checksum that is missing or
// wrong at the very end is forgiven: writers get the length of streams wrong, and the text
// is there.
func streamBytes(v pdf.Value, limit int64) ([]byte, error) {
	r := v.Reader()
	defer r.Close()
	b, err := io.ReadAll(io.LimitReader(r, limit+1))
	if int64(len(b)) > limit {
		return nil, parse.TooLarge("stream_bytes", int(limit))
	}
	if err != nil && !errors.Is(err, zlib.ErrChecksum) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return nil, damaged("a stream does not decompress")
	}
	return b, nil
}

// contentBytes joins the content streams of a page.
func contentBytes(contents pdf.Value, limit int64) ([]byte, error) {
	switch contents.Kind() {
	case pdf.Stream:
		return streamBytes(contents, limit)
	case pdf.Array:
		var all []byte
		for i := range contents.Len() {
			part := contents.Index(i)
			if part.Kind() != pdf.Stream {
				continue
			}
			b, err := streamBytes(part, limit-int64(len(all)))
			if err != nil {
				return nil, err
			}
			all = append(append(all, b...), '\n')
			if int64(len(all)) > limit {
				return nil, parse.TooLarge("stream_bytes", int(limit))
			}
		}
		return all, nil
	}
	return nil, nil
}

// documentTitle returns the title of the information dictionary, unless it is what a program
// put there: a file name, or nothing.
func documentTitle(trailer pdf.Value) string {
	title := strings.ToValidUTF8(trailer.Key("Info").Key("Title").Text(), "")
	title = strings.TrimSpace(strings.Map(printable, title))
	for _, prefix := range []string{"Microsoft Word - ", "Microsoft PowerPoint - ", "Microsoft Excel - "} {
		title = strings.TrimPrefix(title, prefix)
	}
	switch ext := strings.ToLower(path.Ext(title)); ext {
	case ".doc", ".docx", ".ppt", ".pptx", ".xls", ".xlsx", ".pdf", ".rtf", ".odt", ".indd", ".qxd", ".tex", ".dvi", ".txt", ".html", ".md":
		return ""
	}
	switch strings.ToLower(title) {
	case "untitled", "unnamed", "title", "document", "presentation", "(anonymous)", "powerpoint presentation", "word document":
		return ""
	}
	return title
}

func printable(r rune) rune {
	if r < ' ' || r == 0x7F || r == utf8.RuneError {
		return ' '
	}
	return r
}

// guardPanics turns a panic of the library into a reason. Its messages may quote the file.
func guardPanics(err *error) {
	cause := recover()
	if cause == nil {
		return
	}
	if s, ok := cause.(string); ok {
		for _, filter := range []string{"LZWDecode", "RunLengthDecode", "ASCIIHexDecode", "CCITTFaxDecode", "DCTDecode", "JBIG2Decode", "JPXDecode", "Crypt"} {
			if s == "unknown filter "+filter {
				*err = lode.Errorf(lode.CodeMalformed, "pdf uses the compression %s for text, which is not supported", filter).
					WithHint("open it in a viewer and save it again")
				return
			}
		}
	}
	*err = damaged("its structure cannot be read")
}
