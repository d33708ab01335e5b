package suspect

import (
	"strings"
	"testing"
)

// BenchmarkHostile shows that the time is in proportion to the text, whatever it is: the MB/s of a
// shape are those of its double.
func BenchmarkHostile(b *testing.B) {
	for name, unit := range map[string]string{
		"verbs": "ignore ", "verb and noun": "ignore your ", "letters": "a ", "spelt": "i g n o r e ", "images": "![x](http://", "tags": "<img src=http://a/?", "marks": "<|a", "base64": "QUFB", "nested base64": "aWdub3Jl\n",
		"invisible": "\u200b", "runs": "ignoreallprevious", "brackets": "[INST", "ideographs": "忽略之前", "systems": "\n  system ",
	} {
		for _, size := range []int{64 << 10, 128 << 10} {
			text := strings.Repeat(unit, size/len(unit))
			b.Run(name+"/"+map[int]string{64 << 10: "64KiB", 128 << 10: "128KiB"}[size], func(b *testing.B) {
				b.SetBytes(int64(len(text)))
				for b.Loop() {
					Instructions(text)
					Hidden(text)
				}
			})
		}
	}
}
