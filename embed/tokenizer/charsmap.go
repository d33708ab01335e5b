package tokenizer

import (
	"bytes"
	"encoding/binary"
	"strings"
	"unicode/utf8"

	"github.com/clipperhouse/uax29/v2/graphemes"
)

// charsmap is the normalization of a sentencepiece model: a double-array trie from what is
// replaced to places in a text of replacements that end with a zero byte.
type charsmap struct {
	units []uint32
	texts []byte
}

func parseCharsmap(field string, b []byte) (func(string) string, error) {
	if len(b) == 0 {
		return nil, nil
	}
	if len(b) < 4 {
		return nil, malformed(field+".precompiled_charsmap", "is cut")
	}
	size := binary.LittleEndian.Uint32(b)
	if uint64(size) > uint64(len(b)-4) || size%4 != 0 || size == 0 {
		return nil, malformed(field+".precompiled_charsmap", "is cut")
	}
	m := &charsmap{units: make([]uint32, size/4), texts: b[4+size:]}
	for i := range m.units {
		m.units[i] = binary.LittleEndian.Uint32(b[4+4*i:])
	}
	return m.normalize, nil
}

// longestCluster is how many bytes a cluster of characters has that is looked up as a whole.
const longestCluster = 6

func (m *charsmap) normalize(text string) string {
	var b strings.Builder
	clusters := graphemes.FromString(text)
	for clusters.Next() {
		cluster := clusters.Value()
		if len(cluster) < longestCluster {
			if to, ok := m.replacement(cluster); ok {
				b.Write(to)
				continue
			}
		}
		for len(cluster) > 0 {
			_, width := utf8.DecodeRuneInString(cluster)
			if to, ok := m.replacement(cluster[:width]); ok {
				b.Write(to)
			} else {
				b.WriteString(cluster[:width])
			}
			cluster = cluster[width:]
		}
	}
	return b.String()
}

// replacement finds the shortest key that a text begins with, as the model's own program does.
func (m *charsmap) replacement(text string) ([]byte, bool) {
	at := offsetOf(m.units[0])
	for i := range len(text) {
		c := uint32(text[i])
		if c == 0 {
			return nil, false
		}
		at ^= c
		if at >= uint32(len(m.units)) {
			return nil, false
		}
		unit := m.units[at]
		if unit&(1<<31|0xFF) != c {
			return nil, false
		}
		at ^= offsetOf(unit)
		if unit>>8&1 == 1 {
			return m.at(at)
		}
	}
	return nil, false
}

// at returns the replacement that a leaf leads to.
func (m *charsmap) at(leaf uint32) ([]byte, bool) {
	if leaf >= uint32(len(m.units)) {
		return nil, false
	}
	start := m.units[leaf] & (1<<31 - 1)
	if uint64(start) >= uint64(len(m.texts)) {
		return nil, false
	}
	text := m.texts[start:]
	if end := bytes.IndexByte(text, 0); end >= 0 {
		return text[:end], true
	}
	return nil, false
}

func offsetOf(unit uint32) uint32 { return unit >> 10 << (unit & (1 << 9) >> 6) }
