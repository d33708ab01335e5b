package lode_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/lodedb/lode"
)

// TestTestsOfOddValues is the table in the comment of Filter: every test against every kind of
// value. Columns: missing, null, [], another type, a passing scalar, a failing one, a list with
// a passing item, a list without, an object.
func TestTestsOfOddValues(t *testing.T) {
	const berlin, paris = `{"lat":52.52,"lon":13.405}`, `{"lat":48.8566,"lon":2.3522}`
	const id, other = `"{01890A5D-AC96-774B-BCCE-B302099A8057}"`, `"01890a5d-ac96-774b-bcce-b302099a8058"`
	tests := []struct{ test, mistyped, pass, fail, want string }{
		{`"eq":5`, `"5"`, `5`, `6`, "....+.+.."},
		{`"eq":null`, `0`, `null`, `6`, ".+..+.+.."},
		{`"eq":[]`, `0`, `[]`, `6`, "..+.+...."},
		{`"ne":5`, `"5"`, `6`, `5`, "+++++.+.+"},
		{`"in":[4,5]`, `"5"`, `5`, `6`, "....+.+.."},
		{`"in":[]`, `"5"`, `5`, `6`, "........."},
		{`"nin":[4,5]`, `"5"`, `6`, `5`, "+++++.+.+"},
		{`"nin":[]`, `"5"`, `5`, `6`, "+++++++++"},
		{`"gt":5`, `"6"`, `6`, `5`, "....+.+.."},
		{`"gte":"b"`, `7`, `"b"`, `"a"`, "....+.+.."},
		{`"gte":1,"lt":3`, `"2"`, `2`, `3`, "....+.+.."},
		{`"exists":true`, `5`, `5`, `6`, ".++++++++"},
		{`"exists":false`, `5`, `5`, `6`, "+........"},
		{`"is_null":true`, `5`, `null`, `6`, ".+..+.+.."},
		{`"is_null":false`, `5`, `6`, `null`, "+.+++...+"},
		{`"is_empty":true`, `5`, `5`, `6`, "+++......"},
		{`"is_empty":false`, `5`, `5`, `6`, "...++++++"},
		{`"values_count":{"lt":1}`, `5`, `5`, `6`, "+++......"},
		{`"values_count":{"gt":1,"lte":2}`, `5`, `5`, `6`, "......++."},
		{`"text":"two one"`, `5`, `"One, two, three"`, `"one three"`, "....+.+.."},
		{`"text_any":"two one"`, `5`, `"Two"`, `"three"`, "....+.+.."},
		{`"phrase":"two one"`, `5`, `"and TWO-one"`, `"one two"`, "....+.+.."},
		{`"prefix":"on"`, `5`, `"one"`, `"One"`, "....+.+.."},
		{`"uuid":"urn:uuid:01890a5dac96774bbcceb302099a8057"`, `5`, id, other, "....+.+.."},
		{`"geo_radius":{"center":` + berlin + `,"meters":1000}`, `"` + `52.52,13.405` + `"`, berlin, paris, "....+.+.."},
		{`"geo_box":{"top_left":{"lat":53,"lon":13},"bottom_right":{"lat":52,"lon":14}}`, `52.5`, berlin, paris, "....+.+.."},
		{`"geo_polygon":{"exterior":[{"lat":53,"lon":13},{"lat":53,"lon":14},{"lat":52,"lon":13}]}`, `52.5`, berlin, paris, "....+.+.."},
	}
	for _, c := range tests {
		values := []string{"", "null", "[]", c.mistyped, c.pass, c.fail, "[" + c.fail + "," + c.pass + "]", "[" + c.fail + "," + c.fail + "]", `{"z":1}`}
		if strings.HasPrefix(c.pass, "[") {
			values[6], values[7] = "["+c.fail+"]", "["+c.fail+"]"
		}
		if strings.HasPrefix(c.test, `"n`) { // what passes for all items
			values[6], values[7] = "["+c.pass+","+c.pass+"]", "["+c.fail+","+c.pass+"]"
		}
		for i, v := range values {
			checkEverywhere(t, c.test, v, c.want[i] == '+')
		}
	}
}

// checkEverywhere asks for a value under a key, in an object under both spellings of the path,
// below a list, and relative to an object.
func checkEverywhere(t *testing.T, test, value string, want bool) {
	t.Helper()
	flat, nested, dotted, listed := `{"k":`+value+`}`, `{"o":{"k":`+value+`}}`, `{"o.k":`+value+`}`, `{"o":[{"k":`+value+`}]}`
	if value == "" {
		flat, nested, dotted, listed = `{}`, `{"o":{}}`, `{}`, `{"o":[{}]}`
	}
	checkMatch(t, `{"field":"k",`+test+`}`, flat, want)
	for _, in := range []string{nested, dotted, listed} {
		checkMatch(t, `{"field":"o.k",`+test+`}`, in, want)
		checkMatch(t, `{"not":{"field":"o[].k",`+test+`}}`, in, !want)
		inside := want && in != dotted
		checkMatch(t, `{"nested":{"path":"o","match":{"field":"k",`+test+`}}}`, in, inside)
	}
}

