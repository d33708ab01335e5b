package api

import (
	"fmt"
	"net/http"
	"strings"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/api/v1"
)

// Searches by vector whose answer is not one list of nearest rows.

func (s *service) searchGroups(w http.ResponseWriter, r *http.Request, p lode.Principal) error {
	var req v1.SearchGroups
	collection, err := readContents(r, &req)
	if err != nil {
		return err
	}
	q := GroupsQuery{
		Collection: collection, Vector: req.Vector, Filter: orEverything(req.Filter),
		With: lode.With{Text: wanted(req.WithText, true), Metadata: wanted(req.WithMetadata, true), Vector: wanted(req.WithVector, false)},
	}
	if q.Groups, err = atLeastOne("groups", req.Groups); err != nil {
		return err
	}
	if q.Size, err = atLeastOne("group_size", req.GroupSize); err != nil {
		return err
	}
	if len(q.Vector) == 0 {
		return lode.Invalid("vector", "", "vector must not be empty")
	}
	if q.AsOf, err = s.readAt(r); err != nil {
		return err
	}
	groups, err := s.Backend.Retrieval.Groups(r.Context(), p, q)
	if err != nil {
		return err
	}
	buf := borrow()
	defer handBack(buf)
	if *buf, err = appendGroupsJSON((*buf)[:0], groups, q.With); err == nil {
		writeBytes(w, http.StatusOK, v1.MediaTypeJSON, *buf)
	}
	return err
}

// atLeastOne reads a number, 0 for one that is missing; how large it may be others know.
func atLeastOne(member string, said *int) (int, error) {
	if said == nil {
		return 0, nil
	}
	if *said < 1 {
		return 0, lode.Invalid(member, *said, "%s must be at least 1", member)
	}
	return *said, nil
}

// appendGroupsJSON writes groups as the value of a v1.VectorGroups.
func appendGroupsJSON(b []byte, groups []Group, with lode.With) (_ []byte, err error) {
	b = append(b, `{"groups":[`...)
	for i, g := range groups {
		if i > 0 {
			b = append(b, ',')
		}
		if b, err = appendString(append(b, `{"document_id":`...), string(g.Document.ID)); err != nil {
			return b, err
		}
		b = append(append(append(b, `,"kind":"`...), kindName(g.Document.Kind)...), '"')
		at := len(b)
		if b, err = appendHitsJSON(b, g.Hits, with, ""); err != nil {
			return b, err
		}
		b[at] = ',' // the hits go on in the object of the group
	}
	return append(b, "]}\n"...), nil
}

func (s *service) recommend(w http.ResponseWriter, r *http.Request, p lode.Principal) error {
	var req v1.Recommend
	collection, err := readContents(r, &req)
	if err != nil {
		return err
	}
	q, err := recommendOf(collection, &req)
	if err != nil {
		return err
	}
	if q.AsOf, err = s.readAt(r); err != nil {
		return err
	}
	hits, err := s.Backend.Retrieval.Recommend(r.Context(), p, q)
	if err != nil {
		return aboutExample(err)
	}
	buf := borrow()
	defer handBack(buf)
	if *buf, err = appendHitsJSON((*buf)[:0], hits, q.With, ""); err == nil {
		*buf = append(*buf, '\n')
		writeBytes(w, http.StatusOK, v1.MediaTypeJSON, *buf)
	}
	return err
}

func recommendOf(collection string, req *v1.Recommend) (q RecommendQuery, err error) {
	q = RecommendQuery{
		Collection: collection, Strategy: req.Strategy, K: lode.DefaultK, Filter: orEverything(req.Filter),
		With: lode.With{Text: wanted(req.WithText, true), Metadata: wanted(req.WithMetadata, true), Vector: wanted(req.WithVector, false)},
	}
	if req.K != nil {
		q.K = *req.K
		if err := lode.ValidateK(q.K); err != nil {
			return q, err
		}
	}
	if q.Positive, err = examplesOf("positive", req.Positive); err != nil {
		return q, err
	}
	q.Negative, err = examplesOf("negative", req.Negative)
	return q, err
}

func examplesOf(list string, said []v1.Example) ([]Example, error) {
	out := make([]Example, len(said))
	for i, x := range said {
		given := 0
		for _, there := range []bool{x.ID != "", x.DocumentID != "", len(x.Vector) > 0, x.Text != ""} {
			if there {
				given++
			}
		}
		if given != 1 {
			return nil, lode.Invalid(fmt.Sprintf("%s[%d]", list, i), given, "an example has one of id, document_id, vector and text")
		}
		out[i] = Example{Vector: x.Vector, Text: x.Text}
		switch {
		case x.ID != "":
			out[i].Kind, out[i].ID = lode.KindVector, x.ID
		case x.DocumentID != "":
			out[i].Kind, out[i].ID = lode.KindDocument, x.DocumentID
		}
	}
	return out, nil
}

// aboutExample names the member of an example that does not exist, where the error names what it
// is.
func aboutExample(err error) error {
	if !lode.IsCode(err, lode.CodeNotFound) {
		return err
	}
	e := *codedError(err)
	for what, member := range map[string]string{"].document": "].document_id", "].vector": "].id"} {
		if parent, ok := strings.CutSuffix(e.Field, what); ok {
			e.Field = parent + member
			break
		}
	}
	return &e
}
