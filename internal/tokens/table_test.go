package tokens

import (
	"fmt"
	"testing"
)

// TestTable: the table knows every token that is not long, and nothing that differs from one by a byte.
func TestTable(t *testing.T) {
	for _, v := range []*vocab{vocabulary(), vocabulary200k()} {
		for token := range v.ranks {
			if !v.isToken(token) {
				t.Fatalf("%q is not known", token)
			}
			for i := range len(token) {
				other := fmt.Sprint(token[:i], string(token[i]^1), token[i+1:])
				if _, is := v.ranks[other]; v.isToken(other) != is {
					t.Fatalf("%q: known %v, is a token %v", other, !is, is)
				}
			}
			if shorter := token[1:]; shorter != "" {
				if _, is := v.ranks[shorter]; v.isToken(shorter) != is {
					t.Fatalf("%q: known %v, is a token %v", shorter, !is, is)
				}
			}
		}
	}
}
