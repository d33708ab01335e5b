package api

import (
	"reflect"

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
	closed := requestSchemas(routes)
	for name, s := range all {
		for _, property := range s.Properties {
			property.Nullable = false // a member without a value is left out, never null
			if property.Items != nil {
				property.Items.Nullable = false
			}
		}
		if !closed[name] {
			s.AdditionalProperties = nil // answers may gain members within v1
		}
	}
	all["Filter"], all["Metadata"] = filterSchema(), metadataSchema()
	all["Scalar"], all["Value"] = scalarSchema(), valueSchema()
}

// requestSchemas names the types that requests are made of, whose unknown members are
// refused.
func requestSchemas(routes []route) map[string]bool {
	names := map[string]bool{reflect.TypeFor[v1.DocumentPart]().Name(): true}
	var walk func(reflect.Type)
	walk = func(t reflect.Type) {
		for t.Kind() == reflect.Pointer || t.Kind() == reflect.Slice {
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
	return &huma.Schema{
		Description: "A scalar or a flat list of scalars.",
		OneOf:       []*huma.Schema{ref("Scalar"), list(ref("Scalar"), lode.MaxMetadataListItems)},
	}
}

func metadataSchema() *huma.Schema {
	most := lode.MaxMetadataKeys
	return &huma.Schema{
		Type: huma.TypeObject, Description: "Flat keys with typed values. Write nested objects as dotted keys.",
		AdditionalProperties: ref("Value"), MaxProperties: &most,
		Examples: []any{map[string]any{"year": 2024, "author.name": "Ada", "tags": []any{"guide", "install"}}},
	}
}

// filterSchema describes the four forms of a filter, see [lode.Filter].
func filterSchema() *huma.Schema {
	object := func(about string, properties map[string]*huma.Schema, required ...string) *huma.Schema {
		return &huma.Schema{Type: huma.TypeObject, Description: about, Properties: properties, Required: required, AdditionalProperties: false}
	}
	args := list(ref("Filter"), lode.MaxFilterClauses)
	test := map[string]*huma.Schema{
		"field":  {Type: huma.TypeString, Description: "Key of the metadata."},
		"eq":     {Description: "Equals; of a list, one item does.", OneOf: []*huma.Schema{ref("Value")}},
		"ne":     {Description: "Does not equal; of a list, no item does. A missing key matches.", OneOf: []*huma.Schema{ref("Value")}},
		"in":     {Type: huma.TypeArray, Description: "Equals one of these.", Items: ref("Value"), MaxItems: args.MaxItems},
		"gt":     {Description: "Is greater.", OneOf: []*huma.Schema{ref("Scalar")}},
		"gte":    {Description: "Is greater or equal.", OneOf: []*huma.Schema{ref("Scalar")}},
		"lt":     {Description: "Is less.", OneOf: []*huma.Schema{ref("Scalar")}},
		"lte":    {Description: "Is less or equal.", OneOf: []*huma.Schema{ref("Scalar")}},
		"exists": {Type: huma.TypeBoolean, Description: "The key is there, or is not."},
	}
	return &huma.Schema{
		Description: "A condition on metadata. Values of different types are unequal and have no order. Nesting is limited to 16 levels.",
		OneOf: []*huma.Schema{
			object("All match; an empty list matches everything.", map[string]*huma.Schema{"and": args}, "and"),
			object("At least one matches; an empty list matches nothing.", map[string]*huma.Schema{"or": args}, "or"),
			object("Does not match.", map[string]*huma.Schema{"not": ref("Filter")}, "not"),
			object("Tests of one key, all of which must hold.", test, "field"),
			object("Matches everything.", nil),
		},
		Examples: []any{map[string]any{"and": []any{
			map[string]any{"field": "year", "gte": 2020},
			map[string]any{"not": map[string]any{"field": "draft", "eq": true}},
		}}},
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
