package api

import (
	"net/http"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/api/v1"
)

// check lists breaches up to a limit and counts the rest. A breach is a finding, not a
// failure: the answer is 200 either way.
func (s *service) check(w http.ResponseWriter, r *http.Request, _ lode.Principal) error {
	report := v1.CheckReport{Breaches: []v1.Breach{}}
	err := s.Backend.Node.Check(r.Context(), func(where, what string) {
		report.Count++
		if report.Count <= v1.MaxBreaches {
			report.Breaches = append(report.Breaches, v1.Breach{Where: where, What: what})
		}
	})
	if err != nil {
		return err
	}
	report.OK = report.Count == 0
	return writeJSON(w, http.StatusOK, report)
}

func (s *service) getNode(w http.ResponseWriter, _ *http.Request, _ lode.Principal) error {
	return writeJSON(w, http.StatusOK, s.Backend.Node.Info())
}

func (s *service) getOpenAPI(w http.ResponseWriter, _ *http.Request, _ lode.Principal) error {
	document, err := s.openAPI()
	if err != nil {
		return err
	}
	writeBytes(w, http.StatusOK, v1.MediaTypeJSON, document)
	return nil
}

func (s *service) health(w http.ResponseWriter, _ *http.Request, _ lode.Principal) error {
	return writeJSON(w, http.StatusOK, v1.Health{Status: "ok"})
}

func (s *service) ready(w http.ResponseWriter, r *http.Request, _ lode.Principal) error {
	return writeReadiness(w, s.Backend.Node.Ready(r.Context()), s.Backend.Node.Restrictions()...)
}

func writeReadiness(w http.ResponseWriter, reasons []Reason, restrictions ...Reason) error {
	if len(reasons) == 0 {
		return writeJSON(w, http.StatusOK, v1.Readiness{Ready: true, Reasons: []Reason{}, Restrictions: restrictions})
	}
	w.Header().Set("Cache-Control", "no-store")
	return writeJSON(w, http.StatusServiceUnavailable, v1.Readiness{Reasons: reasons})
}

func (s *service) metrics(w http.ResponseWriter, r *http.Request, _ lode.Principal) error {
	if s.Metrics == nil {
		return lode.NotFound("path", r.URL.Path)
	}
	s.Metrics.ServeHTTP(w, r)
	return nil
}
