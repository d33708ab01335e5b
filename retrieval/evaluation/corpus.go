package evaluation

import (
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"slices"

	"github.com/lodedb/lode"
)

// Document is one that a collection shows, as far as runs must know it.
type Document struct {
	ID     lode.DocID
	URI    string
	Bronze lode.Hash
	Silver lode.Hash // of its canonical text
	Chunks int
}

// Corpus says what was searched.
type Corpus struct {
	// Fingerprint is a hash over the ids and the hashes of canonical texts of all documents, in order
	// of id: the same wherever the same texts are shown, whatever cuts, embeds and indexes them.
	Fingerprint lode.Hash `json:"fingerprint"`
	Documents   int       `json:"documents"`
	Chunks      int       `json:"chunks"`
}

// CorpusOf describes documents, which may be in any order.
func CorpusOf(documents []Document) Corpus {
	sorted := slices.Clone(documents)
	slices.SortFunc(sorted, func(a, b Document) int { return cmp.Compare(a.ID, b.ID) })
	c := Corpus{Documents: len(sorted)}
	h := sha256.New()
	var size [8]byte
	for _, d := range sorted {
		binary.LittleEndian.PutUint64(size[:], uint64(len(d.ID)))
		h.Write(size[:])
		h.Write([]byte(d.ID))
		h.Write(d.Silver[:])
		c.Chunks += d.Chunks
	}
	c.Fingerprint = lode.Hash(h.Sum(nil))
	return c
}

// corpusIndex finds the documents that judgements are about.
type corpusIndex struct {
	byBronze map[lode.Hash][]lode.DocID
	byURI    map[string][]lode.DocID
	byID     map[lode.DocID]bool
}

func indexCorpus(documents []Document) *corpusIndex {
	c := &corpusIndex{byBronze: map[lode.Hash][]lode.DocID{}, byURI: map[string][]lode.DocID{}, byID: map[lode.DocID]bool{}}
	for _, d := range documents {
		c.byID[d.ID] = true
		if !d.Bronze.IsZero() {
			c.byBronze[d.Bronze] = append(c.byBronze[d.Bronze], d.ID)
		}
		if d.URI != "" {
			c.byURI[d.URI] = append(c.byURI[d.URI], d.ID)
		}
	}
	return c
}

// holders returns the documents that a span is in; see [Span].
func (c *corpusIndex) holders(s *Span) []lode.DocID {
	switch {
	case !s.Bronze.IsZero():
		return c.byBronze[s.Bronze]
	case s.Document != "" && c.byID[s.Document]:
		return []lode.DocID{s.Document}
	case s.Document != "":
		return nil
	}
	return c.byURI[s.URI]
}

// missing counts the relevant spans whose document is not shown, or is another text by now.
func (c *corpusIndex) missing(set *Set) (n int) {
	for i := range set.Questions {
		for j := range set.Questions[i].Spans {
			if s := &set.Questions[i].Spans[j]; s.Grade > 0 && len(c.holders(s)) == 0 {
				n++
			}
		}
	}
	return n
}
