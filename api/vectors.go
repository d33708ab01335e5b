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
	points, err := readPoints(r)
	if err != nil {
		return err
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
			errs[i] = aboutSparse(errs[i], &points[i])
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

// readPoints reads a write of raw vectors, JSON or a frame.
func readPoints(r *http.Request) ([]lode.Point, error) {
	mediaType, err := contentType(r, v1.MediaTypeJSON, v1.MediaTypeVectors)
	if err != nil {
		return nil, err
	}
	body, err := readAll(r.Body, r.ContentLength)
	if err != nil {
		return nil, err
	}
	if mediaType == v1.MediaTypeVectors {
		return pointsOfFrame(body)
	}
	var req v1.PutVectors
	if err := decodeBody(body, &req); err != nil {
		return nil, err
	}
	if len(req.Points) == 0 {
		return nil, lode.Invalid("points", "", "points must hold at least one vector")
	}
	points := make([]lode.Point, len(req.Points))
	for i, in := range req.Points {
		if in.Version != 0 {
			return nil, lode.Invalid(fmt.Sprintf("points[%d].version", i), in.Version, "version is for answers only").WithHint("to write only while the point is at that version, say if_version")
		}
		points[i] = fromPoint(in)
	}
	return points, nil
}

// pointsOfFrame reads a write that is a frame.
func pointsOfFrame(body []byte) ([]lode.Point, error) {
	f, err := v1.ParsePointsFrame(body)
	if err != nil {
		return nil, err
	}
	points := make([]lode.Point, len(f.Points))
	for i := range f.Points {
		in := &f.Points[i]
		points[i] = lode.Point{ID: in.ID, Vector: in.Vector, Text: in.Text, ExpiresAt: in.ExpiresAt}
		if len(in.Metadata) == 0 {
			continue
		}
		if err := decodeJSON(in.Metadata, &points[i].Metadata); err != nil {
			return nil, codedError(inField("metadata", err)).In(fmt.Sprintf("points[%d]", i))
		}
	}
	return points, nil
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
