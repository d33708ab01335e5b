package api

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/api/v1"
)

const schemaPrefix = "#/components/schemas/"

// commonCodes are those that every route under /v1 may answer with.
var commonCodes = []lode.Code{lode.CodeInvalid, lode.CodeUnknownField, lode.CodeUnauthorized, lode.CodeOverloaded, lode.CodeInternal,
	lode.CodeCorrupt, lode.CodeUnavailable, lode.CodeTimeout, lode.CodeOutcomeUnknown}

// bodyCodes are those that every route with a body may answer with too.
var bodyCodes = []lode.Code{lode.CodeMalformed, lode.CodeTooLarge, lode.CodeUnsupportedMedia, v1.CodeSlowBody}

// marshalOpenAPI makes the OpenAPI document of the routes.
func marshalOpenAPI(routes []route) ([]byte, error) {
	schemas := huma.NewMapRegistry(schemaPrefix, huma.DefaultSchemaNamer)
	schemas.RegisterTypeAlias(reflect.TypeFor[lode.Filter](), reflect.TypeFor[filterRef]())
	schemas.RegisterTypeAlias(reflect.TypeFor[lode.Metadata](), reflect.TypeFor[metadataRef]())
	schemas.RegisterTypeAlias(reflect.TypeFor[lode.Patch](), reflect.TypeFor[patchRef]())
	schemas.RegisterTypeAlias(reflect.TypeFor[v1.PatchSelected](), reflect.TypeFor[patchSelectedRef]())
	schemas.RegisterTypeAlias(reflect.TypeFor[lode.Value](), reflect.TypeFor[valueRef]())
	schemas.RegisterTypeAlias(reflect.TypeFor[lode.Hash](), reflect.TypeFor[hashText]())
	schemas.RegisterTypeAlias(reflect.TypeFor[lode.ChunkID](), reflect.TypeFor[chunkText]())
	doc := &huma.OpenAPI{
		OpenAPI: "3.1.0",
		Info: &huma.Info{
			Title: "Lode", Version: "v1",
			Description: "Vector database and retrieval server. Documents go in as bytes; cited context comes out.\n\n" + codesAbout(),
		},
		Tags: []*huma.Tag{
			{Name: "collections", Description: "Sets of documents that share an embedding space and a way of chunking."},
			{Name: "documents", Description: "Documents and their layers: bronze (bytes as received), silver (canonical text), gold (chunks)."},
			{Name: "retrieval", Description: "From a question to cited context, and from a citation back to its bytes."},
			{Name: "vectors", Description: "Raw vectors, for those who embed by themselves."},
			{Name: "embedding", Description: "Vectors of texts, and what they cost."},
			{Name: "evaluation", Description: "Judged questions, what people said of answers, and scores of both."},
			{Name: "operations", Description: "What became of writes whose answer was lost or not awaited."},
			{Name: "node", Description: "The node itself."},
		},
		Components: &huma.Components{Schemas: schemas},
	}
	for _, rt := range routes {
		doc.AddOperation(operation(schemas, rt))
	}
	completeSchemas(schemas, routes)
	compact, err := doc.MarshalJSON()
	if err != nil {
		return nil, fmt.Errorf("marshal OpenAPI: %w", err)
	}
	var tree any // through a map, so that keys are in order
	if err := json.Unmarshal(compact, &tree); err != nil {
		return nil, fmt.Errorf("marshal OpenAPI: %w", err)
	}
	return json.MarshalIndent(tree, "", "  ")
}

// codesAbout is the table of error codes in Markdown.
func codesAbout() string {
	var b strings.Builder
	b.WriteString("Errors are RFC 9457 problem details. `code` is what to branch on:\n\n| code | status | meaning |\n|---|---|---|\n")
	for _, info := range v1.Codes() {
		fmt.Fprintf(&b, "| %s | %d | %s |\n", info.Code, info.Status, info.Meaning)
	}
	return b.String()
}

func operation(schemas huma.Registry, rt route) *huma.Operation {
	op := &huma.Operation{
		Method: rt.method, Path: rt.path, OperationID: rt.id, Tags: []string{rt.tag},
		Summary: rt.summary, Description: rt.about, Responses: map[string]*huma.Response{},
	}
	for _, name := range pathParams(rt.path) {
		op.Parameters = append(op.Parameters, pathParam(name))
	}
	for _, p := range rt.query {
		op.Parameters = append(op.Parameters, queryParam(p))
	}
	if rt.writes != "" {
		op.Parameters = append(op.Parameters, keyHeader())
	}
	if rt.request != nil {
		op.RequestBody = requestBody(schemas, rt)
	}
	for _, r := range rt.replies {
		op.Responses[strconv.Itoa(r.status)] = response(schemas, rt, r)
	}
	for status, codes := range problems(rt) {
		op.Responses[strconv.Itoa(status)] = problemResponse(schemas, codes)
	}
	return op
}

func pathParams(path string) []string {
	var names []string
	for segment := range strings.SplitSeq(path, "/") {
		if name, ok := strings.CutPrefix(segment, "{"); ok {
			names = append(names, strings.TrimSuffix(name, "}"))
		}
	}
	return names
}

