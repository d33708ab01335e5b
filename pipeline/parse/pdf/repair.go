package pdf

import (
	"bytes"
	"fmt"
	"regexp"
	"strconv"
)

// maxObjects bounds the numbers of objects in a rebuilt table.
const maxObjects = 1 << 20

var (
	objectHead = regexp.MustCompile(`(?:^|[\r\n\s>])(\d{1,7})[ \t\r\n]+(\d{1,5})[ \t\r\n]+obj\b`)
	rootEntry  = regexp.MustCompile(`/Root\s+(\d{1,7})\s+(\d{1,5})\s+R`)
	infoEntry  = regexp.MustCompile(`/Info\s+(\d{1,7})\s+(\d{1,5})\s+R`)
	catalog    = regexp.MustCompile(`/Type\s*/Catalog\b`)
)

// rebuild returns the file with a table of objects made by looking for them, for files whose
// own table is broken. It returns nil where that cannot help: the file is encrypted, its
// catalog is not in plain sight, or it is cut off and part of its text is missing.
func rebuild(content []byte) []byte {
	if bytes.Contains(content, []byte("/Encrypt")) {
		return nil
	}
	body := newFile(content).body
	offsets, generations, last := findObjects(body)
	root := rootOf(body, offsets)
	if root == 0 || !complete(body, offsets) {
		return nil
	}
	var out bytes.Buffer
	out.Grow(len(body) + 20*last + 1024)
	out.Write(body)
	out.WriteByte('\n')
	start := out.Len()
	fmt.Fprintf(&out, "xref\n0 %d\n0000000000 65535 f \n", last+1)
	for n := 1; n <= last; n++ {
		if at, ok := offsets[n]; ok {
			fmt.Fprintf(&out, "%010d %05d n \n", at, generations[n])
		} else {
			out.WriteString("0000000000 00000 f \n")
		}
	}
	fmt.Fprintf(&out, "trailer\n<< /Size %d /Root %d %d R", last+1, root, generations[root])
	if m := infoEntry.FindSubmatch(body); m != nil {
		fmt.Fprintf(&out, " /Info %s %s R", m[1], m[2])
	}
	fmt.Fprintf(&out, " >>\nstartxref\n%d\n%%%%EOF", start)
	return out.Bytes()
}

// findObjects returns where objects begin; of several with one number the last counts, as
// files are changed by appending.
func findObjects(body []byte) (offsets, generations map[int]int, last int) {
	offsets, generations = make(map[int]int), make(map[int]int)
	for _, m := range objectHead.FindAllSubmatchIndex(body, maxObjects) {
		n, err := strconv.Atoi(string(body[m[2]:m[3]]))
		if err != nil || n == 0 || n > maxObjects {
			continue
		}
		generation, err := strconv.Atoi(string(body[m[4]:m[5]]))
		if err != nil {
			continue
		}
		offsets[n], generations[n] = m[2], generation
		last = max(last, n)
	}
	return offsets, generations, last
}

// complete reports whether the last object of the file has its end.
func complete(body []byte, offsets map[int]int) bool {
	last := 0
	for _, at := range offsets {
		last = max(last, at)
	}
	return bytes.Contains(body[last:], []byte("endobj"))
}

// rootOf returns the number of the catalog: as the last trailer says, else the object that
// calls itself one.
func rootOf(body []byte, offsets map[int]int) int {
	if all := rootEntry.FindAllSubmatch(body, -1); len(all) > 0 {
		n, err := strconv.Atoi(string(all[len(all)-1][1]))
		if _, ok := offsets[n]; err == nil && ok {
			return n
		}
	}
	m := catalog.FindIndex(body)
	if m == nil {
		return 0
	}
	root, at := 0, -1
	for n, offset := range offsets {
		if offset < m[0] && offset > at {
			root, at = n, offset
		}
	}
	return root
}
