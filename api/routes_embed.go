package api

import (
	"net/http"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/api/v1"
)

func (s *service) embedRoutes() []route {
	return []route{
		{method: http.MethodPost, path: v1.PathEmbed, id: "embed", tag: "embedding",
			summary: "Embed texts", about: embedAbout, handle: s.embed, query: readParams, request: v1.Embed{}, bulk: true,
			replies: []reply{{status: http.StatusOK, body: v1.Embedded{}, frames: true, about: "The vectors."}},
			codes:   []lode.Code{lode.CodeNotFound, lode.CodeConflict, lode.CodeProvider}},
		{method: http.MethodGet, path: v1.PathEmbedUsage, id: "getEmbedUsage", tag: "embedding",
			summary: "What embedding has cost", handle: s.getEmbedUsage,
			replies: []reply{{status: http.StatusOK, body: v1.EmbedUsage{}, about: "Texts, requests, tokens and cost."}}},
		{method: http.MethodDelete, path: v1.PathEmbedCache, id: "clearEmbedCache", tag: "embedding",
			summary: "Forget the vectors that are kept of texts", about: clearAbout, handle: s.clearEmbedCache,
			replies: []reply{{status: http.StatusNoContent, about: "Nothing is kept any more."}}},
	}
}

const (
	embedAbout = "Either as a collection does, or with an embedder that is named, which is for those who may see everything. " +
		"The same text is embedded once: vectors of providers are kept. The answer may be a frame of " + v1.MediaTypeVectors + ", by Accept; the fingerprint is then in X-Lode-Fingerprint."
	clearAbout = "Vectors of texts that were embedded by providers are kept for a while, also of documents that are deleted. Afterwards nothing is, and copies of the files cannot be matched with texts. Doing it twice does no harm."
)
