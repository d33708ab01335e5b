package api

import (
	"math"
	"net/http"
	"time"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/api/v1"
)

// route is one line of the table from which both the router and the OpenAPI document are
// made, so that neither can know something the other does not.
type route struct {
	method, path string
	id           string // of the OpenAPI operation; client methods are named like it
	tag          string
	summary      string
	about        string // more words, where the summary is not enough
	handle       handlerFunc
	writes       string // what an Idempotency-Key of the route stands for; empty: it takes none
	query        []param
	request      any  // zero value of the JSON body; nil: the route takes no body
	multipart    bool // the body may be multipart/form-data instead
	lines        bool // the body is lines of JSON, each like the request
	frames       bool // the body may be a frame of vectors instead
	replies      []reply
	codes        []lode.Code   // beside those that every route may answer with
	timeout      time.Duration // 0: Options.RequestTimeout
	bulk         bool          // the body may be as large as Options.MaxBodyBytes
	probe        bool          // answered without identity and outside the limit on concurrent work
}

// param is a query parameter.
type param struct {
	name    string
	about   string
	kind    string // JSON Schema type
	enum    []any
	least   float64
	most    float64
	missing any // the default
	example string
}

// reply is a successful answer.
type reply struct {
	status    int
	body      any    // zero value of the JSON body; nil: none
	mediaType string // where the body is not JSON
	frames    bool   // the body may be a frame of vectors instead, for those who accept one
	about     string
}

var (
	limitParam  = param{name: v1.QueryLimit, kind: "integer", about: "Items in one page.", least: 1, most: v1.MaxPageLimit, missing: v1.DefaultPageLimit}
	cursorParam = param{name: v1.QueryCursor, kind: "string", about: "next_cursor of the page before. It is opaque and belongs to one list."}
	stateParam  = param{name: v1.QueryState, kind: "string", about: "State of the newest version.",
		enum: []any{lode.StatePending, lode.StateReady, lode.StateQuarantined}}
	filterParam      = param{name: v1.QueryFilter, kind: "string", about: "A filter on metadata or ids, as JSON.", example: `{"field": "year", "gte": 2020}`}
	consistencyParam = param{name: v1.QueryConsistency, kind: "string", missing: v1.ConsistencyLocal,
		about: "How fresh the answer must be: what this node has, what the leader has, or everything acknowledged before the request.",
		enum:  []any{v1.ConsistencyLocal, v1.ConsistencyLeader, v1.ConsistencyLinearized}}
	asOfParam = param{name: v1.QueryAsOf, kind: "string", example: "2026-11-27T09:30:00Z",
		about: "What was shown at this time, within the history of the collection, and may still be seen. The first question about a time loads the collection as of then; those that follow soon find it loaded."}
	waitParam    = param{name: v1.QueryWait, kind: "boolean", missing: true, about: "Answer when the documents are searchable or in quarantine; false: as soon as they are durable."}
	timeoutParam = param{name: v1.QueryTimeout, kind: "string", missing: "60s", about: "How long to wait, at most 10m. Documents not ready by then are reported as pending.", example: "30s"}

	ifVersionParam = param{name: v1.QueryIfVersion, kind: "integer", least: 1, most: math.MaxUint32, about: "Delete only while the newest version is this one."}

	readParams = []param{consistencyParam}
	askParams  = []param{consistencyParam, asOfParam}

	notFoundOrOther = []lode.Code{lode.CodeNotFound, lode.CodePrecondition} // or at another version
)

// routes is the whole HTTP surface.
func (s *service) routes() []route {
	all := s.collectionRoutes()
	all = append(all, s.documentRoutes()...)
	all = append(all, s.retrieveRoutes()...)
	all = append(all, s.vectorRoutes()...)
	all = append(all, s.patchRoutes()...)
	all = append(all, s.contentsRoutes()...)
	all = append(all, s.embedRoutes()...)
	all = append(all, s.evaluationRoutes()...)
	all = append(all, s.operationRoutes()...)
	all = append(all, s.backupRoutes()...)
	return append(all, s.nodeRoutes()...)
}

