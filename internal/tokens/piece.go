package tokens

import (
	"unicode"
	"unicode/utf8"
)

// MaxPiece is the longest piece in bytes, but for the last rune; longer runs are cut.
const MaxPiece = 1 << 10

// class is what the splitting expression wants to know about a rune.
type class uint8

const (
	other   class = iota // punctuation, symbols, marks, controls
	letter               // \p{L}
	number               // \p{N}
	space                // \s without the line ends
	newline              // \r and \n
)

var asciiClass = func() (table [utf8.RuneSelf]class) {
	for i := range table {
		table[i] = classOf(rune(i))
	}
	return table
}()

func classOf(r rune) class {
	switch {
	case r == '\r' || r == '\n':
		return newline
	case unicode.IsLetter(r):
		return letter
	case unicode.IsNumber(r):
		return number
	case unicode.IsSpace(r):
		return space
	}
	return other
}

// at returns the class and size of the rune at the start of s[i:], size 0 at the end.
func at(s string, i int) (class, int) {
	if i >= len(s) {
		return other, 0
	}
	if b := s[i]; b < utf8.RuneSelf {
		return asciiClass[b], 1
	}
	r, size := utf8.DecodeRuneInString(s[i:])
	return classOf(r), size
}

// run returns the end of the run of class c that goes through i, as far as a piece may go.
func run(s string, i int, c class) int {
	for i < MaxPiece {
		got, size := at(s, i)
		if size == 0 || got != c {
			return i
		}
		i += size
	}
	return i
}

// nextPiece returns the length of the first piece of s, which is not empty. It is the
// expression of the encoding, alternative by alternative:
//
//	(?i:'s|'t|'re|'ve|'m|'ll|'d)
//	[^\r\n\p{L}\p{N}]?\p{L}+
//	\p{N}{1,3}
//	 ?[^\s\p{L}\p{N}]+[\r\n]*
//	\s*[\r\n]+
//	\s+(?!\S)
//	\s+
//
// It looks ahead only, never back: what follows a piece is split as if it stood alone, and a
// text that ends with a piece is split as the longer text was.
func nextPiece(s string) int {
	first, size := at(s, 0)
	second, _ := at(s, size)
	switch {
	case first == letter:
		return run(s, size, letter)
	case first == number:
		return numberPiece(s, size)
	case first == newline:
		return spacePiece(s)
	}
	if n := contraction(s); n > 0 {
		return n
	}
	if second == letter && len(s) > size {
		return run(s, size, letter)
	}
	if first == other || s[0] == ' ' && second == other && len(s) > size {
		return run(s, run(s, size, other), newline)
	}
	return spacePiece(s)
}

func contraction(s string) int {
	if len(s) < 2 || s[0] != '\'' {
		return 0
	}
	switch s[1] | 0x20 {
	case 's', 't', 'm', 'd':
		return 2
	}
	if len(s) < 3 {
		return 0
	}
	switch string([]byte{s[1] | 0x20, s[2] | 0x20}) {
	case "re", "ve", "ll":
		return 3
	}
	return 0
}

func numberPiece(s string, end int) int {
	for range 2 {
		c, size := at(s, end)
		if size == 0 || c != number {
			break
		}
		end += size
	}
	return end
}

// spacePiece handles white space that belongs to no word: up to the last line end in it, else
// all but the last rune if ink follows, which goes with the space before it.
func spacePiece(s string) int {
	end, last, lines := 0, 0, 0
	for end < MaxPiece {
		c, size := at(s, end)
		if size == 0 || c != space && c != newline {
			break
		}
		last = end
		end += size
		if c == newline {
			lines = end
		}
	}
	switch {
	case lines > 0:
		return lines
	case end == len(s) || last == 0:
		return end
	}
	return last
}
