package train

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/lodedb/lode/embed/contrast"
)

// readable writes pairs as text.
func readable(c *Corpus) map[string][]string {
	words := func(numbers []uint32) string {
		var w []string
		for _, n := range numbers {
			w = append(w, c.Words[n])
		}
		return strings.Join(w, " ")
	}
	out := map[string][]string{}
	for _, s := range c.Sources {
		for _, p := range s.Pairs {
			out[s.Name] = append(out[s.Name], words(p.Left)+" | "+words(p.Right))
		}
	}
	return out
}

func tinyWordNet(t *testing.T) *WordNet {
	t.Helper()
	dir := t.TempDir()
	files := map[string]string{
		"data.noun": `  1 This is the licence.
1 03 n 02 ore 0 mineral_ore 0 002 @ 2 n 0000 + 4 v 0101 | rock that holds metal; "they washed the ore"
2 03 n 01 rock 0 000 | a stone
3 03 n 02 gem 0 jewel 0 001 @ 2 n 0000 | a precious stone
`,
		"data.verb": "4 03 v 01 mine 0 001 ! 1 n 0101 00 | get ore from the earth\n",
		"data.adj":  "",
		"data.adv":  "",
	}
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	w, err := ReadWordNet(dir)
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func TestAddWordNet(t *testing.T) {
	c := NewCorpus()
	AddWordNet(c, tinyWordNet(t), &HeldOut{all: map[string]bool{"3-n": true}})
	got := readable(c)
	for name, want := range map[string][]string{
		"wn_gloss": {"ore | rock that hold metal", "mineral ore | rock that hold metal", "rock | a stone", "mine | get ore from the earth"},
		"wn_syn":   {"ore | mineral ore"},
		"wn_ex":    {"they washed the ore | rock that hold metal"},
		"wn_hyp":   {"ore mineral ore rock that hold metal | rock a stone"},
		"wn_rel":   {"ore mineral ore rock that hold metal | mine get ore from the earth"}, // and no antonym
	} {
		if !slices.Equal(got[name], want) {
			t.Errorf("%s: %q, want %q", name, got[name], want)
		}
	}
	if all := strings.Join(slices.Concat(got["wn_gloss"], got["wn_hyp"], got["wn_syn"]), " "); strings.Contains(all, "gem") || strings.Contains(all, "precious") {
		t.Error("a held-out synset is in a pair")
	}
}

const (
	one   = "Ore is washed in running water because clay hides the colour of stone."
	two   = "The water runs over boards with ridges. Heavy grains stay behind them. Light ones go on."
	three = "Charcoal burns hotter than wood and a strong draught makes it hotter still in every furnace."
)

func TestDocPairs(t *testing.T) {
	c := NewCorpus()
	d := NewDocPairs(c, tinyWordNet(t), &HeldOut{all: map[string]bool{"3-n": true}}, 1)
	d.Add([]Section{
		{Heading: "Washing", Paragraphs: []string{one, "Too short.", "x = f(a, b) + {1, 2, 3} - [4]; y += g(z) // 5 6 7 8 9", two, three}},
		{Heading: "Gem", Paragraphs: []string{"A precious stone is cut before it is sold to anybody at all."}},
		{Heading: "Empty"},
		{Heading: "Again", Paragraphs: []string{one}},
	})
	got := readable(c)
	if len(got["head"]) != 1 || !strings.HasPrefix(got["head"][0], "washing | ore is washed") {
		t.Errorf("head: %q: only Washing has fresh prose and is not held out", got["head"])
	}
	if len(got["adj"]) != 2 || !strings.HasPrefix(got["adj"][0], "ore is") || !strings.Contains(got["adj"][0], "| the water run") {
		t.Errorf("adj: %q", got["adj"])
	}
	if len(got["crop"]) != 1 || len(got["ict"]) != 1 {
		t.Errorf("crop: %q, ict: %q", got["crop"], got["ict"])
	}
}

// A heading that stands everywhere says nothing.
func TestRepeatedHeadings(t *testing.T) {
	c := NewCorpus()
	d := NewDocPairs(c, &WordNet{}, &HeldOut{}, 1)
	for i := range 50 {
		d.Add([]Section{{Heading: "Notes", Paragraphs: []string{one + strings.Repeat(" more", i)}}})
	}
	if n := len(readable(c)["head"]); n != maxRepeats {
		t.Errorf("%d pairs of one heading", n)
	}
}

func TestSplitSentences(t *testing.T) {
	got := contrast.Sentences("It is v1.2 of e.g. this. Is it? Yes! no.")
	if want := []string{"It is v1.2 of e.g. this.", "Is it?", "Yes! no."}; !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
}

func TestPod(t *testing.T) {
	got := podSections("=head1 NAME\n\nperl - C<the> B<< bold >> L<name|target> tool\n\n  code here\n\n=over 4\n\nMore\ntext.\n")
	if len(got) != 2 || got[1].Heading != "NAME" || !slices.Equal(got[1].Paragraphs, []string{"perl - the bold name tool", "More text."}) {
		t.Errorf("%+v", got)
	}
}

func TestHTMLSections(t *testing.T) {
	page := "<html><body><h1>Ore</h1><p>" + one + "</p><pre>code</pre><h2>Water</h2><p>" + two + "</p></body></html>"
	got, err := Source{Format: "html"}.sections(t.Context(), []byte(page))
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, s := range got {
		all = append(all, s.Heading+":"+strings.Join(s.Paragraphs, "/"))
	}
	if want := []string{":", "Ore:" + one, "Water:" + two}; !slices.Equal(all, want) {
		t.Errorf("%q", all)
	}
}

func TestReadDocs(t *testing.T) {
	dir := t.TempDir()
	s := Source{Package: "p", Root: "docs", Format: "html", Skip: []string{"index"}}
	if err := os.MkdirAll(s.Dir(dir), 0o750); err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string]string{"a.html": "<p>" + one, "index.html": "<p>" + two, "c.txt": three, "d.html": "<script>x</script>"} {
		if err := os.WriteFile(filepath.Join(s.Dir(dir), name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	pages := 0
	skipped, err := ReadDocs(t.Context(), s, dir, func([]Section) { pages++ })
	if err != nil || pages != 1 || skipped != 1 {
		t.Errorf("%d pages, %d passed over, %v", pages, skipped, err)
	}
	if _, err := ReadDocs(t.Context(), Source{Package: "none"}, dir, func([]Section) {}); err == nil {
		t.Error("a missing source is no error")
	}
}

func TestPrune(t *testing.T) {
	dir := t.TempDir()
	s := Source{Root: "usr/share/doc/p", Format: "html", Skip: []string{"genindex"}}
	for _, name := range []string{"usr/share/doc/p/a.html", "usr/share/doc/p/genindex.html", "usr/share/doc/p/main.go", "usr/share/doc/q/b.html", "usr/share/doc/q/copyright"} {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(one), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.prune(dir); err != nil {
		t.Fatal(err)
	}
	var left []string
	_ = filepath.WalkDir(dir, func(path string, entry os.DirEntry, _ error) error {
		if !entry.IsDir() {
			left = append(left, filepath.Base(path))
		}
		return nil
	})
	if !slices.Equal(left, []string{"a.html", "copyright"}) {
		t.Errorf("%q are left", left)
	}
}

func TestVersions(t *testing.T) {
	for archive, want := range map[string]string{"perl-doc_5.36.0-7%2bdeb12u4_all.deb": "5.36.0-7%2bdeb12u4", "perl-doc_1%3a3.0-37_all.deb": "1:3.0-37", "perl-doc-1.1.0.tgz": "1.1.0", "perl-doc": ""} {
		if got := (Source{Package: "perl-doc"}).version(archive); got != want {
			t.Errorf("%s has version %q", archive, got)
		}
	}
}

// Every source states its licence, and none is copyleft.
func TestLicences(t *testing.T) {
	seen := map[string]bool{}
	for _, s := range Sources {
		if s.Licence == "" || seen[s.Package] {
			t.Errorf("%s: no licence, or twice", s.Package)
		}
		seen[s.Package] = true
		if fault := copyleft(s.Licence); fault != "" {
			t.Errorf("%s: %s", s.Package, fault)
		}
	}
	for _, bad := range []string{"GPL-3+", "GFDL", "CC-BY-SA-4.0", "MPL-2.0"} {
		if copyleft(bad) == "" {
			t.Errorf("%s passes", bad)
		}
	}
}

func copyleft(licence string) string {
	chosen, _, _ := strings.Cut(licence, " (of ")
	for _, word := range []string{"GPL", "GFDL", "-SA", "MPL"} {
		if strings.Contains(chosen, word) {
			return "copyleft: " + word
		}
	}
	return ""
}

func TestVocabulary(t *testing.T) {
	c := NewCorpus()
	c.Add(c.Source("a", 1), "ore ore ore", "mine москва")
	g := &GloVe{Words: []string{"the", "gold"}, Ranks: []int{0, 90}, Vectors: [][]float32{make([]float32, GloVeDim), make([]float32, GloVeDim)}}
	g.Vectors[0][0], g.Vectors[1][1] = 1, 1
	v := NewVocabulary(c, g, 3)
	if !slices.Equal(v.Words, []string{"the", "ore", "mine"}) {
		t.Errorf("%q", v.Words)
	}
	rows := v.Rows(g, 128, 4, 1)
	if len(rows) != (3+4)*128 {
		t.Fatalf("%d numbers", len(rows))
	}
	length := func(i int) float64 { return float64(normalize(slices.Clone(rows[i*128 : (i+1)*128]))) }
	if length(0) >= length(1) || length(1) >= length(2) {
		t.Errorf("rows of %.2g, %.2g and %.2g: the more frequent is not the shorter", length(0), length(1), length(2))
	}
}

func TestReadGloVe(t *testing.T) {
	vector := "[" + strings.Repeat("0.5,", GloVeDim) + "1,%]"
	path := filepath.Join(t.TempDir(), "glove.json")
	content := `{"precision":8,"words":["ores","'s"],"vectors":{"ores":` + strings.Replace(vector, "%", "7", 1) + `,"u.s.":` + strings.Replace(vector, "%", "8", 1) + `},"unkVector":[]}`
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	g, err := ReadGloVe(path)
	if err != nil || len(g.Words) != 1 || g.Words[0] != "ore" || g.Ranks[0] != 7 || len(g.Vectors[0]) != GloVeDim {
		t.Fatalf("%+v, %v", g, err)
	}
	for _, bad := range []string{"", "{}", `{"vectors":{"a":[1,2]}}`, `{"vectors":{"a":["b"]}}`} {
		if err := os.WriteFile(path, []byte(bad), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := ReadGloVe(path); err == nil {
			t.Errorf("%q is read as vectors", bad)
		}
	}
}
