package api

import (
	"reflect"
	"slices"

	"github.com/danielgtaylor/huma/v2"

	"github.com/lodedb/lode"
	"github.com/lodedb/lode/api/v1"
)

const chunkPattern = "^ch-[0-9]+-[0-9]+-[0-9]+$"

// The types below stand in for nouns that write themselves as JSON, whose schema cannot be
// reflected from their fields.
type (
	filterRef   struct{}
	metadataRef struct{}
	hashText    struct{}
	chunkText   struct{}
)

// Schema refers to the hand-written schema of a filter, which is recursive.
func (filterRef) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{Ref: schemaPrefix + "Filter"}
}

// Schema refers to the hand-written schema of metadata.
func (metadataRef) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{Ref: schemaPrefix + "Metadata"}
}

// Schema is that of a hash.
func (hashText) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{Type: huma.TypeString, Pattern: "^[0-9a-f]{64}$"}
}

// Schema is that of a chunk id.
func (chunkText) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{Type: huma.TypeString, Pattern: chunkPattern}
}

// completeSchemas adds the hand-written schemas and what reflection cannot know.
func completeSchemas(schemas huma.Registry, routes []route) {
	all := schemas.Map()
	for _, name := range []string{"Problem", "ItemError", "Failure"} {
		all[name].Properties["code"].Enum = codeEnum()
	}
	all["SparseVector"].Properties["indices"].Items.Format = "int64" // 32 bits without a sign
	closed := requestSchemas(routes)
	for name, s := range all {
		for _, property := range s.Properties {
			property.Nullable = false // a member without a value is left out, never null
			if property.Items != nil {
				property.Items.Nullable = false
			}
			if of, ok := property.AdditionalProperties.(*huma.Schema); ok {
				of.Nullable = false
			}
		}
		if !closed[name] {
			s.AdditionalProperties = nil // answers may gain members within v1
		}
	}
	all["Filter"], all["Metadata"] = filterSchema(), metadataSchema()
	all["Patch"], all["PatchSelected"] = patchSchema(), patchSelectedSchema()
	all["Scalar"], all["Value"], all["GeoPoint"] = scalarSchema(), valueSchema(), geoPointSchema()
}

// requestSchemas names the types that requests are made of, whose unknown members are
// refused.
func requestSchemas(routes []route) map[string]bool {
	names := map[string]bool{reflect.TypeFor[v1.DocumentPart]().Name(): true}
	var walk func(reflect.Type)
	walk = func(t reflect.Type) {
		for slices.Contains([]reflect.Kind{reflect.Pointer, reflect.Slice, reflect.Map}, t.Kind()) {
			t = t.Elem()
		}
		if t.Kind() != reflect.Struct || names[t.Name()] {
			return
		}
		names[t.Name()] = true
		for i := range t.NumField() {
			walk(t.Field(i).Type)
		}
	}
	for _, rt := range routes {
		if rt.request != nil {
			walk(reflect.TypeOf(rt.request))
		}
	}
	return names
}

func codeEnum() []any {
	var codes []any
	for _, info := range v1.Codes() {
		codes = append(codes, info.Code)
	}
	return codes
}

func ref(name string) *huma.Schema { return &huma.Schema{Ref: schemaPrefix + name} }

func list(of *huma.Schema, most int) *huma.Schema {
	return &huma.Schema{Type: huma.TypeArray, Items: of, MaxItems: &most}
}

func scalarSchema() *huma.Schema {
	return &huma.Schema{
		Description: "A string, number or boolean. Numbers without fraction and exponent that fit 64 bits are integers; strings that are RFC 3339 times or dates compare as times.",
		OneOf:       []*huma.Schema{{Type: huma.TypeString}, {Type: huma.TypeNumber}, {Type: huma.TypeBoolean}},
	}
}

func valueSchema() *huma.Schema {
	most := lode.MaxMetadataListItems
	object := &huma.Schema{Type: huma.TypeObject, AdditionalProperties: ref("Value")}
	return &huma.Schema{
		Description: "A scalar, null, an object of values, or a list of scalars, nulls and objects. Lists and objects are nested at most 8 deep.",
		OneOf: []*huma.Schema{ref("Scalar"), {Type: "null"}, object, {
			Type: huma.TypeArray, MaxItems: &most,
			Items: &huma.Schema{OneOf: []*huma.Schema{ref("Scalar"), {Type: "null"}, object}},
		}},
	}
}

func metadataSchema() *huma.Schema {
	most := lode.MaxMetadataKeys
	return &huma.Schema{
		Type: huma.TypeObject, Description: "Keys with typed values. To a filter a dotted key is the same as a key in an object. All levels together have at most 1024 keys.",
		AdditionalProperties: ref("Value"), MaxProperties: &most,
		Examples: []any{map[string]any{"year": 2024, "author": map[string]any{"name": "Ada"}, "tags": []any{"guide", "install"}}},
	}
}

// multipartSchema describes the parts of a multipart upload. Their order carries meaning
// that a schema cannot say; the operation's description does.
func multipartSchema(schemas huma.Registry) *huma.Schema {
	most := v1.MaxBatchDocuments
	return &huma.Schema{
		Type: huma.TypeObject, Required: []string{partFile}, AdditionalProperties: false,
		Properties: map[string]*huma.Schema{
			partDocument: schemas.Schema(reflect.TypeFor[v1.DocumentPart](), true, ""),
			partMetadata: ref("Metadata"),
			partFile: {Type: huma.TypeArray, Description: "The files.", MaxItems: &most,
				Items: &huma.Schema{Type: huma.TypeString, Format: "binary"}},
		},
	}
}
