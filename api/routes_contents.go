package api

import (
	"net/http"
	"time"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/api/v1"
)

const (
	selectionAbout = "With ids those, with ids and a filter those of them that match, with a filter alone all that match and that the caller may see. " +
		"Very many are changed in several steps: each is visible as a whole, and what stops to match before its step is left alone. "
	patchAbout = "delete goes before set; both take paths as filters do. replace stands for all of the metadata, readers for all labels. " +
		"Content, versions and vectors stay, nothing is processed again. When the answer comes no later search shows what was before. "
	walkAbout = "Answers from what searches show: documents that are being processed or failed are not in it."
)

// patchRoutes are the writes about what is selected.
func (s *service) patchRoutes() []route {
	codes := []lode.Code{lode.CodeNotFound, lode.CodeNoStorage}
	patched := []reply{
		{status: http.StatusOK, body: v1.PatchResults{}, about: "Everything that was selected is as it shall be."},
		{status: http.StatusMultiStatus, body: v1.PatchResults{}, about: "Some ids were refused; their entries say why."}}
	gone := reply{status: http.StatusNoContent, about: "Patched; the caller may not see it any more, or it was deleted since."}
	long := maxWait + time.Minute
	return []route{
		{method: http.MethodPatch, path: v1.PathDocuments, id: "patchDocuments", tag: "documents",
			summary: "Change metadata, readers or expiry of documents", about: selectionAbout + patchAbout, handle: s.patchDocuments, writes: "patchDocuments",
			request: v1.PatchSelected{}, replies: patched, codes: codes, timeout: long},
		{method: http.MethodPatch, path: v1.PathDocument, id: "patchDocument", tag: "documents",
			summary: "Change metadata, readers or expiry of a document", about: idAbout + " " + patchAbout, handle: s.patchDocument, writes: "patchDocument", request: lode.Patch{},
			replies: []reply{{status: http.StatusOK, body: v1.Document{}, about: "The document as it is now."}, gone}, codes: codes},
		{method: http.MethodPatch, path: v1.PathVectors, id: "patchVectors", tag: "vectors",
			summary: "Change metadata, readers or expiry of raw vectors", about: selectionAbout + patchAbout, handle: s.patchVectors, writes: "patchVectors",
			request: v1.PatchSelected{}, replies: patched, codes: codes, timeout: long},
		{method: http.MethodPatch, path: v1.PathVector, id: "patchVector", tag: "vectors",
			summary: "Change metadata, readers or expiry of a raw vector", about: idAbout + " " + patchAbout, handle: s.patchVector, writes: "patchVector", request: lode.Patch{},
			replies: []reply{{status: http.StatusOK, body: v1.Point{}, about: "The vector as it is now."}, gone}, codes: codes},
	}
}

// contentsRoutes are the reads of what searches show.
func (s *service) contentsRoutes() []route {
	notFound := []lode.Code{lode.CodeNotFound}
	return []route{
		{method: http.MethodPost, path: v1.PathCount, id: "count", tag: "retrieval",
			summary: "Count what a filter matches", about: walkAbout, handle: s.count, query: askParams, request: v1.Count{},
			replies: []reply{{status: http.StatusOK, body: v1.Counts{}, about: "The counts."}}, codes: notFound},
		{method: http.MethodPost, path: v1.PathFacets, id: "facets", tag: "retrieval",
			summary: "Count the values of a metadata field", about: walkAbout, handle: s.facets, query: askParams, request: v1.Facets{},
			replies: []reply{{status: http.StatusOK, body: v1.FacetCounts{}, about: "The values, the most frequent first."}}, codes: notFound},
		{method: http.MethodPost, path: v1.PathScroll, id: "scroll", tag: "retrieval",
			summary: "Walk documents and raw vectors in any order", about: walkAbout + " Every page is of the state at its time; what is there all the while is met once.", handle: s.scroll,
			query: askParams, request: v1.Scroll{},
			replies: []reply{{status: http.StatusOK, body: v1.ScrollPage{}, about: "A page."}}, codes: notFound},
		{method: http.MethodPost, path: v1.PathRecall, id: "measureRecall", tag: "vectors",
			summary: "Measure how much of what an exact search finds a search finds", about: "Searches for a sample of queries as searches do, and exactly; both take their time on this node.",
			handle: s.measureRecall, query: readParams, request: v1.MeasureRecall{}, timeout: maxWait + time.Minute,
			replies: []reply{{status: http.StatusOK, body: v1.Recall{}, about: "The recall."}}, codes: notFound},
		{method: http.MethodPost, path: v1.PathVectorsGroups, id: "searchGroups", tag: "vectors",
			summary: "Find the documents with the nearest vectors", handle: s.searchGroups, query: askParams, request: v1.SearchGroups{},
			replies: []reply{{status: http.StatusOK, body: v1.VectorGroups{}, about: "The documents, best first, each with its nearest rows."}}, codes: notFound},
		{method: http.MethodPost, path: v1.PathRecommend, id: "recommend", tag: "vectors",
			summary: "Find rows like some examples and unlike others", handle: s.recommend, query: askParams, request: v1.Recommend{},
			replies: []reply{{status: http.StatusOK, body: v1.VectorHits{}, about: "The rows that score best, best first."}}, codes: []lode.Code{lode.CodeNotFound, lode.CodeProvider}},
	}
}