func checkMatch(t *testing.T, clause, meta string, want bool) {
	t.Helper()
	f := filter(t, clause)
	d := &lode.Document{ID: "doc-1", Metadata: metadata(t, meta)}
	if got := f.Match(d); got != want {
		t.Errorf("%s of %s: got %v", clause, meta, got)
	}
	written, err := json.Marshal(f)
	if err != nil {
		t.Fatal(err)
	}
	if again := filter(t, string(written)); again.Match(d) != want {
		t.Errorf("%s became %s", clause, written)
	}
}

func TestFilterForms(t *testing.T) {
	f := func(clause string, want bool) {
		t.Helper()
		checkMatch(t, clause, library, want)
	}
	no, yes := `{"or":[]}`, `{}`
	for matching := range 4 {
		of := strings.Repeat(yes+",", matching) + strings.Repeat(no+",", 3-matching)
		for count := 1; count <= 4; count++ {
			f(fmt.Sprintf(`{"min_should":{"count":%d,"of":[%s]}}`, count, strings.TrimSuffix(of, ",")), matching >= count)
		}
	}
	f(`{"min_should":{"count":1,"of":[]}}`, false)
	f(`{"has_id":["doc-2","doc-1"]}`, true)
	f(`{"has_id":["doc-2"]}`, false)
	f(`{"has_id":[]}`, false)
	f(`{"not":{"has_id":[]}}`, true)
	f(`{"and":[{"field":"authors.name","eq":"Ada"},{"field":"authors.born","is_null":true}]}`, true)
	same := `{"nested":{"path":"authors","match":{"and":[{"field":"name","eq":"%s"},{"field":"born","is_null":true}]}}}`
	f(fmt.Sprintf(same, "Ada"), false)
	f(fmt.Sprintf(same, "Bob"), true)
	f(`{"nested":{"path":"authors[]","match":{"and":[{"field":"name","exists":false},{"has_id":["doc-1"]}]}}}`, true) // {}, not "anonymous"
	f(`{"nested":{"path":"a","match":{"nested":{"path":"c","match":{"field":"d","eq":3}}}}}`, true)
	f(`{"nested":{"path":"a","match":{"field":"a.b","exists":true}}}`, false) // relative, not from the top
	f(`{"nested":{"path":"title","match":{}}}`, false)
	f(`{"nested":{"path":"missing","match":{}}}`, false)
	f(`{"nested":{"path":"empty","match":{}}}`, false)
	f(`{"nested":{"path":"hole","match":{}}}`, true)
	// A list as operand is a list as a whole, and ne and nin are the contrary.
	f(`{"field":"a.c.d","eq":[2,3.0]}`, true)
	f(`{"field":"a.c.d","eq":[3,2]}`, false)
	f(`{"field":"a.c.d","ne":[2,3]}`, false)
	f(`{"field":"a.c.d","in":[[3],[2,3]]}`, true)
	f(`{"field":"a.c.d","nin":[[3],[2,3]]}`, false)
	f(`{"field":"a.c","eq":{"d":[2.0,3]}}`, true)
	f(`{"field":"a.c","eq":{"d":[2,3],"e":null}}`, false)
	f(`{"field":"marks","eq":{"n":2}}`, true)
	f(`{"field":"marks","values_count":{"gte":3,"lt":4},"is_null":true,"is_empty":false}`, true)
	f(`{"field":"authors.name","gt":"Ada","lt":"Bob"}`, false) // no single name is between
}

