package v1

import (
	"net/url"
	"strings"

	"github.com/lodedb/lode"
)

// The route patterns. A name in braces is one percent-encoded segment.
const (
	PathCollections     = "/v1/collections"
	PathCollection      = "/v1/collections/{collection}"
	PathSegments        = "/v1/collections/{collection}/segments"
	PathSegmentsSeal    = "/v1/collections/{collection}/segments/seal"
	PathDocuments       = "/v1/collections/{collection}/documents"
	PathDocumentsDelete = "/v1/collections/{collection}/documents/delete"
	PathDocument        = "/v1/collections/{collection}/documents/{id}"
	PathDocumentLayer   = "/v1/collections/{collection}/documents/{id}/layers/{layer}"
	PathDocumentRetry   = "/v1/collections/{collection}/documents/{id}/retry"
	PathCount           = "/v1/collections/{collection}/count"
	PathFacets          = "/v1/collections/{collection}/facets"
	PathRecall          = "/v1/collections/{collection}/recall"
	PathScroll          = "/v1/collections/{collection}/scroll"
	PathQuarantine      = "/v1/collections/{collection}/quarantine"
	PathRetrieve        = "/v1/collections/{collection}/retrieve"
	PathAnswersCheck    = "/v1/collections/{collection}/answers/check"
	PathRetrieveSeveral = "/v1/retrieve"
	PathWhyNot          = "/v1/collections/{collection}/why-not"
	PathChunk           = "/v1/collections/{collection}/chunks/{chunk}"
	PathChunkTrace      = "/v1/collections/{collection}/chunks/{chunk}/trace"
	PathVectors         = "/v1/collections/{collection}/vectors"
	PathVectorsSearch   = "/v1/collections/{collection}/vectors/search"
	PathVectorsBatch    = "/v1/collections/{collection}/vectors/search/batch"
	PathVectorsGroups   = "/v1/collections/{collection}/vectors/search/groups"
	PathRecommend       = "/v1/collections/{collection}/vectors/recommend"
	PathVectorsDelete   = "/v1/collections/{collection}/vectors/delete"
	PathVector          = "/v1/collections/{collection}/vectors/{id}"
	PathEmbed           = "/v1/embed"
	PathEmbedUsage      = "/v1/embed/usage"
	PathEmbedCache      = "/v1/embed/cache"
	PathOperations      = "/v1/operations"
	PathOperation       = "/v1/operations/{operation}"
	PathCheck           = "/v1/check"
	PathNode            = "/v1/node"
	PathNodeUsage       = "/v1/node/usage"
	PathOpenAPI         = "/v1/openapi.json"
	PathHealth          = "/healthz"
	PathReady           = "/readyz"
	PathMetrics         = "/metrics"
)

// The query parameters.
const (
	QueryWait        = "wait"        // documents: answer when the documents are searchable
	QueryTimeout     = "timeout"     // documents: how long to wait
	QueryConsistency = "consistency" // reads: how fresh the answer must be
	QueryAsOf        = "as_of"       // searches: a time within the history of the collection
	QueryLimit       = "limit"       // lists: items in one page
	QueryCursor      = "cursor"      // lists: where the page begins
	QueryState       = "state"       // documents: of the newest version
	QueryFilter      = "filter"      // documents: a JSON filter on metadata
	QueryIfVersion   = "if_version"  // deletion: only while the newest version is this one
	QueryKey         = "key"         // operations: the Idempotency-Key of the write
)

// DefaultPageLimit is the number of items in a page when none is asked for, MaxPageLimit
// the most that can be asked for.
const (
	DefaultPageLimit = 100
	MaxPageLimit     = 1000
)

// The headers and media types.
const (
	HeaderRequestID    = "X-Request-Id"
	HeaderKey          = "Idempotency-Key"    // names a write; the same one again takes effect once
	HeaderOperation    = "X-Lode-Operation"   // id of the operation that a write with a key is
	HeaderBronze       = "X-Lode-Bronze"      // SHA-256 of the bytes of a bronze layer
	HeaderFingerprint  = "X-Lode-Fingerprint" // of what made the vectors of a frame
	HeaderVersion      = "X-Lode-Version"     // version of the document that a bronze layer belongs to
	MediaTypeJSON      = "application/json"
	MediaTypeProblem   = "application/problem+json"
	MediaTypeMultipart = "multipart/form-data"
	MediaTypeVectors   = "application/vnd.lode.vectors" // binary bodies about vectors; see the frames
)

// The read levels.
const (
	ConsistencyLocal      = "local"        // what this node has
	ConsistencyLeader     = "leader"       // what the leader has, as far as it knows that it leads
	ConsistencyLinearized = "linearizable" // everything that was acknowledged before the request
)

// EscapeID makes one path segment of any id or name. Dots alone are encoded too, so that
// clients and proxies that tidy paths leave "." and ".." alone.
func EscapeID[T ~string](id T) string {
	switch id {
	case ".", "..":
		return strings.ReplaceAll(string(id), ".", "%2E")
	}
	return url.PathEscape(string(id))
}

// Path fills a route pattern with segments in order, each escaped.
func Path(pattern string, segments ...string) string {
	var b strings.Builder
	for _, segment := range segments {
		open := strings.IndexByte(pattern, '{')
		if open < 0 {
			break
		}
		b.WriteString(pattern[:open])
		b.WriteString(EscapeID(segment))
		pattern = pattern[open+strings.IndexByte(pattern[open:], '}')+1:]
	}
	b.WriteString(pattern)
	return b.String()
}

// DocumentPath is the path of a document.
func DocumentPath(collection string, id lode.DocID) string {
	return Path(PathDocument, collection, string(id))
}

// LayerPath is the path of one layer of a document.
func LayerPath(collection string, id lode.DocID, layer lode.Layer) string {
	return Path(PathDocumentLayer, collection, string(id), string(layer))
}

// OperationPath is the path of an operation.
func OperationPath(id string) string { return Path(PathOperation, id) }

// VectorPath is the path of a raw vector.
func VectorPath(collection string, id lode.DocID) string {
	return Path(PathVector, collection, string(id))
}

// ChunkPath is the path of a chunk, TracePath that of its trace.
func ChunkPath(collection string, id lode.ChunkID) string {
	return Path(PathChunk, collection, id.String())
}

// TracePath is the path of a chunk's way back to its bronze bytes.
func TracePath(collection string, id lode.ChunkID) string {
	return Path(PathChunkTrace, collection, id.String())
}
