package tokens

import (
	"hash/maphash"
	"sync"
	"unicode/utf8"

	"github.com/pkoukk/tiktoken-go"
	loader "github.com/pkoukk/tiktoken-go-loader"
)

// pattern splits text into pieces; only the library uses it, on pieces that are split already.
const pattern = `(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+`

// shortPiece is the longest piece in bytes that the library merges and the cache keeps.
const shortPiece = 64

// vocab is the loaded encoding.
type vocab struct {
	ranks map[string]int // token to rank; lower merges first
	bpe   *tiktoken.Tiktoken
	cache cache
}

var vocabulary = sync.OnceValue(loadVocab)

// loadVocab panics when the vocabulary in the binary is damaged: nothing can be done about it.
func loadVocab() *vocab {
	ranks, err := loader.NewOfflineLoader().LoadTiktokenBpe(Name + ".tiktoken")
	if err != nil {
		panic("tokens: read vocabulary " + Name + ": " + err.Error())
	}
	core, err := tiktoken.NewCoreBPE(ranks, map[string]int{tiktoken.ENDOFTEXT: 100257}, pattern)
	if err != nil {
		panic("tokens: make encoding " + Name + ": " + err.Error())
	}
	return &vocab{
		ranks: ranks,
		bpe:   tiktoken.NewTiktoken(core, &tiktoken.Encoding{Name: Name}, nil),
		cache: cache{seed: maphash.MakeSeed()},
	}
}

// count returns the number of tokens of one piece.
func (v *vocab) count(piece string) int {
	piece = asUTF8(piece)
	if _, ok := v.ranks[piece]; ok {
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

// asUTF8 replaces each byte that is not UTF-8 by U+FFFD, as the library does.
func asUTF8(s string) string {
	if utf8.ValidString(s) {
		return s
	}
	return string([]rune(s))
}
