package collection

import (
	"github.com/lodedb/lode"
	lexical "github.com/lodedb/lode/index/bm25/segment"
)

// Usage is about what a collection holds in memory.
type Usage struct {
	Name           string
	Rows           int   // deleted ones that were not compacted away included
	Dense, Lexical int64 // bytes of the indexes; Dense are those of named spaces too
	Sparse         int64 // bytes of the indexes of sparse spaces
	Graphs, Words  int64 // bytes of files that are mapped and searched in place
	Payload        int64 // bytes of the indexes of metadata and readers
}

// Usage reports every collection that is loaded, in order of name. Only a principal that may see everything
// may ask.
func (e *Engine) Usage(p lode.Principal) ([]Usage, error) {
	if err := e.admit(p); err != nil {
		return nil, err
	}
	if !p.SeesAll() {
		return nil, lode.Errorf(lode.CodeUnauthorized, "the report is of everything, which the caller may not see")
	}
	catalog := e.catalog.Load()
	report := make([]Usage, 0, len(catalog.byName))
	for _, name := range catalog.names() {
		s := catalog.byName[name].published.now.Load()
		if s == nil {
			continue
		}
		report = append(report, usageOf(name, s))
	}
	return report, nil
}

func usageOf(name string, s *snapshot) Usage {
	u := Usage{Name: name, Rows: len(s.rows)}
	for _, x := range s.sparse {
		if x != nil {
			u.Sparse += x.Bytes()
		}
	}
	for i := range s.parts {
		p := &s.parts[i]
		u.addWords(&p.words)
		for j := range p.spaces {
			switch in := p.space(j); {
			case in == nil:
			case in.graph == nil:
				u.Dense += in.vectors.Bytes()
			default:
				u.Graphs += in.vectors.Bytes()
			}
		}
		for _, b := range p.blocks {
			u.Payload += int64(b.Bytes())
		}
		if p.graph == nil {
			u.Dense += p.vectors.Bytes()
		} else {
			u.Graphs += p.vectors.Bytes()
		}
	}
	return u
}

func (u *Usage) addWords(w *wordsView) {
	if w.file == nil {
		u.Lexical += w.part.(*lexical.Growing).Bytes()
	} else {
		u.Lexical += w.file.Sealed.Bytes()
		u.Words += w.file.size()
	}
	if !w.same {
		u.Lexical += int64(4 * len(w.rows))
	}
}

// documentBytes is about what a document takes in memory beside its indexes.
const documentBytes = 512

// heapOf is about what the collection would take with so many rows.
func (u Usage) heapOf(rows, dim int) int64 {
	if u.Rows == 0 {
		return int64(rows) * (documentBytes + 4*int64(dim))
	}
	return int64(float64(u.heap()) / float64(u.Rows) * float64(rows))
}

// heap is about what the collection takes of memory that is not mapped.
func (u Usage) heap() int64 {
	return u.Dense + u.Lexical + u.Sparse + u.Payload + documentBytes*int64(u.Rows)
}