func (s *service) collectionRoutes() []route {
	return []route{
		{method: http.MethodPost, path: v1.PathCollections, id: "createCollection", tag: "collections",
			summary: "Make a collection", about: "Its metric, embedder, chunker and vector spaces never change afterwards.",
			handle: s.createCollection, writes: "createCollection", request: v1.CreateCollection{},
			replies: []reply{{status: http.StatusCreated, body: v1.Collection{}, about: "The collection, with every default filled in."}},
			codes:   []lode.Code{lode.CodeConflict, lode.CodeProvider, lode.CodeNoStorage}},
		{method: http.MethodGet, path: v1.PathCollections, id: "listCollections", tag: "collections",
			summary: "List collections in order of name", handle: s.listCollections,
			query:   []param{limitParam, cursorParam, consistencyParam},
			replies: []reply{{status: http.StatusOK, body: v1.CollectionList{}, about: "A page of collections."}}},
		{method: http.MethodGet, path: v1.PathCollection, id: "getCollection", tag: "collections",
			summary: "Show a collection and what it holds", handle: s.getCollection, query: readParams,
			replies: []reply{{status: http.StatusOK, body: v1.Collection{}, about: "The collection with its counts."}},
			codes:   []lode.Code{lode.CodeNotFound}},
		{method: http.MethodPatch, path: v1.PathCollection, id: "updateCollection", tag: "collections",
			summary: "Change the settings of a collection that shape no data", handle: s.updateCollection, writes: "updateCollection", request: v1.UpdateCollection{},
			replies: []reply{{status: http.StatusOK, body: v1.Collection{}, about: "The collection as it is now."}},
			codes:   []lode.Code{lode.CodeNotFound}},
		{method: http.MethodDelete, path: v1.PathCollection, id: "deleteCollection", tag: "collections",
			summary: "Delete a collection with everything in it", handle: s.deleteCollection, writes: "deleteCollection",
			replies: []reply{{status: http.StatusNoContent, about: "Deleted; no later search shows anything of it."}},
			codes:   []lode.Code{lode.CodeNotFound}},
		{method: http.MethodGet, path: v1.PathSegments, id: "listSegments", tag: "collections",
			summary: "List the segments of a collection, oldest first", handle: s.listSegments, query: readParams,
			replies: []reply{{status: http.StatusOK, body: v1.SegmentList{}, about: "The segments as they are on this node."}},
			codes:   []lode.Code{lode.CodeNotFound}},
		{method: http.MethodPost, path: v1.PathSegmentsSeal, id: "sealSegment", tag: "collections",
			summary: "Seal the growing segment of a collection", about: "The node does so by itself when the segment has grown enough. Doing it twice does no harm.",
			handle: s.sealSegment, timeout: maxWait + time.Minute,
			replies: []reply{{status: http.StatusOK, body: v1.Sealed{}, about: "It is sealed."}},
			codes:   []lode.Code{lode.CodeNotFound, lode.CodeConflict}},
	}
}

