package main

import (
	"bytes"
	"fmt"
	"os"
	"strings"
)

// A page of the bulletin: its heading and its paragraphs.
type page struct {
	heading    string
	paragraphs []string
}

var pages = []page{
	{"Safety bulletin 7: lithium batteries on the car deck", []string{
		"On 2 February a battery of an electric scooter caught fire on the car deck of the Meadowlark. Nobody was hurt. The fire was out after eleven minutes, and the boat returned to Port Ansel under her own power.",
		"The scooter had been charging from a socket in the crew locker. Charging on board is forbidden from today, for crew as well as for passengers.",
		"Scooters and electric bicycles travel in the marked bay at the stern, at least two metres from any car, where the drencher reaches them.",
	}},
	{"What to do when a battery burns", []string{
		"Do not use the powder extinguisher: it hides the flames and does not cool. Use water, much of it, for at least thirty minutes after the last flame.",
		"Close the ventilation of the car deck. The gas from a burning cell is poisonous and can explode; nobody enters without breathing apparatus.",
		"Call the mainland fire brigade on channel 16 at once, even if the fire seems to be out, because a damaged cell can light again after a day.",
	}},
}

func main() {
	if _, err := os.Stdout.Write(document(pages)); err != nil {
		fmt.Fprintln(os.Stderr, "write bulletin:", err)
		os.Exit(1)
	}
}

// document lays out the objects of the file: catalogue, page tree, fonts, then a page and
// its stream in turn, and the cross-reference table that names their offsets.
func document(pages []page) []byte {
	objects := []string{
		"<< /Type /Catalog /Pages 2 0 R >>",
		fmt.Sprintf("<< /Type /Pages /Count %d /Kids [%s] >>", len(pages), kids(len(pages))),
		"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>",
		"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica-Bold /Encoding /WinAnsiEncoding >>",
	}
	for i, p := range pages {
		stream := content(p)
		objects = append(objects,
			fmt.Sprintf("<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Resources << /Font << /F1 3 0 R /F2 4 0 R >> >> /Contents %d 0 R >>", 6+2*i),
			fmt.Sprintf("<< /Length %d >>\nstream\n%s\nendstream", len(stream), stream))
	}
	var out bytes.Buffer
	out.WriteString("%PDF-1.4\n")
	offsets := make([]int, len(objects))
	for i, object := range objects {
		offsets[i] = out.Len()
		fmt.Fprintf(&out, "%d 0 obj\n%s\nendobj\n", i+1, object)
	}
	table := out.Len()
	fmt.Fprintf(&out, "xref\n0 %d\n0000000000 65535 f \n", len(objects)+1)
	for _, offset := range offsets {
		fmt.Fprintf(&out, "%010d 00000 n \n", offset)
	}
	fmt.Fprintf(&out, "trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n", len(objects)+1, table)
	return out.Bytes()
}

func kids(n int) string {
	refs := make([]string, n)
	for i := range refs {
		refs[i] = fmt.Sprintf("%d 0 R", 5+2*i)
	}
	return strings.Join(refs, " ")
}

// content sets the heading in 16 point and the paragraphs in 11 point.
func content(p page) string {
	var s strings.Builder
	y := 770
	fmt.Fprintf(&s, "BT /F2 16 Tf 60 %d Td (%s) Tj ET\n", y, escape(p.heading))
	y -= 36
	for _, paragraph := range p.paragraphs {
		for _, line := range wrap(paragraph, 84) {
			fmt.Fprintf(&s, "BT /F1 11 Tf 60 %d Td (%s) Tj ET\n", y, escape(line))
			y -= 15
		}
		y -= 12
	}
	return strings.TrimSuffix(s.String(), "\n")
}

func wrap(text string, width int) []string {
	var lines []string
	line := ""
	for _, word := range strings.Fields(text) {
		if line != "" && len(line)+1+len(word) > width {
			lines = append(lines, line)
			line = ""
		}
		line = strings.TrimSpace(line + " " + word)
	}
	return append(lines, line)
}

var escape = strings.NewReplacer(`\`, `\\`, `(`, `\(`, `)`, `\)`).Replace