func pathParam(name string) *huma.Param {
	p := &huma.Param{Name: name, In: "path", Required: true, Schema: &huma.Schema{Type: huma.TypeString}}
	switch name {
	case "collection":
		p.Description, p.Schema.Pattern = "Name of the collection.", "^[a-z0-9_-]{1,64}$"
	case "id":
		most := lode.MaxDocIDBytes
		p.Description, p.Schema.MaxLength = "Outside id, percent-encoded as one segment.", &most
	case "chunk":
		p.Description, p.Schema.Pattern = "Chunk id.", chunkPattern
	case "evaluation":
		p.Description, p.Schema.Pattern = "Name of the evaluation set.", "^[a-z0-9_-]{1,64}$"
	case "operation":
		p.Description = "Id of the operation."
	case "layer":
		p.Description, p.Schema.Enum = "Layer of refinement.", []any{lode.Bronze, lode.Silver, lode.Gold}
	}
	return p
}

func queryParam(in param) *huma.Param {
	schema := &huma.Schema{Type: in.kind, Enum: in.enum, Default: in.missing}
	if in.most > 0 {
		schema.Minimum, schema.Maximum = &in.least, &in.most
	}
	out := &huma.Param{Name: in.name, In: "query", Description: in.about, Schema: schema}
	if in.example != "" {
		out.Example = in.example
	}
	return out
}

func keyHeader() *huma.Param {
	least, most := 1, lode.MaxKeyBytes
	return &huma.Param{Name: v1.HeaderKey, In: "header", Description: keyAbout, Example: "7f3c0f2e-upload-17",
		Schema: &huma.Schema{Type: huma.TypeString, MinLength: &least, MaxLength: &most, Pattern: "^[!-~]+$"}}
}

func requestBody(schemas huma.Registry, rt route) *huma.RequestBody {
	content := map[string]*huma.MediaType{v1.MediaTypeJSON: {Schema: schemas.Schema(reflect.TypeOf(rt.request), true, "")}}
	if rt.lines {
		content = map[string]*huma.MediaType{v1.MediaTypeLines: content[v1.MediaTypeJSON]}
	}
	if rt.multipart {
		content[v1.MediaTypeMultipart] = &huma.MediaType{
			Schema: multipartSchema(schemas),
			Encoding: map[string]*huma.Encoding{
				partDocument: {ContentType: v1.MediaTypeJSON}, partMetadata: {ContentType: v1.MediaTypeJSON},
			},
		}
	}
	if rt.frames {
		content[v1.MediaTypeVectors] = frameContent()
	}
	return &huma.RequestBody{Required: true, Content: content}
}

func response(schemas huma.Registry, rt route, r reply) *huma.Response {
	out := &huma.Response{Description: r.about}
	switch {
	case rt.id == "getLayer":
		out.Content = layerContent(schemas)
	case r.mediaType != "":
		out.Content = map[string]*huma.MediaType{r.mediaType: {Schema: &huma.Schema{Type: huma.TypeString}}}
	case r.body != nil:
		out.Content = map[string]*huma.MediaType{v1.MediaTypeJSON: {Schema: schemas.Schema(reflect.TypeOf(r.body), true, "")}}
		if r.frames {
			out.Content[v1.MediaTypeVectors] = frameContent()
		}
	}
	return out
}

// frameContent is a frame, whose bytes no schema describes.
func frameContent() *huma.MediaType {
	return &huma.MediaType{Schema: &huma.Schema{Type: huma.TypeString, Format: "binary", Description: "A frame, see docs/wire.md."}}
}

// layerContent is JSON for silver and gold, and any file for bronze.
func layerContent(schemas huma.Registry) map[string]*huma.MediaType {
	return map[string]*huma.MediaType{
		v1.MediaTypeJSON: {Schema: &huma.Schema{OneOf: []*huma.Schema{
			schemas.Schema(reflect.TypeFor[v1.SilverLayer](), true, ""),
			schemas.Schema(reflect.TypeFor[v1.GoldLayer](), true, ""),
		}}},
		"*/*": {Schema: &huma.Schema{Type: huma.TypeString, Format: "binary"}},
	}
}

// problems groups the codes that a route may answer with by status.
func problems(rt route) map[int][]lode.Code {
	codes := slices.Clone(rt.codes)
	if !rt.probe {
		codes = append(codes, commonCodes...)
	}
	if rt.request != nil {
		codes = append(codes, bodyCodes...)
	}
	if rt.writes != "" {
		codes = append(codes, lode.CodeConflict) // the key was used for another request
	}
	byStatus := map[int][]lode.Code{}
	for _, info := range v1.Codes() { // in the order of the table
		if slices.Contains(codes, info.Code) {
			byStatus[info.Status] = append(byStatus[info.Status], info.Code)
		}
	}
	return byStatus
}

func problemResponse(schemas huma.Registry, codes []lode.Code) *huma.Response {
	var about []string
	for _, code := range codes {
		about = append(about, fmt.Sprintf("%s: %s", code, v1.InfoOf(code).Meaning))
	}
	out := &huma.Response{
		Description: strings.Join(about, " "),
		Content:     map[string]*huma.MediaType{v1.MediaTypeProblem: {Schema: schemas.Schema(reflect.TypeFor[v1.Problem](), true, "")}},
	}
	if v1.InfoOf(codes[0]).Retry {
		out.Headers = map[string]*huma.Param{"Retry-After": {Description: "Seconds to wait.", Schema: &huma.Schema{Type: huma.TypeInteger}}}
	}
	return out
}
