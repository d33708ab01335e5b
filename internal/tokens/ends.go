package tokens

import "unicode/utf8"

// Ends returns where each token of s ends, ascending: token i is s[Ends[i-1]:Ends[i]]. There are
// [Count] of them for text in UTF-8; a piece that is not counts as one.
func Ends(s string) []int {
	v, at := vocabulary(), 0
	ends := make([]int, 0, len(s)/4+1)
	for at < len(s) {
		piece := s[at : at+nextPiece(s[at:])]
		if _, whole := v.ranks[piece]; whole || !utf8.ValidString(piece) {
			ends = append(ends, at+len(piece))
		} else {
			for _, end := range v.merge(piece) {
				ends = append(ends, at+end)
			}
		}
		at += len(piece)
	}
	return ends
}
