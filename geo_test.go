package lode_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/lodedb/lode"
)

// TestDistance compares with the angle between two vectors on the unit sphere, which is another
// way to reckon it, and with distances that are widely published.
func TestDistance(t *testing.T) {
	seed := rand.Uint64()
	r := rand.New(rand.NewPCG(seed, 0))
	unit := func(p lode.GeoPoint) [3]float64 {
		lat, lon := p.Lat*math.Pi/180, p.Lon*math.Pi/180
		return [3]float64{math.Cos(lat) * math.Cos(lon), math.Cos(lat) * math.Sin(lon), math.Sin(lat)}
	}
	for range 1000 {
		p := lode.GeoPoint{Lat: r.Float64()*180 - 90, Lon: r.Float64()*360 - 180}
		q := lode.GeoPoint{Lat: r.Float64()*180 - 90, Lon: r.Float64()*360 - 180}
		a, b := unit(p), unit(q)
		cross := math.Hypot(math.Hypot(a[1]*b[2]-a[2]*b[1], a[2]*b[0]-a[0]*b[2]), a[0]*b[1]-a[1]*b[0])
		want := lode.EarthRadius * math.Atan2(cross, a[0]*b[0]+a[1]*b[1]+a[2]*b[2])
		if got := p.Distance(q); math.Abs(got-want) > 0.5 || got != q.Distance(p) {
			t.Fatalf("seed %d: %v to %v: %v, want %v", seed, p, q, got, want)
		}
	}
	f := func(lat1, lon1, lat2, lon2, want float64) {
		t.Helper()
		if got := (lode.GeoPoint{Lat: lat1, Lon: lon1}).Distance(lode.GeoPoint{Lat: lat2, Lon: lon2}); math.Abs(got-want) > want*0.002 {
			t.Errorf("%v", got)
		}
	}
	f(52.52, 13.405, 48.8566, 2.3522, 878_000)       // Berlin, Paris
	f(40.7128, -74.006, 51.5074, -0.1278, 5_570_000) // New York, London
	f(90, 0, -90, 123, math.Pi*lode.EarthRadius)
	f(0, 179.5, 0, -179.5, 111_195)
}

func geoMatch(t *testing.T, test string, lat, lon float64, want bool) {
	t.Helper()
	checkMatch(t, `{"field":"at",`+test+`}`, fmt.Sprintf(`{"at":{"lat":%v,"lon":%v}}`, lat, lon), want)
}

func TestGeoRadius(t *testing.T) {
	f := func(meters, lat, lon float64, want bool) {
		t.Helper()
		geoMatch(t, fmt.Sprintf(`"geo_radius":{"center":{"lat":0,"lon":180},"meters":%v}`, meters), lat, lon, want)
	}
	f(0, 0, 180, true)
	f(1e-6, 0, -180, true) // but for rounding the same place
	f(0, 0, 179.999, false)
	f(111_200, 0, -179, true)
	f(111_190, 0, -179, false)
	f(111_200, 1, 180, true)
	f(3e7, 0, 0, true)
}

func TestGeoBox(t *testing.T) {
	f := func(top, left, bottom, right, lat, lon float64, want bool) {
		t.Helper()
		geoMatch(t, fmt.Sprintf(`"geo_box":{"top_left":{"lat":%v,"lon":%v},"bottom_right":{"lat":%v,"lon":%v}}`, top, left, bottom, right), lat, lon, want)
	}
	f(10, -10, -10, 10, 0, 0, true)
	f(10, -10, -10, 10, 10, -10, true) // corners and borders
	f(10, -10, -10, 10, -10, 3, true)
	f(10, -10, -10, 10, 10.001, 0, false)
	f(10, -10, -10, 10, 0, -10.001, false)
	f(10, 170, -10, -170, 0, 175, true) // across the antimeridian
	f(10, 170, -10, -170, 0, -175, true)
	f(10, 170, -10, -170, 0, 0, false)
	f(10, 170, -10, -170, 11, 175, false)
	f(10, 170, -10, 180, 0, -180, true) // one meridian under two names
	f(10, -180, -10, -170, 0, 180, true)
	f(5, 5, 5, 5, 5, 5, true)
}

