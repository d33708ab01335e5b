package api_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/api"
	"github.com/lodedb/lode/api/v1"
)

const jsonType = "application/json"

// multipartBody builds a multipart body by hand; each part is "header lines\n\nbody".
func multipartBody(parts ...string) string {
	var b strings.Builder
	for _, part := range parts {
		head, body, _ := strings.Cut(part, "\n\n")
		b.WriteString("--B\r\n" + strings.ReplaceAll(head, "\n", "\r\n") + "\r\n\r\n" + body + "\r\n")
	}
	return b.String() + "--B--\r\n"
}

func filePart(name, body string) string {
	return `Content-Disposition: form-data; name="file"; filename="` + name + `"` + "\n\n" + body
}

func jsonPart(name, body string) string {
	return `Content-Disposition: form-data; name="` + name + `"` + "\nContent-Type: application/json\n\n" + body
}

const multipartType = "multipart/form-data; boundary=B"

func manyMembers(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, `"m%d":1,`, i)
	}
	return strings.TrimSuffix(b.String(), ",")
}

// TestBadInput sends everything that a caller can get wrong. Each case has a coded answer
// with field and value, and nothing is written.
func TestBadInput(t *testing.T) {
	const docs, vectors = "/v1/collections/docs/documents", "/v1/collections/docs/vectors"
	const retrieve, search = "/v1/collections/docs/retrieve", "/v1/collections/docs/vectors/search"
	const contents = "/v1/collections/docs/"
	deep := strings.Repeat(`{"and":[`, 40) + strings.Repeat(`]}`, 40)
	cases := []struct {
		name, method, path, contentType, body string
		code                                  lode.Code
		field, value                          string // a prefix of the value
	}{
		{"empty body", "POST", docs, jsonType, "", lode.CodeMalformed, "body", ""},
		{"blank body", "POST", retrieve, jsonType, " \n ", lode.CodeMalformed, "body", ""},
		{"empty document", "POST", docs, jsonType, `{"documents":[{"id":"a","content":""}]}`, lode.CodeInvalid, "documents[0].content", ""},
		{"no content", "POST", docs, jsonType, `{"documents":[{"id":"a"}]}`, lode.CodeInvalid, "documents[0].content", ""},
		{"both contents", "POST", docs, jsonType, `{"documents":[{"content":"a","content_base64":"YQ=="}]}`, lode.CodeInvalid, "documents[0].content", ""},
		{"no documents", "POST", docs, jsonType, `{"documents":[]}`, lode.CodeInvalid, "documents", ""},
		{"nothing", "POST", docs, jsonType, `{}`, lode.CodeInvalid, "documents", ""},
		{"null", "POST", docs, jsonType, `null`, lode.CodeInvalid, "body", "null"},
		{"null member", "POST", docs, jsonType, `{"documents":[{"id":null,"content":"a"}]}`, lode.CodeInvalid, "documents[0].id", "null"},
		{"a list", "POST", docs, jsonType, `[]`, lode.CodeInvalid, "body", "[]"},
		{"truncated JSON", "POST", docs, jsonType, `{"documents":[{"content":"abc`, lode.CodeMalformed, "documents[0].content", ""},
		{"trailing data", "POST", retrieve, jsonType, `{"text":"a"}{}`, lode.CodeMalformed, "body", "{"},
		{"trailing comma", "POST", retrieve, jsonType, `{"text":"a",}`, lode.CodeMalformed, "body", "}"},
		{"repeated member", "POST", retrieve, jsonType, `{"text":"a","text":"b"}`, lode.CodeMalformed, "text", "text"},
		{"repeated in metadata", "POST", docs, jsonType, `{"documents":[{"content":"a","metadata":{"x":1,"x":2}}]}`, lode.CodeMalformed, "documents[0].metadata.x", "x"},
		{"broken UTF-8", "POST", docs, jsonType, "{\"documents\":[{\"content\":\"\xff\"}]}", lode.CodeMalformed, "body", ""},
		{"lone surrogate", "POST", docs, jsonType, `{"documents":[{"content":"\ud800"}]}`, lode.CodeMalformed, "documents[0].content", ""},
		{"UTF-16 body", "POST", retrieve, "application/json; charset=utf-16", "\xff\xfe{", lode.CodeUnsupportedMedia, "Content-Type", "application/json; charset=utf-16"},
		{"wrong base64", "POST", docs, jsonType, `{"documents":[{"content_base64":"@@"}]}`, lode.CodeMalformed, "documents[0].content_base64", ""},
		{"control character in id", "POST", docs, jsonType, `{"documents":[{"id":"a\u0000b","content":"a"}]}`, lode.CodeInvalid, "documents[0].id", "a\x00b"},
		{"id too long", "POST", docs, jsonType, `{"documents":[{"id":"` + strings.Repeat("x", 1025) + `","content":"a"}]}`, lode.CodeInvalid, "documents[0].id", "xxx"},
		{"metadata nested too deep", "POST", docs, jsonType, `{"documents":[{"content":"a","metadata":{"x":` + strings.Repeat("[{\"y\":", 5) + "1" + strings.Repeat("}]", 5) + `}}]}`, lode.CodeInvalid, "documents[0].metadata.x[0].y[0].y[0].y[0].y", "9"},
		{"list in a list", "POST", docs, jsonType, `{"documents":[{"content":"a","metadata":{"x":[[1]]}}]}`, lode.CodeInvalid, "documents[0].metadata.x[0]", "list"},

		{"wrong content type", "POST", docs, "text/plain", "hello", lode.CodeUnsupportedMedia, "Content-Type", "text/plain"},
		{"no content type", "POST", retrieve, "", `{"text":"a"}`, lode.CodeUnsupportedMedia, "Content-Type", ""},
		{"multipart where JSON is due", "POST", retrieve, multipartType, "", lode.CodeUnsupportedMedia, "Content-Type", "multipart"},

		{"NaN vector", "PUT", vectors, jsonType, `{"points":[{"id":"a","vector":[1,NaN]}]}`, lode.CodeMalformed, "points[0].vector[1]", "NaN"},
		{"infinite vector", "PUT", vectors, jsonType, `{"points":[{"id":"a","vector":[Infinity,1]}]}`, lode.CodeMalformed, "points[0].vector[0]", "Infinity"},
		{"minus infinity", "POST", search, jsonType, `{"vector":[-Infinity,1]}`, lode.CodeMalformed, "vector[0]", "Infinity"},
		{"float32 overflow", "PUT", vectors, jsonType, `{"points":[{"id":"a","vector":[1,1e39]}]}`, lode.CodeInvalid, "points[0].vector[1]", "1e39"},
		{"float64 overflow", "POST", search, jsonType, `{"vector":[1,1e999]}`, lode.CodeInvalid, "vector[1]", "1e999"},
		{"word in vector", "POST", search, jsonType, `{"vector":[1,"x"]}`, lode.CodeInvalid, "vector[1]", `"x"`},
		{"wrong dimension", "PUT", vectors, jsonType, `{"points":[{"id":"a","vector":[1,2,3]}]}`, lode.CodeInvalid, "points[0].vector", "3"},
		{"zero vector", "PUT", vectors, jsonType, `{"points":[{"id":"a","vector":[0,0]}]}`, lode.CodeInvalid, "points[0].vector", "0"},
		{"empty vector", "POST", search, jsonType, `{"vector":[]}`, lode.CodeInvalid, "vector", ""},
		{"wrong dimension in search", "POST", search, jsonType, `{"vector":[1]}`, lode.CodeInvalid, "vector", "1"},
		{"too many dimensions", "POST", search, jsonType, `{"vector":[` + strings.Repeat("1,", 8192) + `1]}`, lode.CodeInvalid, "vector", "8193"},
		{"point without id", "PUT", vectors, jsonType, `{"points":[{"vector":[1,2]}]}`, lode.CodeInvalid, "points[0].id", ""},
		{"no points", "POST", vectors, jsonType, `{"points":[]}`, lode.CodeInvalid, "points", ""},

		{"unknown collection", "POST", "/v1/collections/nope/retrieve", jsonType, `{"text":"a"}`, lode.CodeNotFound, "collection", "nope"},
		{"upload to unknown collection", "POST", "/v1/collections/nope/documents", jsonType, `{"documents":[{"content":"a"},{"content":"b"}]}`, lode.CodeNotFound, "collection", "nope"},
		{"unknown document", "GET", docs + "/nope", "", "", lode.CodeNotFound, "document", "nope"},
		{"delete unknown document", "DELETE", docs + "/nope", "", "", lode.CodeNotFound, "document", "nope"},
		{"unknown chunk", "GET", "/v1/collections/docs/chunks/ch-9-9-9", "", "", lode.CodeNotFound, "chunk", "ch-9-9-9"},
		{"chunk that is none", "GET", "/v1/collections/docs/chunks/x/trace", "", "", lode.CodeInvalid, "chunk", "x"},
		{"unknown layer", "GET", docs + "/a/layers/lead", "", "", lode.CodeInvalid, "layer", "lead"},
		{"unknown path", "GET", "/v1/nope", "", "", lode.CodeNotFound, "path", "/v1/nope"},
		{"unknown method", "PUT", "/v1/collections/docs", "", "", v1.CodeMethodNotAllowed, "method", "PUT"},
		{"nothing to update", "PATCH", "/v1/collections/docs", jsonType, "{}", lode.CodeInvalid, "memory", ""},
		{"unknown memory mode", "PATCH", "/v1/collections/docs", jsonType, `{"memory":"warm"}`, lode.CodeInvalid, "memory", "warm"},
		{"index of no field", "PATCH", "/v1/collections/docs", jsonType, `{"indexes":[""]}`, lode.CodeInvalid, "indexes[0]", ""},
		{"index named twice", "PATCH", "/v1/collections/docs", jsonType, `{"indexes":["a","a"]}`, lode.CodeInvalid, "indexes[1]", "a"},
		{"language by its name", "PATCH", "/v1/collections/docs", jsonType, `{"language":"german"}`, lode.CodeInvalid, "language", "german"},
		{"synonym of nothing", "PATCH", "/v1/collections/docs", jsonType, `{"glossary":[{"name":"","also":["a"]}]}`, lode.CodeInvalid, "glossary[0].name", ""},
		{"name without synonyms", "PATCH", "/v1/collections/docs", jsonType, `{"glossary":[{"name":"a","also":[]}]}`, lode.CodeInvalid, "glossary[0].also", "0"},
		{"unknown member of a synonym", "PATCH", "/v1/collections/docs", jsonType, `{"glossary":[{"name":"a","of":["b"]}]}`, lode.CodeUnknownField, "glossary[0].of", ""},
		{"new collection in a language by its name", "POST", "/v1/collections", jsonType, `{"name":"a","language":"german"}`, lode.CodeInvalid, "language", "german"},

		{"unknown field", "POST", retrieve, jsonType, `{"text":"a","topk":3}`, lode.CodeUnknownField, "topk", ""},
		{"unknown field in case", "POST", retrieve, jsonType, `{"Text":"a"}`, lode.CodeUnknownField, "Text", ""},
		{"unknown field deep", "POST", docs, jsonType, `{"documents":[{"content":"a"},{"content":"a","meta":{}}]}`, lode.CodeUnknownField, "documents[1].meta", ""},
		{"unknown parameter", "GET", docs + "?page=2", "", "", lode.CodeUnknownField, "page", "2"},
		{"repeated parameter", "GET", docs + "?limit=2&limit=3", "", "", lode.CodeInvalid, "limit", "3"},
		{"broken query", "GET", docs + "?limit=%zz", "", "", lode.CodeMalformed, "query", "limit=%zz"},

		{"filter of the wrong type", "POST", retrieve, jsonType, `{"text":"a","filter":5}`, lode.CodeInvalid, "filter", "5"},
		{"filter with a list", "POST", retrieve, jsonType, `{"text":"a","filter":{"and":{"field":"x","eq":1}}}`, lode.CodeInvalid, "filter.and", ""},
		{"filter bound of the wrong type", "POST", search, jsonType, `{"vector":[1,0],"filter":{"field":"x","gte":true}}`, lode.CodeInvalid, "filter.gte", "bool"},
		{"filter with unknown test", "POST", retrieve, jsonType, `{"text":"a","filter":{"or":[{"field":"x","like":"y"}]}}`, lode.CodeUnknownField, "filter.or[0].like", ""},
		{"filter parameter", "GET", docs + "?filter=%7B%22field%22%3A1%7D", "", "", lode.CodeInvalid, "filter.field", "1"},
		{"filter parameter that is no JSON", "GET", docs + "?filter=year", "", "", lode.CodeMalformed, "filter", "year"},
		{"filter polygon", "POST", retrieve, jsonType, `{"text":"a","filter":{"field":"x","geo_polygon":{"exterior":[{"lat":1,"lon":1},{"lat":1,"lon":181},{"lat":2,"lon":1}]}}}`, lode.CodeInvalid, "filter.geo_polygon.exterior[1].lon", "181"},
		{"filter too deep", "POST", retrieve, jsonType, `{"text":"a","filter":` + strings.Repeat(`{"not":`, 17) + `{}` + strings.Repeat(`}`, 17) + `}`, lode.CodeInvalid, "filter.not[0].not[0]", "17"},

		{"k zero", "POST", retrieve, jsonType, `{"text":"a","k":0}`, lode.CodeInvalid, "k", "0"},
		{"k zero in search", "POST", search, jsonType, `{"vector":[1,0],"k":0}`, lode.CodeInvalid, "k", "0"},
		{"k huge", "POST", retrieve, jsonType, `{"text":"a","k":1000000000}`, lode.CodeInvalid, "k", "1000000000"},
		{"k negative", "POST", retrieve, jsonType, `{"text":"a","k":-1}`, lode.CodeInvalid, "k", "-1"},
		{"k beyond 64 bits", "POST", retrieve, jsonType, `{"text":"a","k":99999999999999999999}`, lode.CodeInvalid, "k", "99999999999999999999"},
		{"k fraction", "POST", retrieve, jsonType, `{"text":"a","k":1.5}`, lode.CodeInvalid, "k", "1.5"},
		{"k as text", "POST", retrieve, jsonType, `{"text":"a","k":"10"}`, lode.CodeInvalid, "k", `"10"`},
		{"budget zero", "POST", retrieve, jsonType, `{"text":"a","budget_tokens":0}`, lode.CodeInvalid, "budget_tokens", "0"},
		{"weight out of range", "POST", retrieve, jsonType, `{"text":"a","dense_weight":1.1}`, lode.CodeInvalid, "dense_weight", "1.1"},
		{"unknown mode", "POST", retrieve, jsonType, `{"text":"a","mode":"magic"}`, lode.CodeInvalid, "mode", "magic"},
		{"several collections in one", "POST", retrieve, jsonType, `{"text":"a","collections":["docs"]}`, lode.CodeInvalid, "collections", "1"},
		{"no collections", "POST", v1.PathRetrieveSeveral, jsonType, `{"text":"a"}`, lode.CodeInvalid, "collections", ""},
		{"a collection twice", "POST", v1.PathRetrieveSeveral, jsonType, `{"text":"a","collections":["docs","docs"]}`, lode.CodeInvalid, "collections[1]", "docs"},
		{"depth below k", "POST", retrieve, jsonType, `{"text":"a","depth":5}`, lode.CodeInvalid, "depth", "5"},
		{"depth zero", "POST", retrieve, jsonType, `{"text":"a","depth":0}`, lode.CodeInvalid, "depth", "0"},
		{"cap zero", "POST", retrieve, jsonType, `{"text":"a","per_source":0}`, lode.CodeInvalid, "per_source", "0"},
		{"unknown component", "POST", retrieve, jsonType, `{"text":"a","min_score":{"cosine":1}}`, lode.CodeInvalid, "min_score", "cosine"},
		{"collapse out of range", "POST", retrieve, jsonType, `{"text":"a","collapse":2}`, lode.CodeInvalid, "collapse", "2"},
		{"diversity of too many", "POST", retrieve, jsonType, `{"text":"a","diversity":0.5,"k":1001}`, lode.CodeInvalid, "k", "1001"},
		{"no half-life", "POST", retrieve, jsonType, `{"text":"a","recency":{"weight":1}}`, lode.CodeInvalid, "recency.half_life", "0"},
		{"half-life that is none", "POST", retrieve, jsonType, `{"text":"a","recency":{"half_life":"soon"}}`, lode.CodeInvalid, "recency.half_life", ""},
		{"re-ranker without name", "POST", retrieve, jsonType, `{"text":"a","rerank":{}}`, lode.CodeInvalid, "rerank.name", ""},
		{"expand too far", "POST", retrieve, jsonType, `{"text":"a","expand":{"after":21}}`, lode.CodeInvalid, "expand.after", "21"},
		{"no time", "POST", retrieve, jsonType, `{"text":"a","timeout":"0"}`, lode.CodeInvalid, "timeout", "0"},
		{"timeout as a number", "POST", retrieve, jsonType, `{"text":"a","timeout":500}`, lode.CodeInvalid, "timeout", "500"},
		{"unknown form", "POST", retrieve, jsonType, `{"text":"a","form":"pdf"}`, lode.CodeInvalid, "form", "pdf"},
		{"why not what", "POST", "/v1/collections/docs/why-not", jsonType, `{"query":{"text":"a"}}`, lode.CodeInvalid, "document", ""},
		{"why not both", "POST", "/v1/collections/docs/why-not", jsonType, `{"query":{"text":"a"},"document":"a","chunk":"ch-1-1-0"}`, lode.CodeInvalid, "document", "a"},
		{"why not of a bad question", "POST", "/v1/collections/docs/why-not", jsonType, `{"query":{"text":"a","k":0},"document":"a"}`, lode.CodeInvalid, "query.k", "0"},
		{"why not of several", "POST", "/v1/collections/docs/why-not", jsonType, `{"query":{"text":"a","collections":["docs"]},"document":"a"}`, lode.CodeInvalid, "query.collections", "1"},
		{"why not of a kind", "POST", "/v1/collections/docs/why-not", jsonType, `{"query":{"text":"a"},"document":"a","kind":"page"}`, lode.CodeInvalid, "kind", "page"},
		{"neither text nor vector", "POST", retrieve, jsonType, `{}`, lode.CodeInvalid, "text", ""},
		{"query too long", "POST", retrieve, jsonType, `{"text":"` + strings.Repeat("x", 32769) + `"}`, lode.CodeInvalid, "text", "32769"},

		{"deep JSON", "POST", retrieve, jsonType, `{"filter":` + deep + `}`, lode.CodeMalformed, "", ""},
		{"very deep JSON", "POST", docs, jsonType, strings.Repeat("[", 1_000_000), lode.CodeMalformed, "", ""},
		{"huge body", "POST", docs, jsonType, `{"documents":[{"content":"` + strings.Repeat("x", 2<<20) + `"}]}`, lode.CodeTooLarge, "body", ""},
		{"huge filter", "POST", retrieve, jsonType, `{"text":"a","filter":{"field":"x","eq":"` + strings.Repeat("x", 1<<20) + `"}}`, lode.CodeTooLarge, "", ""},
		{"too many documents", "POST", docs, jsonType, `{"documents":[` + strings.Repeat("{},", 1000) + `{}]}`, lode.CodeInvalid, "documents", "1001"},

		{"traversal in collection", "GET", "/v1/collections/..%2F..%2Fetc", "", "", lode.CodeInvalid, "collection", "../../etc"},
		{"dots as collection", "DELETE", "/v1/collections/%2E%2E", "", "", lode.CodeInvalid, "collection", ".."},
		{"traversal in new collection", "POST", "/v1/collections", jsonType, `{"name":"../x"}`, lode.CodeInvalid, "name", "../x"},
		{"NUL in collection", "GET", "/v1/collections/a%00b/documents", "", "", lode.CodeInvalid, "collection", "a\x00b"},
		{"unescaped traversal", "GET", "/v1/collections/docs/documents/../../../etc/passwd", "", "", lode.CodeNotFound, "path", ""},
		{"NUL in id", "GET", docs + "/a%00b", "", "", lode.CodeInvalid, "id", "a\x00b"},
		{"id that is no UTF-8", "GET", docs + "/%ff", "", "", lode.CodeInvalid, "id", "\uFFFD"},

		{"collection exists", "POST", "/v1/collections", jsonType, `{"name":"docs"}`, lode.CodeConflict, "name", "docs"},
		{"unknown metric", "POST", "/v1/collections", jsonType, `{"name":"a","metric":"taxi"}`, lode.CodeInvalid, "metric", "taxi"},
		{"unknown provider", "POST", "/v1/collections", jsonType, `{"name":"a","embedder":{"provider":"X"}}`, lode.CodeInvalid, "embedder.provider", "X"},
		{"provider missing", "POST", "/v1/collections", jsonType, `{"name":"a","embedder":{"dim":3}}`, lode.CodeInvalid, "embedder.provider", ""},
		{"too many dimensions in collection", "POST", "/v1/collections", jsonType, `{"name":"a","embedder":{"provider":"none","dim":9000}}`, lode.CodeInvalid, "embedder.dim", "9000"},
		{"chunk budget", "POST", "/v1/collections", jsonType, `{"name":"a","chunker":{"max_tokens":3}}`, lode.CodeInvalid, "chunker.max_tokens", "3"},
		{"chunk overlap", "POST", "/v1/collections", jsonType, `{"name":"a","chunker":{"overlap_tokens":3}}`, lode.CodeInvalid, "chunker.overlap_tokens", "3"},
		{"chunks by a far embedder", "POST", "/v1/collections", jsonType, `{"name":"a","embedder":{"provider":"openai","model":"m","dim":3},"chunker":{"strategy":"semantic"}}`, lode.CodeInvalid, "chunker.strategy", "semantic"},

		{"limit zero", "GET", docs + "?limit=0", "", "", lode.CodeInvalid, "limit", "0"},
		{"limit huge", "GET", docs + "?limit=1001", "", "", lode.CodeInvalid, "limit", "1001"},
		{"cursor that is none", "GET", docs + "?cursor=abc", "", "", lode.CodeInvalid, "cursor", "abc"},
		{"state that is none", "GET", docs + "?state=done", "", "", lode.CodeInvalid, "state", "done"},
		{"consistency that is none", "GET", docs + "?consistency=strong", "", "", lode.CodeInvalid, "consistency", "strong"},
		{"wait that is none", "POST", docs + "?wait=yes", jsonType, `{}`, lode.CodeInvalid, "wait", "yes"},
		{"timeout that is none", "POST", docs + "?timeout=5", jsonType, `{}`, lode.CodeInvalid, "timeout", "5"},
		{"timeout too long", "POST", docs + "?timeout=11m", jsonType, `{}`, lode.CodeInvalid, "timeout", "11m"},
		{"delete under a condition that is none", "DELETE", docs + "/a?if_version=x", "", "", lode.CodeInvalid, "if_version", "x"},
		{"delete what does not exist", "DELETE", docs + "/a?if_version=0", "", "", lode.CodeInvalid, "if_version", "0"},
		{"condition beyond 32 bits", "DELETE", vectors + "/a?if_version=4294967296", "", "", lode.CodeInvalid, "if_version", "4294967296"},
		{"negative condition", "POST", docs, jsonType, `{"documents":[{"content":"a","if_version":-1}]}`, lode.CodeInvalid, "documents[0].if_version", "-1"},
		{"condition that is text", "PUT", vectors, jsonType, `{"points":[{"id":"a","vector":[1,2],"if_version":"1"}]}`, lode.CodeInvalid, "points[0].if_version", `"1"`},
		{"condition in a part", "POST", docs, multipartType, multipartBody(jsonPart("document", `{"if_version":1.5}`), filePart("a", "x")), lode.CodeInvalid, "document[0].if_version", "1.5"},
		{"version in a request", "PUT", vectors, jsonType, `{"points":[{"id":"a","vector":[1,2],"version":1}]}`, lode.CodeInvalid, "points[0].version", "1"},
		{"operation without key", "GET", "/v1/operations", "", "", lode.CodeInvalid, "key", ""},
		{"operation by a bad key", "GET", "/v1/operations?key=a%20b", "", "", lode.CodeInvalid, "key", "a b"},
		{"unknown operation", "GET", "/v1/operations/op-1", "", "", lode.CodeNotFound, "operation", "op-1"},
		{"delete nothing", "POST", docs + "/delete", jsonType, `{"ids":[]}`, lode.CodeInvalid, "ids", ""},
		{"delete bad id", "POST", docs + "/delete", jsonType, `{"ids":[""]}`, lode.CodeInvalid, "ids[0]", ""},
		{"delete unknown id", "POST", vectors + "/delete", jsonType, `{"ids":["x"]}`, lode.CodeNotFound, "ids[0]", "x"},

		{"patch of nothing", "PATCH", docs, jsonType, `{"ids":["a"]}`, lode.CodeInvalid, "body", ""},
		{"patch without a selection", "PATCH", docs, jsonType, `{"set":{"x":1}}`, lode.CodeInvalid, "ids", ""},
		{"patch of no ids", "PATCH", vectors, jsonType, `{"ids":[],"filter":{"field":"x","eq":1},"set":{"x":1}}`, lode.CodeInvalid, "ids", ""},
		{"patch of a bad id", "PATCH", docs, jsonType, `{"ids":["a",""],"set":{"x":1}}`, lode.CodeInvalid, "ids[1]", ""},
		{"patch of too many ids", "PATCH", docs, jsonType, `{"ids":[` + strings.Repeat(`"a",`, 1000) + `"a"],"set":{"x":1}}`, lode.CodeInvalid, "ids", "1001"},
		{"patch with a bad filter", "PATCH", docs, jsonType, `{"filter":{"field":"x","like":1},"set":{"x":1}}`, lode.CodeUnknownField, "filter.like", ""},
		{"patch with an unknown member", "PATCH", docs, jsonType, `{"ids":["a"],"metadata":{"x":1}}`, lode.CodeUnknownField, "metadata", ""},
		{"patch with a member twice", "PATCH", docs, jsonType, `{"ids":["a"],"delete":["x"],"delete":["y"]}`, lode.CodeMalformed, "delete", "delete"},
		{"patch with many members", "PATCH", docs, jsonType, `{"ids":["a"],` + manyMembers(20) + `}`, lode.CodeUnknownField, "m16", ""},
		{"patch that sets a list in a list", "PATCH", docs, jsonType, `{"ids":["a"],"set":{"x":[[1]]}}`, lode.CodeInvalid, "set.x[0]", "list"},
		{"patch that replaces and sets", "PATCH", docs, jsonType, `{"ids":["a"],"set":{"x":1},"replace":{}}`, lode.CodeInvalid, "replace", ""},
		{"patch with both readers", "PATCH", docs + "/a", jsonType, `{"readers":[],"add_readers":["x"]}`, lode.CodeInvalid, "readers", ""},
		{"patch with null readers", "PATCH", docs + "/a", jsonType, `{"readers":null}`, lode.CodeInvalid, "readers", "null"},
		{"patch of expiry that is none", "PATCH", vectors + "/a", jsonType, `{"expires_at":"tomorrow"}`, lode.CodeInvalid, "expires_at", "tomorrow"},
		{"patch of one with ids", "PATCH", vectors + "/a", jsonType, `{"ids":["a"],"delete":["x"]}`, lode.CodeUnknownField, "ids", ""},
		{"patch of one with nothing", "PATCH", vectors + "/a", jsonType, `{}`, lode.CodeInvalid, "body", ""},
		{"patch of unknown document", "PATCH", docs + "/a", jsonType, `{"delete":["x"]}`, lode.CodeNotFound, "document", "a"},
		{"patch of unknown vector", "PATCH", vectors, jsonType, `{"ids":["a"],"delete":["x"]}`, lode.CodeNotFound, "ids[0]", "a"},
		{"patch in text", "PATCH", docs, "text/plain", `{}`, lode.CodeUnsupportedMedia, "Content-Type", "text/plain"},
		{"expiry that is none", "POST", docs, jsonType, `{"documents":[{"content":"a","expires_at":"2030-13-01T00:00:00Z"}]}`, lode.CodeInvalid, "documents[0].expires_at", `"2030-13-01T00:00:00Z"`},
		{"expiry that is a number", "PUT", vectors, jsonType, `{"points":[{"id":"a","vector":[1,2],"expires_at":5}]}`, lode.CodeInvalid, "points[0].expires_at", "5"},
		{"expiry of null", "PUT", vectors, jsonType, `{"points":[{"id":"a","vector":[1,2],"expires_at":null}]}`, lode.CodeInvalid, "points[0].expires_at", "null"},
		{"expiry in a part", "POST", docs, multipartType, multipartBody(jsonPart("document", `{"expires_at":"soon"}`), filePart("a", "x")), lode.CodeInvalid, "document[0].expires_at", `"soon"`},
		{"expiry in the year 0", "POST", docs, jsonType, `{"documents":[{"content":"a","expires_at":"0000-01-01T00:00:00Z"}]}`, lode.CodeInvalid, "documents[0].expires_at", ""},
		{"delete without a selection", "POST", docs + "/delete", jsonType, `{}`, lode.CodeInvalid, "ids", ""},
		{"delete of no ids", "POST", docs + "/delete", jsonType, `{"ids":[],"filter":{"and":[]}}`, lode.CodeInvalid, "ids", ""},
		{"delete with a filter of the wrong type", "POST", vectors + "/delete", jsonType, `{"filter":[]}`, lode.CodeInvalid, "filter", "[]"},
		{"delete with a condition beside a filter", "POST", docs + "/delete?if_version=1", jsonType, `{"filter":{"and":[]}}`, lode.CodeUnknownField, "if_version", "1"},

		{"count with a bad filter", "POST", contents + "count", jsonType, `{"filter":{"field":""}}`, lode.CodeInvalid, "filter.field", ""},
		{"count of an empty body", "POST", contents + "count", jsonType, ``, lode.CodeMalformed, "body", ""},
		{"facets of no field", "POST", contents + "facets", jsonType, `{}`, lode.CodeInvalid, "field", ""},
		{"facets limit", "POST", contents + "facets", jsonType, `{"field":"x","limit":0}`, lode.CodeInvalid, "limit", "0"},
		{"facets limit huge", "POST", contents + "facets", jsonType, `{"field":"x","limit":10001}`, lode.CodeInvalid, "limit", "10001"},
		{"scroll kind", "POST", contents + "scroll", jsonType, `{"kind":"chunk"}`, lode.CodeInvalid, "kind", "chunk"},
		{"scroll limit", "POST", contents + "scroll", jsonType, `{"limit":1001}`, lode.CodeInvalid, "limit", "1001"},
		{"scroll order without field", "POST", contents + "scroll", jsonType, `{"order_by":{}}`, lode.CodeInvalid, "order_by.field", ""},
		{"scroll direction", "POST", contents + "scroll", jsonType, `{"order_by":{"field":"x","direction":"down"}}`, lode.CodeInvalid, "order_by.direction", "down"},
		{"scroll cursor", "POST", contents + "scroll", jsonType, `{"cursor":"abc"}`, lode.CodeInvalid, "cursor", "abc"},
		{"groups of no vector", "POST", search + "/groups", jsonType, `{}`, lode.CodeInvalid, "vector", ""},
		{"groups of none", "POST", search + "/groups", jsonType, `{"vector":[1,0],"groups":0}`, lode.CodeInvalid, "groups", "0"},
		{"too many groups", "POST", search + "/groups", jsonType, `{"vector":[1,0],"groups":1001}`, lode.CodeInvalid, "groups", "1001"},
		{"groups of no size", "POST", search + "/groups", jsonType, `{"vector":[1,0],"group_size":-1}`, lode.CodeInvalid, "group_size", "-1"},
		{"groups of the wrong dimension", "POST", search + "/groups", jsonType, `{"vector":[1]}`, lode.CodeInvalid, "vector", "1"},
		{"example of nothing", "POST", vectors + "/recommend", jsonType, `{"positive":[{}]}`, lode.CodeInvalid, "positive[0]", "0"},
		{"example of two things", "POST", vectors + "/recommend", jsonType, `{"negative":[{"id":"a"},{"id":"a","text":"b"}]}`, lode.CodeInvalid, "negative[1]", "2"},
		{"too many examples", "POST", vectors + "/recommend", jsonType, `{"positive":[` + strings.Repeat(`{},`, 128) + `{}]}`, lode.CodeInvalid, "positive", "129"},
		{"recommend k", "POST", vectors + "/recommend", jsonType, `{"positive":[{"vector":[1,0]}],"k":0}`, lode.CodeInvalid, "k", "0"},
		{"unknown example", "POST", vectors + "/recommend", jsonType, `{"positive":[{"id":"a"}]}`, lode.CodeNotFound, "positive[0].id", "a"},

		{"no boundary", "POST", docs, "multipart/form-data", "x", lode.CodeMalformed, "Content-Type", "multipart/form-data"},
		{"no parts", "POST", docs, multipartType, "--B--\r\n", lode.CodeInvalid, "file", ""},
		{"not multipart", "POST", docs, multipartType, "hello", lode.CodeMalformed, "body", ""},
		{"truncated multipart", "POST", docs, multipartType, strings.TrimSuffix(multipartBody(filePart("a", "x")), "--B--\r\n"), lode.CodeMalformed, "body", ""},
		{"truncated part", "POST", docs, multipartType, "--B\r\nContent-Disposition: form-data; name=\"file\"\r\n\r\nabc", lode.CodeMalformed, "body", ""},
		{"unknown part", "POST", docs, multipartType, multipartBody(jsonPart("upload", "x")), lode.CodeUnknownField, "upload", ""},
		{"description alone", "POST", docs, multipartType, multipartBody(jsonPart("document", `{"id":"a"}`)), lode.CodeInvalid, "file[0]", ""},
		{"two descriptions", "POST", docs, multipartType, multipartBody(jsonPart("document", `{}`), jsonPart("document", `{}`)), lode.CodeInvalid, "document[0]", ""},
		{"metadata twice", "POST", docs, multipartType, multipartBody(jsonPart("metadata", `{"a":1}`), jsonPart("document", `{"metadata":{}}`)), lode.CodeInvalid, "document[0].metadata", ""},
		{"unknown field in description", "POST", docs, multipartType, multipartBody(filePart("a", "x"), jsonPart("document", `{"ident":"a"}`), filePart("b", "y")), lode.CodeUnknownField, "document[1].ident", ""},
		{"metadata of the wrong type", "POST", docs, multipartType, multipartBody(jsonPart("metadata", `[1]`), filePart("a", "x")), lode.CodeInvalid, "metadata[0]", "[1]"},
		{"metadata value of the wrong type", "POST", docs, multipartType, multipartBody(jsonPart("metadata", `{"x":[[]]}`), filePart("a", "x")), lode.CodeInvalid, "metadata[0].x[0]", "list"},
		{"empty file", "POST", docs, multipartType, multipartBody(filePart("a.md", "")), lode.CodeInvalid, "file[0].content", ""},
		{"NUL in file name", "POST", docs, multipartType, multipartBody(jsonPart("document", `{"id":"a\u0000"}`), filePart("x", "x")), lode.CodeInvalid, "file[0].id", "a\x00"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			f := newFake()
			h := handler(t, f, func(o *api.Options) { o.MaxBodyBytes = 1<<20 + 500 })
			r := httptest.NewRequest(c.method, "http://lode.test/", strings.NewReader(c.body))
			path, query, _ := strings.Cut(c.path, "?")
			setPath(t, r, path, query)
			if c.contentType != "" {
				r.Header.Set("Content-Type", c.contentType)
			}
			w := httptest.NewRecorder()
			h.ServeHTTP(w, r)
			p := problemOf(t, w)
			if p.Code != c.code || c.field != "" && !strings.HasPrefix(p.Field, c.field) || c.name != "filter too deep" && c.field != "" && p.Field != c.field || !strings.HasPrefix(p.Value, c.value) {
				t.Errorf("got code %q field %q value %q (%s), want %q %q %q", p.Code, p.Field, p.Value, p.Detail, c.code, c.field, c.value)
			}
			if w.Code/100 != 4 {
				t.Errorf("status %d is not 4xx", w.Code)
			}
			if f.writes != 0 {
				t.Errorf("%d writes happened", f.writes)
			}
		})
	}
}

// setPath makes the request look as if the path had been sent as it stands.
func setPath(t *testing.T, r *http.Request, path, query string) {
	t.Helper()
	u, err := r.URL.Parse(path)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(path, "/../") { // Parse would tidy it, a server does not
		u.Path = path
	}
	u.RawQuery = query
	r.URL = u
}

// problemOf demands problem details in full.
func problemOf(t *testing.T, w *httptest.ResponseRecorder) v1.Problem {
	t.Helper()
	if got := w.Header().Get("Content-Type"); got != "application/problem+json" {
		t.Fatalf("content type is %q, status %d, body %.200q", got, w.Code, w.Body.String())
	}
	var p v1.Problem
	if err := json.Unmarshal(w.Body.Bytes(), &p); err != nil {
		t.Fatal(err)
	}
	info := v1.InfoOf(p.Code)
	if p.Status != w.Code || p.Status != info.Status || p.Title != info.Title || p.Type != "urn:lode:error:"+string(p.Code) {
		t.Errorf("problem %+v does not fit status %d", p, w.Code)
	}
	if p.Detail == "" || p.RequestID == "" || p.RequestID != w.Header().Get("X-Request-Id") {
		t.Errorf("detail or request id is missing: %+v", p)
	}
	return p
}
