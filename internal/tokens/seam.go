package tokens

// A seam of a text is a place where counts add up whatever stands on both sides: before a single
// space between two visible ASCII characters. No piece of the encodings goes on from something
// visible to a space, and what begins with the space looks at nothing before it. So a text that was
// counted and then changed at some places only needs to be counted between the seams around them.

// FirstSeam is where the first seam of s is, -1 where there is none.
func FirstSeam(s string) int {
	for i := 1; i+1 < len(s); i++ {
		if isSeam(s, i) {
			return i
		}
	}
	return -1
}

// LastSeam is where the last seam of s is, -1 where there is none.
func LastSeam(s string) int {
	for i := len(s) - 2; i > 0; i-- {
		if isSeam(s, i) {
			return i
		}
	}
	return -1
}

func isSeam(s string, i int) bool { return s[i] == ' ' && isVisible(s[i-1]) && isVisible(s[i+1]) }

func isVisible(c byte) bool { return c > ' ' && c < 0x7f }
