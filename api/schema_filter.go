package api

import (
	"github.com/danielgtaylor/huma/v2"

	"github.com/lodedb/lode"
)

// filterSchema describes the forms of a filter, see [lode.Filter].
func filterSchema() *huma.Schema {
	args := list(ref("Filter"), lode.MaxFilterClauses)
	minShould := closed("", map[string]*huma.Schema{"count": atLeast(1), "of": args}, "count", "of")
	nested := closed("", map[string]*huma.Schema{
		"path":  {Type: huma.TypeString, Description: "Path of an object or of a list of objects."},
		"match": ref("Filter"),
	}, "path", "match")
	return &huma.Schema{
		Description: "A condition on metadata or ids. A field is a path: dots lead into objects, lists are passed through. " +
			"Values of different types are unequal and have no order; a missing field matches only ne, nin, not, and exists, is_null and is_empty as far as they say so. Nesting is limited to 16 levels.",
		OneOf: []*huma.Schema{
			closed("All match; an empty list matches everything.", map[string]*huma.Schema{"and": args}, "and"),
			closed("At least one matches; an empty list matches nothing.", map[string]*huma.Schema{"or": args}, "or"),
			closed("Does not match.", map[string]*huma.Schema{"not": ref("Filter")}, "not"),
			closed("At least count of them match.", map[string]*huma.Schema{"min_should": minShould}, "min_should"),
			closed("The outside id is one of these; an empty list matches nothing.",
				map[string]*huma.Schema{"has_id": list(&huma.Schema{Type: huma.TypeString}, lode.MaxFilterIDs)}, "has_id"),
			closed("One and the same object at the path matches, with fields relative to it.", map[string]*huma.Schema{"nested": nested}, "nested"),
			closed("Tests of one field, all of which must hold.", testSchemas(), "field"),
			closed("Matches everything.", nil),
		},
		Examples: []any{map[string]any{"and": []any{
			map[string]any{"field": "year", "gte": 2020},
			map[string]any{"not": map[string]any{"field": "draft", "eq": true}},
		}}},
	}
}

// closed is an object without members of other names.
func closed(about string, properties map[string]*huma.Schema, required ...string) *huma.Schema {
	return &huma.Schema{Type: huma.TypeObject, Description: about, Properties: properties, Required: required, AdditionalProperties: false}
}

func atLeast(least float64) *huma.Schema {
	return &huma.Schema{Type: huma.TypeInteger, Minimum: &least}
}

// testSchemas describes the tests of a field.
func testSchemas() map[string]*huma.Schema {
	one := func(about, name string) *huma.Schema {
		return &huma.Schema{Description: about, OneOf: []*huma.Schema{ref(name)}}
	}
	plain := func(about, kind string) *huma.Schema { return &huma.Schema{Type: kind, Description: about} }
	values := list(ref("Value"), lode.MaxMetadataListItems)
	among, notAmong := *values, *values
	among.Description, notAmong.Description = "Equals one of these.", "Equals none of these. A missing key matches."
	count := closed("The number of values is within: 0 for missing and null, 1 for a scalar or object, the length of a list.",
		map[string]*huma.Schema{"gt": atLeast(0), "gte": atLeast(0), "lt": atLeast(0), "lte": atLeast(0)})
	return map[string]*huma.Schema{
		"field": plain("Path into the metadata.", huma.TypeString),
		"eq":    one("Equals; of a list, one item or all of it does.", "Value"),
		"ne":    one("Does not equal: the contrary of eq. A missing key matches.", "Value"),
		"in":    &among, "nin": &notAmong,
		"gt": one("Is greater.", "Scalar"), "gte": one("Is greater or equal.", "Scalar"),
		"lt": one("Is less.", "Scalar"), "lte": one("Is less or equal.", "Scalar"),
		"exists":       plain("The key is there, or is not.", huma.TypeBoolean),
		"is_null":      plain("The value, or an item of the list, is null, or is not. A missing key is not null.", huma.TypeBoolean),
		"is_empty":     plain("The key is missing, null or an empty list, or is not.", huma.TypeBoolean),
		"values_count": count,
		"text":         plain("Every word of this occurs in a string.", huma.TypeString),
		"text_any":     plain("At least one word of this occurs in a string.", huma.TypeString),
		"phrase":       plain("The words of this occur in a string one after another.", huma.TypeString),
		"prefix":       plain("A string begins with this.", huma.TypeString),
		"uuid":         plain("A string is this UUID, however either is written.", huma.TypeString),
		"geo_radius":   radiusSchema(), "geo_box": boxSchema(), "geo_polygon": polygonSchema(),
	}
}

func radiusSchema() *huma.Schema {
	least := 0.0
	return closed("An object with lat and lon lies within so many metres of the centre (haversine).", map[string]*huma.Schema{
		"center": ref("GeoPoint"), "meters": {Type: huma.TypeNumber, Minimum: &least},
	}, "center", "meters")
}

func boxSchema() *huma.Schema {
	return closed("An object with lat and lon lies in the box; with top_left.lon above bottom_right.lon it crosses the antimeridian.",
		map[string]*huma.Schema{"top_left": ref("GeoPoint"), "bottom_right": ref("GeoPoint")}, "top_left", "bottom_right")
}

func polygonSchema() *huma.Schema {
	ring := list(ref("GeoPoint"), lode.MaxPolygonPoints)
	return closed("An object with lat and lon lies in the exterior ring and in no interior one. Rings are closed, borders count in, edges are straight in degrees. At most 4096 points.",
		map[string]*huma.Schema{"exterior": ring, "interiors": list(ring, lode.MaxPolygonPoints)}, "exterior")
}

func geoPointSchema() *huma.Schema {
	within := func(most float64) *huma.Schema {
		least := -most
		return &huma.Schema{Type: huma.TypeNumber, Minimum: &least, Maximum: &most}
	}
	return closed("A place in degrees.", map[string]*huma.Schema{"lat": within(90), "lon": within(180)}, "lat", "lon")
}