func (s *service) documentRoutes() []route {
	notFound := []lode.Code{lode.CodeNotFound}
	return []route{
		{method: http.MethodPost, path: v1.PathDocuments, id: "uploadDocuments", tag: "documents",
			summary: "Hand in documents", about: uploadAbout, handle: s.uploadDocuments, writes: "uploadDocuments",
			query: []param{waitParam, timeoutParam}, request: v1.UploadDocuments{}, multipart: true, bulk: true, timeout: maxWait + time.Minute,
			replies: []reply{
				{status: http.StatusOK, body: v1.DocumentResults{}, about: "Every document is searchable."},
				{status: http.StatusAccepted, body: v1.DocumentResults{}, about: "Every document is durable; some are still pending. With a key or wait=false, Location leads to the operation."},
				{status: http.StatusMultiStatus, body: v1.DocumentResults{}, about: "Some documents were refused or put into quarantine; their entries say why."}},
			codes: []lode.Code{lode.CodeNotFound, lode.CodeProvider, lode.CodePrecondition, lode.CodeNoStorage}},
		{method: http.MethodGet, path: v1.PathDocuments, id: "listDocuments", tag: "documents",
			summary: "List documents in the order they were first received", handle: s.listDocuments,
			query:   []param{stateParam, filterParam, limitParam, cursorParam, consistencyParam},
			replies: []reply{{status: http.StatusOK, body: v1.DocumentList{}, about: "A page of documents."}}, codes: notFound},
		{method: http.MethodPost, path: v1.PathDocumentsDelete, id: "deleteDocuments", tag: "documents",
			summary: "Delete several documents", about: selectionAbout, timeout: maxWait + time.Minute, handle: s.deleteDocuments, writes: "deleteDocuments", request: v1.DeleteIDs{},
			replies: deleteReplies, codes: notFound},
		{method: http.MethodGet, path: v1.PathDocument, id: "getDocument", tag: "documents",
			summary: "Show a document", about: idAbout, handle: s.getDocument, query: readParams,
			replies: []reply{{status: http.StatusOK, body: v1.Document{}, about: "The document with its newest version."}}, codes: notFound},
		{method: http.MethodDelete, path: v1.PathDocument, id: "deleteDocument", tag: "documents",
			summary: "Delete a document", about: idAbout, handle: s.deleteDocument, writes: "deleteDocument", query: []param{ifVersionParam},
			replies: []reply{{status: http.StatusNoContent, about: "Deleted; no later search shows it."}}, codes: notFoundOrOther},
		{method: http.MethodGet, path: v1.PathDocumentLayer, id: "getLayer", tag: "documents",
			summary: "Read a document at one layer", about: layerAbout, handle: s.getLayer, query: readParams,
			replies: []reply{{status: http.StatusOK, body: layerReply{}, about: "The layer."}}, codes: notFound},
		{method: http.MethodPost, path: v1.PathDocumentRetry, id: "retryDocument", tag: "documents",
			summary: "Process a document in quarantine again", about: idAbout, handle: s.retryDocument, writes: "retryDocument",
			replies: []reply{{status: http.StatusAccepted, body: v1.RetryResult{}, about: "Processing has begun; Location leads to the operation."}},
			codes:   []lode.Code{lode.CodeNotFound, lode.CodeConflict}},
		{method: http.MethodGet, path: v1.PathQuarantine, id: "listQuarantine", tag: "documents",
			summary: "List the documents whose newest version failed", handle: s.listQuarantine,
			query:   []param{limitParam, cursorParam, consistencyParam},
			replies: []reply{{status: http.StatusOK, body: v1.DocumentList{}, about: "A page of documents; failure says why."}}, codes: notFound},
	}
}

func (s *service) retrieveRoutes() []route {
	notFound := []lode.Code{lode.CodeNotFound}
	return []route{
		{method: http.MethodPost, path: v1.PathRetrieve, id: "retrieve", tag: "retrieval",
			summary: "Find the passages that answer a question", about: "Answers with the best passages and with the same passages as numbered text for a model, within a token budget.",
			handle: s.retrieve, query: askParams, request: v1.Retrieve{},
			replies: []reply{{status: http.StatusOK, body: v1.Retrieved{}, about: "Hits and context."}},
			codes:   []lode.Code{lode.CodeNotFound, lode.CodeConflict, lode.CodeProvider}},
		{method: http.MethodPost, path: v1.PathAnswersCheck, id: "checkAnswer", tag: "retrieval",
			summary: "Hold an answer against the passages that it cites", about: "Compares words, numbers and names, not meanings, and follows each citation to the bytes that were received.",
			handle: s.checkAnswer, query: askParams, request: v1.CheckAnswer{},
			replies: []reply{{status: http.StatusOK, body: v1.CheckedAnswer{}, about: "Each sentence with its verdict, each citation with what it leads to."}}, codes: notFound},
		{method: http.MethodPost, path: v1.PathRetrieveSeveral, id: "retrieveSeveral", tag: "retrieval",
			summary: "Find the passages of several collections that answer a question", about: "As retrieve, with one ranking of all their passages. Each collection must exist for the caller, and their vectors must compare.",
			handle: s.retrieveSeveral, query: askParams, request: v1.Retrieve{},
			replies: []reply{{status: http.StatusOK, body: v1.Retrieved{}, about: "Hits and context."}},
			codes:   []lode.Code{lode.CodeNotFound, lode.CodeConflict, lode.CodeProvider}},
		{method: http.MethodPost, path: v1.PathWhyNot, id: "whyNot", tag: "retrieval",
			summary: "Say why a document is not in the answer to a question", about: whyNotAbout, handle: s.whyNot, query: readParams, request: v1.WhyNot{},
			replies: []reply{{status: http.StatusOK, body: v1.WhyNotAnswer{}, about: "Where it is lost, and what would bring it back."}},
			codes:   []lode.Code{lode.CodeNotFound, lode.CodeConflict, lode.CodeProvider}},
		{method: http.MethodGet, path: v1.PathChunk, id: "getChunk", tag: "retrieval",
			summary: "Show a chunk", handle: s.getChunk, query: askParams,
			replies: []reply{{status: http.StatusOK, body: v1.Chunk{}, about: "The chunk."}}, codes: notFound},
		{method: http.MethodGet, path: v1.PathChunkTrace, id: "traceChunk", tag: "retrieval",
			summary: "Follow a chunk back to the bytes it came from", about: "Every hash on the way is recomputed from stored bytes.",
			handle: s.traceChunk, query: askParams,
			replies: []reply{{status: http.StatusOK, body: v1.Trace{}, about: "The way back, with the outcome of every check."}}, codes: notFound},
	}
}