func TestFilterOperandsRefused(t *testing.T) {
	f := func(clause, field string, code lode.Code) {
		t.Helper()
		var parsed lode.Filter
		err := json.Unmarshal([]byte(clause), &parsed)
		if err == nil {
			t.Errorf("%s is accepted", lode.CutValue(clause))
			return
		}
		if e := coded(t, err); e.Code != code || e.Field != field {
			t.Errorf("%s: %s %q (%v)", lode.CutValue(clause), e.Code, e.Field, err)
		}
	}
	test := func(test, field string) {
		t.Helper()
		f(`{"and":[{},{"field":"a",`+test+`}]}`, "filter.and[1]."+field, lode.CodeInvalid)
	}
	test(`"gt":null`, "gt")
	test(`"lte":{}`, "lte")
	test(`"exists":null`, "exists")
	test(`"is_null":1`, "is_null")
	test(`"is_empty":"x"`, "is_empty")
	test(`"nin":null`, "nin")
	test(`"in":[1,[[2]]]`, "in[1][0]")
	test(`"eq":`+strings.Repeat("[{\"b\":", 5)+"1"+strings.Repeat("}]", 5), "eq[0].b[0].b[0].b[0].b")
	test(`"values_count":{}`, "values_count")
	test(`"values_count":3`, "values_count")
	test(`"values_count":{"gte":1.5}`, "values_count.gte")
	test(`"values_count":{"gte":0,"lt":-1}`, "values_count.lt")
	test(`"text":"--"`, "text")
	test(`"text_any":""`, "text_any")
	test(`"phrase":7`, "phrase")
	test(`"text":"`+strings.Repeat("a ", lode.MaxFilterWords+1)+`"`, "text")
	test(`"prefix":null`, "prefix")
	test(`"prefix":"`+strings.Repeat("a", lode.MaxMetadataTextBytes+1)+`"`, "prefix")
	test(`"uuid":"01890a5d-ac96"`, "uuid")
	test(`"uuid":5`, "uuid")
	test(`"geo_radius":{"center":{"lat":1,"lon":1}}`, "geo_radius.meters")
	test(`"geo_radius":{"center":{"lat":91,"lon":1},"meters":1}`, "geo_radius.center.lat")
	test(`"geo_radius":{"center":{"lat":1,"lon":"1"},"meters":1}`, "geo_radius.center.lon")
	test(`"geo_radius":{"center":{"lat":1,"lon":1},"meters":-1}`, "geo_radius.meters")
	test(`"geo_box":{"top_left":{"lat":1,"lon":1}}`, "geo_box.bottom_right")
	test(`"geo_box":{"top_left":{"lat":1,"lon":1},"bottom_right":{"lat":2,"lon":2}}`, "geo_box.top_left.lat")
	test(`"geo_polygon":{"exterior":[{"lat":1,"lon":1},{"lat":1,"lon":2},{"lat":1,"lon":1}]}`, "geo_polygon.exterior")
	ring := `[{"lat":1,"lon":1},{"lat":1,"lon":2},{"lat":2,"lon":1}]`
	test(`"geo_polygon":{"exterior":`+ring+`,"interiors":[`+ring+`,[{"lat":-91,"lon":0}]]}`, "geo_polygon.interiors[1][0].lat")
	test(`"geo_polygon":{"exterior":`+ring+`,"interiors":[`+strings.Repeat(ring+",", lode.MaxPolygonPoints/3)+ring+`]}`, "geo_polygon")
	f(`{"field":"a","geo_box":{"top":1}}`, "filter.geo_box.top", lode.CodeUnknownField)
	f(`{"field":"`+strings.Repeat("a", lode.MaxPathBytes+1)+`","eq":1}`, "filter.field", lode.CodeInvalid)
	f(`{"min_should":{"count":0,"of":[]}}`, "filter.min_should.count", lode.CodeInvalid)
	f(`{"min_should":{"of":[]}}`, "filter.min_should.count", lode.CodeInvalid)
	f(`{"min_should":{"count":1,"of":[{},{"field":"a"}]}}`, "filter.min_should.of[1].field", lode.CodeInvalid)
	f(`{"min_should":{"count":1,"of":[],"min":2}}`, "filter.min_should.min", lode.CodeUnknownField)
	f(`{"has_id":["a",5]}`, "filter.has_id[1]", lode.CodeInvalid)
	f(`{"has_id":[""]}`, "filter.has_id", lode.CodeInvalid)
	f(`{"has_id":[`+strings.Repeat(`"a",`, lode.MaxFilterIDs)+`"b"]}`, "filter.has_id", lode.CodeInvalid)
	f(`{"has_id":["a"],"field":"a","eq":1}`, "filter", lode.CodeInvalid)
	f(`{"nested":{"path":"","match":{}}}`, "filter.nested.path", lode.CodeInvalid)
	f(`{"nested":{"path":"a"}}`, "filter.nested.match", lode.CodeInvalid)
	f(`{"nested":{"path":"a","match":{"field":"b","gt":true}}}`, "filter.nested.match.gt", lode.CodeInvalid)
	f(strings.Repeat(`{"nested":{"path":"a","match":`, 20)+`{}`+strings.Repeat(`}}`, 20), "filter"+strings.Repeat(".nested.match", lode.MaxFilterDepth), lode.CodeInvalid)
}
