package lode

import "math"

// EarthRadius is the mean radius of the earth in metres, by which distances are reckoned.
const EarthRadius = 6_371_008.8

// MaxPolygonPoints is the largest number of points of a polygon, all rings together.
const MaxPolygonPoints = 4096

// GeoPoint is a place on earth in degrees (WGS 84).
type GeoPoint struct {
	Lat float64 `json:"lat"` // -90 to 90
	Lon float64 `json:"lon"` // -180 to 180
}

// Geo returns the place that a value is: an object with lat and lon, which are numbers within
// their bounds. It may hold more than these.
func (v Value) Geo() (p GeoPoint, ok bool) {
	if v.Kind != KindObject {
		return p, false
	}
	lat, ok1 := v.Fields["lat"].number()
	lon, ok2 := v.Fields["lon"].number()
	p = GeoPoint{Lat: lat, Lon: lon}
	return p, ok1 && ok2 && p.validate() == nil
}

func (v Value) number() (float64, bool) {
	if v.Kind == KindInteger {
		return float64(v.Int), true
	}
	return v.Num, v.Kind == KindFloat
}

func (p GeoPoint) validate() *Error {
	if !(math.Abs(p.Lat) <= 90) {
		return Invalid("lat", p.Lat, "lat must be -90 to 90")
	}
	if !(math.Abs(p.Lon) <= 180) {
		return Invalid("lon", p.Lon, "lon must be -180 to 180")
	}
	return nil
}

// Distance returns the length of the great circle between two places in metres, on a sphere of
// [EarthRadius] by the haversine formula, which is within 0.6 % of the true length. The last bits
// may differ between kinds of CPU: nothing that must be equal on every node may depend on it.
func (p GeoPoint) Distance(q GeoPoint) float64 {
	const degree = math.Pi / 180
	lat := math.Sin((q.Lat - p.Lat) * degree / 2)
	lon := math.Sin((q.Lon - p.Lon) * degree / 2)
	h := lat*lat + math.Cos(p.Lat*degree)*math.Cos(q.Lat*degree)*lon*lon
	return 2 * EarthRadius * math.Asin(math.Sqrt(min(h, 1)))
}

// GeoRadius holds the places within a distance of a centre, the border included.
type GeoRadius struct {
	Center GeoPoint `json:"center"`
	Meters float64  `json:"meters"`
}

// Contains reports whether a place is within.
func (r *GeoRadius) Contains(p GeoPoint) bool { return r.Center.Distance(p) <= r.Meters }

func (r *GeoRadius) validate() *Error {
	if err := r.Center.validate(); err != nil {
		return err.In("center")
	}
	if !(r.Meters >= 0) || math.IsInf(r.Meters, 0) {
		return Invalid("meters", r.Meters, "meters must be a finite number of at least 0")
	}
	return nil
}

// GeoBox holds the places between two parallels and two meridians, these included. Where the
// left meridian is greater than the right one, the box lies across the antimeridian.
type GeoBox struct {
	TopLeft     GeoPoint `json:"top_left"`
	BottomRight GeoPoint `json:"bottom_right"`
}

// Contains reports whether a place is within.
func (b *GeoBox) Contains(p GeoPoint) bool {
	if p.Lat > b.TopLeft.Lat || p.Lat < b.BottomRight.Lat {
		return false
	}
	return b.spans(p.Lon) || math.Abs(p.Lon) == 180 && b.spans(-p.Lon) // -180 and 180 are one meridian
}

func (b *GeoBox) spans(lon float64) bool {
	left, right := b.TopLeft.Lon, b.BottomRight.Lon
	if left > right {
		return lon >= left || lon <= right
	}
	return lon >= left && lon <= right
}

func (b *GeoBox) validate() *Error {
	if err := b.TopLeft.validate(); err != nil {
		return err.In("top_left")
	}
	if err := b.BottomRight.validate(); err != nil {
		return err.In("bottom_right")
	}
	if b.TopLeft.Lat < b.BottomRight.Lat {
		return Invalid("top_left.lat", b.TopLeft.Lat, "the top of the box is below its bottom, %v", b.BottomRight.Lat)
	}
	return nil
}

// GeoPolygon holds the places within a ring of points and not within any hole in it. Rings
// are closed: the first point may be repeated at the end. Borders, those of holes too, belong
// to the polygon. What a ring that crosses itself encloses is told by the even-odd rule.
//
// Edges are straight on a map with degrees as coordinates, as in GeoJSON, and none crosses the
// antimeridian: an area that does is two polygons, joined by or.
type GeoPolygon struct {
	Exterior  []GeoPoint   `json:"exterior"`
	Interiors [][]GeoPoint `json:"interiors,omitempty"`
}

