package storage

import (
	"bytes"

	"github.com/lodedb/lode"
)

// keptVersion is a version that is kept for the history.
type keptVersion struct {
	doc     lode.DocNo
	version lode.Version
}

// past checks what was shown before: the version of each record must be there. It gathers the
// versions that are kept.
func (s *shelfCheck) past() {
	at := s.tx.At().Index
	walk(s.checker, s.bucket(pastBucket), func(k []byte, p *Past) {
		d := &p.Document
		where := s.at("document %d, shown until entry %d", d.No, p.Until.Index)
		v := s.version(d.No, d.Current)
		switch {
		case !bytes.Equal(k, pastKey(p.Until.Index, d.No)) || d.Collection != s.col.ID || wordFor(d.Kind) == "":
			s.breach(where, "stands under key %x, says collection %d and kind %d", k, d.Collection, d.Kind)
			return
		case p.Until.Index > at:
			s.breach(where, "ended after the last entry, %d", at)
		case d.Shown != nil && d.Shown.Index >= p.Until.Index:
			s.breach(where, "was shown from entry %d on", d.Shown.Index)
		case v == nil && !p.Left && !s.asked(p):
		case v == nil || v.State != lode.StateReady:
			s.breach(where, "was shown in version %d, which is not there", d.Current)
		case p.Left && !v.Kept:
			s.breach(where, "is the last to show version %d, which is not kept", d.Current)
		case p.Gone && s.document(d.No) != nil:
			s.breach(where, "is said to be gone and is there")
		}
		if p.Left {
			s.kept[keptVersion{d.No, d.Current}] = d
		}
	})
}

// asked reports whether what a record notes can be asked for. What is left of an earlier history,
// until it is pruned, may have lost versions since.
func (s *shelfCheck) asked(p *Past) bool {
	from := s.col.Tuning.HistoryFrom
	return from != nil && p.Until.Index > s.col.Tuning.HistorySince && p.Until.At.After(*from)
}

// holder returns the document that a version belongs to, as it was last shown where it is gone.
func (s *shelfCheck) holder(where string, v *lode.DocVersion) *lode.Document {
	d, past := s.document(v.Doc), s.kept[keptVersion{v.Doc, v.Version}]
	switch {
	case v.Kept && past == nil:
		s.breach(where, "is kept for a history that does not know of it")
	case v.Kept && d != nil && d.Current == v.Version:
		s.breach(where, "is kept for the history and shown")
	case d != nil && !v.Kept && v.State == lode.StateReady && d.Current != v.Version:
		s.breach(where, "is ready and not shown")
	}
	if d == nil {
		return past
	}
	return d
}