func (s *service) vectorRoutes() []route {
	notFound := []lode.Code{lode.CodeNotFound}
	put := route{method: http.MethodPut, path: v1.PathVectors, id: "putVectors", tag: "vectors",
		summary: "Write raw vectors", about: "Those with a known id are replaced. POST does the same. " + framesAbout,
		handle: s.putVectors, writes: "putVectors", request: v1.PutVectors{}, frames: true, bulk: true, codes: append(notFoundOrOther[:len(notFoundOrOther):len(notFoundOrOther)], lode.CodeNoStorage),
		replies: []reply{
			{status: http.StatusOK, body: v1.PointResults{}, about: "Every vector is searchable."},
			{status: http.StatusMultiStatus, body: v1.PointResults{}, about: "Some vectors were refused; their entries say why."}}}
	post := put
	post.method, post.id = http.MethodPost, "postVectors"
	return []route{put, post,
		{method: http.MethodPost, path: v1.PathVectorsSearch, id: "searchVectors", tag: "vectors",
			summary: "Find the nearest vectors, or the rows that a sparse vector has most in common with", about: spacesAbout + framesAbout, handle: s.searchVectors, query: askParams, request: v1.SearchVectors{}, frames: true,
			replies: []reply{{status: http.StatusOK, body: v1.VectorHits{}, frames: true, about: "The nearest, best first."}}, codes: notFound},
		{method: http.MethodPost, path: v1.PathVectorsBatch, id: "searchVectorsBatch", tag: "vectors",
			summary: "Find the vectors nearest to each of several", about: "All are searched in one state of the collection. " + framesAbout,
			handle: s.searchVectorsBatch, query: askParams, request: v1.SearchVectorsBatch{}, frames: true,
			replies: []reply{{status: http.StatusOK, body: v1.VectorHitsBatch{}, frames: true, about: "The results, in the order of the request."}}, codes: notFound},
		{method: http.MethodPost, path: v1.PathVectorsDelete, id: "deleteVectors", tag: "vectors",
			summary: "Delete several raw vectors", about: selectionAbout, timeout: maxWait + time.Minute, handle: s.deleteVectors, writes: "deleteVectors", request: v1.DeleteIDs{},
			replies: deleteReplies, codes: notFound},
		{method: http.MethodGet, path: v1.PathVector, id: "getVector", tag: "vectors",
			summary: "Show a raw vector", about: idAbout, handle: s.getVector, query: readParams,
			replies: []reply{{status: http.StatusOK, body: v1.Point{}, about: "The vector."}}, codes: notFound},
		{method: http.MethodDelete, path: v1.PathVector, id: "deleteVector", tag: "vectors",
			summary: "Delete a raw vector", about: idAbout, handle: s.deleteVector, writes: "deleteVector", query: []param{ifVersionParam},
			replies: []reply{{status: http.StatusNoContent, about: "Deleted; no later search shows it."}}, codes: notFoundOrOther},
	}
}