// Contains reports whether a place is within.
func (g *GeoPolygon) Contains(p GeoPoint) bool {
	if ringSide(g.Exterior, p) == outside {
		return false
	}
	for _, hole := range g.Interiors {
		if ringSide(hole, p) == inside {
			return false
		}
	}
	return true
}

type side uint8

const (
	outside side = iota
	inside
	onBorder
)

// ringSide counts the edges that a ray from p to the east crosses.
func ringSide(ring []GeoPoint, p GeoPoint) side {
	now := outside
	for i, b := range ring {
		a := ring[(i+len(ring)-1)%len(ring)]
		cross := float64((b.Lon-a.Lon)*(p.Lat-a.Lat)) - float64((b.Lat-a.Lat)*(p.Lon-a.Lon)) // no fused multiply-add
		if onEdge(a, b, p, cross) {
			return onBorder
		}
		if (a.Lat > p.Lat) != (b.Lat > p.Lat) && (cross > 0) == (b.Lat > a.Lat) {
			now = inside - now
		}
	}
	return now
}

// onEdge allows for rounding: less than a ten-thousandth of a millimetre.
func onEdge(a, b, p GeoPoint, cross float64) bool {
	const slack = 1e-12 // degrees
	return math.Abs(cross) <= slack*(math.Abs(b.Lon-a.Lon)+math.Abs(b.Lat-a.Lat)) &&
		p.Lon >= min(a.Lon, b.Lon)-slack && p.Lon <= max(a.Lon, b.Lon)+slack &&
		p.Lat >= min(a.Lat, b.Lat)-slack && p.Lat <= max(a.Lat, b.Lat)+slack
}

func (g *GeoPolygon) validate() *Error {
	points := len(g.Exterior)
	if err := validateRing(g.Exterior); err != nil {
		return err.In("exterior")
	}
	for i, ring := range g.Interiors {
		points += len(ring)
		if err := validateRing(ring); err != nil {
			return err.In(indexed("interiors", i))
		}
	}
	if points > MaxPolygonPoints {
		return Invalid("", points, "a polygon has at most %d points", MaxPolygonPoints)
	}
	return nil
}

func validateRing(ring []GeoPoint) *Error {
	for i, p := range ring {
		if err := p.validate(); err != nil {
			return err.In(indexed("", i))
		}
	}
	corners := len(ring)
	if corners > 1 && ring[0] == ring[corners-1] {
		corners--
	}
	if corners < 3 {
		return Invalid("", corners, "a ring has at least 3 points")
	}
	return nil
}

// The JSON forms. Validate checks what they hold.
func parseGeoPoint(b []byte) (p GeoPoint, err error) {
	m, bad := readObject(b, "a geo point", "lat", "lon")
	if bad != nil {
		return p, bad
	}
	p = GeoPoint{Lat: need(&m, "lat", parseReal), Lon: need(&m, "lon", parseReal)}
	return p, m.failure()
}

func parseGeoRadius(b []byte) (r GeoRadius, err error) {
	m, bad := readObject(b, "geo_radius", "center", "meters")
	if bad != nil {
		return r, bad
	}
	r = GeoRadius{Center: need(&m, "center", parseGeoPoint), Meters: need(&m, "meters", parseReal)}
	return r, m.failure()
}

func parseGeoBox(b []byte) (box GeoBox, err error) {
	m, bad := readObject(b, "geo_box", "top_left", "bottom_right")
	if bad != nil {
		return box, bad
	}
	box = GeoBox{TopLeft: need(&m, "top_left", parseGeoPoint), BottomRight: need(&m, "bottom_right", parseGeoPoint)}
	return box, m.failure()
}

func parseGeoPolygon(b []byte) (g GeoPolygon, err error) {
	m, bad := readObject(b, "geo_polygon", "exterior", "interiors")
	if bad != nil {
		return g, bad
	}
	g.Exterior = need(&m, "exterior", parseRing)
	if rings := read(&m, "interiors", parseRings); rings != nil && len(*rings) > 0 {
		g.Interiors = *rings
	}
	return g, m.failure()
}

func parseRing(b []byte) ([]GeoPoint, error) { return parseItems(b, MaxPolygonPoints, parseGeoPoint) }

func parseRings(b []byte) ([][]GeoPoint, error) { return parseItems(b, MaxPolygonPoints, parseRing) }
