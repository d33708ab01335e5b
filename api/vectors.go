package api

import (
	"fmt"
	"net/http"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/api/v1"
)

func (s *service) putVectors(w http.ResponseWriter, r *http.Request, p lode.Principal) error {
	collection, err := pathCollection(r)
	if err != nil {
		return err
	}
	var req v1.PutVectors
	if err := readJSON(r, &req); err != nil {
		return err
	}
	if len(req.Points) == 0 {
		return lode.Invalid("points", "", "points must hold at least one vector")
	}
	points := make([]lode.Point, len(req.Points))
	for i, in := range req.Points {
		if in.Version != 0 {
			return lode.Invalid(fmt.Sprintf("points[%d].version", i), in.Version, "version is for answers only").WithHint("to write only while the point is at that version, say if_version")
		}
		points[i] = fromPoint(in)
	}
	versions, errs, err := s.Backend.Points.PutPoints(r.Context(), p, writeOf(r), collection, points)
	if err != nil {
		return err
	}
	out := v1.PointResults{Items: make([]v1.PointResult, len(points))}
	failed := false
	for i := range points {
		out.Items[i].ID = points[i].ID
		if i < len(errs) && errs[i] != nil {
			failed = true
			out.Items[i].Error = s.itemError(r, "points", i, errs[i])
			continue
		}
		out.Items[i].Version = versions[i]
	}
	if failed && len(points) == 1 {
		return codedError(errs[0]).In("points[0]")
	}
	return writeJSON(w, batchStatus(failed), out)
}

func (s *service) searchVectors(w http.ResponseWriter, r *http.Request, p lode.Principal) error {
	collection, err := pathCollection(r)
	if err != nil {
		return err
	}
	var req v1.SearchVectors
	if err := readJSON(r, &req); err != nil {
		return err
	}
	if len(req.Vector) == 0 {
		return lode.Invalid("vector", "", "vector must not be empty")
	}
	query, err := queryFrom(collection, v1.Retrieve{Vector: req.Vector, K: req.K, Filter: req.Filter, Mode: lode.ModeDense})
	if err != nil {
		return err
	}
	result, err := s.search(r, p, query)
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, v1.VectorHits{Hits: toHits(result.Hits)})
}

func (s *service) getVector(w http.ResponseWriter, r *http.Request, p lode.Principal) error {
	collection, id, err := pathID(r)
	if err != nil {
		return err
	}
	if err := s.barrier(r); err != nil {
		return err
	}
	point, err := s.Backend.Points.Point(r.Context(), p, collection, id)
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, toPoint(point))
}

func (s *service) deleteVector(w http.ResponseWriter, r *http.Request, p lode.Principal) error {
	return s.deleteOne(w, r, p, lode.KindVector)
}

func (s *service) deleteVectors(w http.ResponseWriter, r *http.Request, p lode.Principal) error {
	return s.deleteMany(w, r, p, lode.KindVector)
}