func TestGeoPolygon(t *testing.T) {
	const (
		square  = `[{"lat":0,"lon":0},{"lat":0,"lon":10},{"lat":10,"lon":10},{"lat":10,"lon":0}]`
		closed  = `[{"lat":0,"lon":0},{"lat":0,"lon":10},{"lat":10,"lon":10},{"lat":10,"lon":0},{"lat":0,"lon":0}]`
		reverse = `[{"lat":10,"lon":0},{"lat":10,"lon":10},{"lat":0,"lon":10},{"lat":0,"lon":0}]`
		hole    = `[{"lat":4,"lon":4},{"lat":4,"lon":6},{"lat":6,"lon":6},{"lat":6,"lon":4}]`
		bowtie  = `[{"lat":0,"lon":0},{"lat":10,"lon":10},{"lat":10,"lon":0},{"lat":0,"lon":10}]`
		ell     = `[{"lat":0,"lon":0},{"lat":0,"lon":10},{"lat":5,"lon":10},{"lat":5,"lon":5},{"lat":10,"lon":5},{"lat":10,"lon":0}]`
	)
	f := func(rings string, lat, lon float64, want bool) {
		t.Helper()
		geoMatch(t, `"geo_polygon":{"exterior":`+rings+`}`, lat, lon, want)
	}
	for _, ring := range []string{square, closed, reverse} {
		f(ring, 5, 5, true)
		f(ring, 5, 0, true) // borders and corners
		f(ring, 10, 3, true)
		f(ring, 0, 0, true)
		f(ring, 10, 10, true)
		f(ring, 5, 10.0001, false)
		f(ring, 0, -1, false) // beside an edge, on its line
		f(ring, 10, 11, false)
		f(ring, -0.0001, 5, false)
		holed := ring + `,"interiors":[` + hole + `]`
		f(holed, 5, 5, false)
		f(holed, 4, 5, true) // the border of a hole belongs to the polygon
		f(holed, 6, 6, true)
		f(holed, 3.999, 5, true)
		f(holed, 5, 12, false)
	}
	f(bowtie, 5, 5, true)
	f(bowtie, 2, 5, true)
	f(bowtie, 5, 8, false)
	f(bowtie, 5, 2, false)
	f(bowtie, 8, 5, true)
	f(ell, 7, 7, false)
	f(ell, 5, 2, true) // a ray along an edge
	f(ell, 5, 7, true)
	f(ell, 5, 11, false)
	f(ell, 10, 5, true)
	f(`[{"lat":0.1,"lon":0.1},{"lat":0.7,"lon":0.4},{"lat":0,"lon":0.9}]`, 0.4, 0.25, true) // the middle of a slanted edge
}

// TestGeoPolygonAgainstFan holds the polygon to the triangles that it is made of.
func TestGeoPolygonAgainstFan(t *testing.T) {
	seed := rand.Uint64()
	r := rand.New(rand.NewPCG(seed, 0))
	inTriangle := func(a, b, c, p lode.GeoPoint) bool {
		side := func(a, b lode.GeoPoint) bool {
			return (b.Lon-a.Lon)*(p.Lat-a.Lat)-(b.Lat-a.Lat)*(p.Lon-a.Lon) >= 0
		}
		return side(a, b) == side(b, c) && side(b, c) == side(c, a)
	}
	hits := 0
	for range 2000 {
		var g lode.GeoPolygon
		corners := 3 + r.IntN(8)
		for i := range corners { // a star around the middle
			angle, length := 2*math.Pi*float64(i)/float64(corners), 1+9*r.Float64()
			g.Exterior = append(g.Exterior, lode.GeoPoint{Lat: length * math.Sin(angle), Lon: length * math.Cos(angle)})
		}
		p := lode.GeoPoint{Lat: 20*r.Float64() - 10, Lon: 20*r.Float64() - 10}
		want := false
		for i, a := range g.Exterior {
			want = want || inTriangle(lode.GeoPoint{}, a, g.Exterior[(i+1)%corners], p)
		}
		if g.Contains(p) != want {
			t.Fatalf("seed %d: %v in %v: want %v", seed, p, g.Exterior, want)
		}
		if want {
			hits++
		}
	}
	if hits < 200 || hits > 1800 {
		t.Errorf("seed %d: %d of 2000 are within", seed, hits)
	}
}

func TestGeoValues(t *testing.T) {
	for s, want := range map[string]bool{
		`{"lat":1,"lon":2}`: true, `{"lat":-90.0,"lon":180,"name":"x"}`: true, `{"lat":1}`: false, `{"lat":"1","lon":2}`: false,
		`{"lat":91,"lon":2}`: false, `{"lat":1,"lon":-181}`: false, `{}`: false, `[1,2]`: false, `null`: false, `{"lat":null,"lon":2}`: false,
	} {
		var v lode.Value
		if err := v.UnmarshalJSON([]byte(s)); err != nil {
			t.Fatal(err)
		}
		if _, ok := v.Geo(); ok != want {
			t.Errorf("%s: got %v", s, ok)
		}
	}
}