func (s *service) nodeRoutes() []route {
	return []route{
		{method: http.MethodPost, path: v1.PathCheck, id: "check", tag: "node", timeout: time.Hour,
			summary: "Walk everything stored and report every breach", handle: s.check,
			replies: []reply{{status: http.StatusOK, body: v1.CheckReport{}, about: "What was found, also when it is bad."}}},
		{method: http.MethodGet, path: v1.PathNode, id: "getNode", tag: "node",
			summary: "Describe the node that answers", handle: s.getNode,
			replies: []reply{{status: http.StatusOK, body: v1.NodeInfo{}, about: "The node."}}},
		{method: http.MethodGet, path: v1.PathNodeUsage, id: "getNodeUsage", tag: "node",
			summary: "What the node uses of memory and disk, and its limits", handle: s.getNodeUsage,
			replies: []reply{{status: http.StatusOK, body: v1.NodeUsage{}, about: "The usage, as of now or a few seconds ago."}}},
		{method: http.MethodGet, path: v1.PathOpenAPI, id: "getOpenAPI", tag: "node", probe: true,
			summary: "This document", handle: s.getOpenAPI,
			replies: []reply{{status: http.StatusOK, body: map[string]any{}, about: "An OpenAPI 3.1 document."}}},
		{method: http.MethodGet, path: v1.PathHealth, id: "health", tag: "node", probe: true,
			summary: "Say that the process answers", handle: s.health,
			replies: []reply{{status: http.StatusOK, body: v1.Health{}, about: "It does."}}},
		{method: http.MethodGet, path: v1.PathReady, id: "ready", tag: "node", probe: true,
			summary: "Say whether the node serves", handle: s.ready,
			replies: []reply{
				{status: http.StatusOK, body: v1.Readiness{}, about: "It serves."},
				{status: http.StatusServiceUnavailable, body: v1.Readiness{}, about: "It does not serve, for these reasons."}}},
		{method: http.MethodGet, path: v1.PathMetrics, id: "metrics", tag: "node", probe: true,
			summary: "Figures of the node for Prometheus", handle: s.metrics,
			replies: []reply{{status: http.StatusOK, mediaType: "text/plain", about: "Prometheus text format."}}},
	}
}

var deleteReplies = []reply{
	{status: http.StatusOK, body: v1.DeleteResults{}, about: "Everything that was selected is deleted; no later search shows it."},
	{status: http.StatusMultiStatus, body: v1.DeleteResults{}, about: "Some could not be deleted; their entries say why."},
}

const (
	idAbout    = "The id is one percent-encoded path segment: guide/a.md is written guide%2Fa.md."
	layerAbout = idAbout + " bronze answers with the bytes as received, silver with the canonical text, gold with the chunks. bronze is that of the newest version, silver and gold of the one that search shows."
	keyAbout   = "Names the write: 1 to 128 visible ASCII characters, another one for each write and the same one only for its repetition. " +
		"The write takes effect once. Repeated under its key it is answered with the outcome that was recorded, also after a restart; the same key for another request is a conflict. " +
		"Refusals before anything was recorded (wrong values, overloaded, unavailable) do not use the key. The last 10,000 writes of a client are kept. The answer names the operation in X-Lode-Operation."
	whyNotAbout    = "The question is asked, the document looked for where it is lost, that reason removed, and so on until nothing is in the way. A document that the caller may not see is not_found, as one that is not there."
	operationAbout = "Knows writes with an Idempotency-Key, and uploads with wait=false and retries even without. Those of others do not exist."
	spacesAbout    = "using names the space that is searched, of those that the collection has beside the vectors of every row. "
	framesAbout    = "Bodies may be binary frames of " + v1.MediaTypeVectors + " instead of JSON, see docs/wire.md: that of the request by its Content-Type, that of an answer with hits by Accept."
	uploadAbout    = "Either JSON, or multipart/form-data with any number of parts named file. " +
		"A file may be preceded by one part named document (JSON: id, uri, media_type, name, metadata, readers, expires_at, language, if_version) or one named metadata (JSON: the metadata alone) about it. " +
		"The body is read to its end before anything is stored, so a broken request changes nothing. " +
		"The same bytes again change nothing; other bytes under a known id become a new version. " +
		"A request with a single document that is refused answers with that document's problem."
)
