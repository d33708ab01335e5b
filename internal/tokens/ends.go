package tokens

import "unicode/utf8"

// Ends returns where each token of s ends, ascending, in bytes: the last is len(s). There are
// Count(s) of them, but for bytes that are not UTF-8: each is a token of its own here. A token
// may end inside of a character.
func Ends(s string) []int {
	v := vocabulary()
	var out []int
	for at := 0; at < len(s); {
		piece := s[at : at+nextPiece(s[at:])]
		switch {
		case !utf8.ValidString(piece):
			for i := range len(piece) {
				out = append(out, at+i+1)
			}
		case v.count(piece) == 1:
			out = append(out, at+len(piece))
		default:
			for _, end := range v.merge(piece) {
				out = append(out, at+end)
			}
		}
		at += len(piece)
	}
	return out
}
