package api

import (
	"net/http"

	"github.com/lodedb/lode"
)

func (s *service) getNodeUsage(w http.ResponseWriter, r *http.Request, p lode.Principal) error {
	usage, err := s.Backend.Node.Usage(r.Context(), p)
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, usage)
}
