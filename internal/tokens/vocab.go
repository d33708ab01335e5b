package tokens

import (
	"hash/maphash"
	"sync"
	"unicode/utf8"

	"github.com/pkoukk/tiktoken-go"
	loader "github.com/pkoukk/tiktoken-go-loader"
)

// encoding is what an encoding is made of.
type encoding struct {
	name    string
	pattern string           // splits text into pieces; only the library uses it, on pieces that are split already
	split   func(string) int // the same by hand: the length of the first piece
}

var cl100k = encoding{
	name:    Name,
	pattern: `(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+`,
	split:   nextPiece,
}

var o200k = encoding{
	name: O200K,
	pattern: `[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?` +
		`|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?` +
		`|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+`,
	split: nextPiece200k,
}

// shortPiece is the longest piece in bytes that the library merges and the cache keeps.
const shortPiece = 64

// vocab is a loaded encoding.
type vocab struct {
	split func(string) int
	ranks map[string]int // token to rank; lower merges first
	known table          // the tokens among them that are not long
	bpe   *tiktoken.Tiktoken
	cache cache
}

// Each is loaded when something is first counted in it.
var (
	vocabulary     = sync.OnceValue(cl100k.load)
	vocabulary200k = sync.OnceValue(o200k.load)
)

// load panics when the vocabulary in the binary is damaged: nothing can be done about it.
func (e encoding) load() *vocab {
	ranks, err := loader.NewOfflineLoader().LoadTiktokenBpe(e.name + ".tiktoken")
	if err != nil {
		panic("tokens: read vocabulary " + e.name + ": " + err.Error())
	}
	core, err := tiktoken.NewCoreBPE(ranks, nil, e.pattern)
	if err != nil {
		panic("tokens: make encoding " + e.name + ": " + err.Error())
	}
	return &vocab{
		split: e.split,
		ranks: ranks,
		known: newTable(ranks),
		bpe:   tiktoken.NewTiktoken(core, &tiktoken.Encoding{Name: e.name}, nil),
		cache: cache{seed: maphash.MakeSeed()},
	}
}

// text returns the number of tokens of a text.
func (v *vocab) text(s string) (n int) {
	for len(s) > 0 {
		size := v.split(s)
		n += v.count(s[:size])
		s = s[size:]
	}
	return n
}

// count returns the number of tokens of one piece.
func (v *vocab) count(piece string) int {
	piece = asUTF8(piece)
	if v.isToken(piece) {
		return 1
	}
	if len(piece) > shortPiece {
		return len(v.merge(piece))
	}
	slot, n := v.cache.get(piece)
	if n == 0 {
		n = len(v.bpe.EncodeOrdinary(piece))
		slot.put(piece, n)
	}
	return n
}

func (v *vocab) isToken(piece string) bool {
	if len(piece) <= tableBytes {
		return v.known.has(piece)
	}
	_, ok := v.ranks[piece]
	return ok
}

// asUTF8 replaces each byte that is not UTF-8 by U+FFFD, as the library does.
func asUTF8(s string) string {
	if utf8.ValidString(s) {
		return s
	}
	return string([]rune(s))
}
