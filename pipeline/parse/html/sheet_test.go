package html

import "testing"

// Rules that hold on every screen hide as those outside of a block do; those for a width or for paper
// say nothing.
func TestSheetConditions(t *testing.T) {
	for css, want := range map[string]bool{
		"@media screen { .x { display:none } }": true, "@media ALL{.x{display:none}}": true, "@layer a { @media only screen { .x { display: none } } }": true,
		"@media screen { .y { color:red } } .x { display:none }": true, "@media screen{.y{color:red}.x{display:none}}": true,
		"@media print { .x { display:none } }": false, "@media (max-width: 600px) { .x { display:none } }": false, "@media screen { .x { color:red } }": false,
		"@media print { .y { color: red } } .x { display:none }": true,
	} {
		var s sheet
		s.add(css)
		if s.selectors[".x"] != want {
			t.Errorf("%s: hides %v", css, s.selectors)
		}
	}
}
