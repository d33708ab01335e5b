package payload

import (
	"cmp"
	"math"
	"slices"
	"sort"

	"github.com/lodedb/lode"
)

// places are the places of a column from south to north.
type places []placeAt

type placeAt struct {
	lode.GeoPoint
	head uint16
}

// placeIndex returns the places of the column.
func (c *core) placeIndex(col *column) places {
	return *col.places.get(func() *places {
		list := places{}
		for i := range c.docs {
			e := &c.docs[i]
			e.doc.Metadata.Each(col.field, func(v lode.Value) bool {
				if at, ok := v.Geo(); ok {
					list = append(list, placeAt{at, e.first})
				}
				return true
			})
		}
		slices.SortStableFunc(list, func(a, b placeAt) int { return cmp.Compare(a.Lat, b.Lat) })
		return &list
	})
}

// area is one of the tests of places, with bounds that it lies within. Only places within the
// bounds are tested, which is exact.
type area struct {
	contains func(lode.GeoPoint) bool
	bounds
}

type bounds struct{ south, north, west, east float64 }

// slack widens bounds by some ten centimetres, which is much more than the error of reckoning
// them and of the tests.
const slack = 1e-6

func (a *area) or(list places, into *Rows) {
	from := sort.Search(len(list), func(i int) bool { return list[i].Lat >= a.south })
	for i := from; i < len(list) && list[i].Lat <= a.north; i++ {
		p := &list[i]
		if a.west <= p.Lon && p.Lon <= a.east && !into.Has(int(p.head)) && a.contains(p.GeoPoint) {
			into.Set(int(p.head))
		}
	}
}

// everyLon are bounds of all places between two parallels.
func everyLon(south, north float64) bounds {
	return bounds{south - slack, north + slack, math.Inf(-1), math.Inf(1)}
}

// radiusArea leaves longitudes open where the circle has a pole in it or comes to the
// antimeridian.
func radiusArea(r *lode.GeoRadius) *area {
	const degree = math.Pi / 180
	angle := r.Meters/lode.EarthRadius + slack*degree
	b := everyLon(r.Center.Lat-angle/degree, r.Center.Lat+angle/degree)
	if b.south > -90 && b.north < 90 {
		width := math.Asin(math.Sin(angle)/math.Cos(r.Center.Lat*degree))/degree + slack
		if west, east := r.Center.Lon-width, r.Center.Lon+width; west > -180 && east < 180 {
			b.west, b.east = west, east
		}
	}
	return &area{r.Contains, b}
}

func boxArea(b *lode.GeoBox) *area {
	return &area{b.Contains, everyLon(b.BottomRight.Lat, b.TopLeft.Lat)}
}

func polygonArea(g *lode.GeoPolygon) *area {
	b := bounds{math.Inf(1), math.Inf(-1), math.Inf(1), math.Inf(-1)}
	for _, p := range g.Exterior {
		b.south, b.north = min(b.south, p.Lat-slack), max(b.north, p.Lat+slack)
		b.west, b.east = min(b.west, p.Lon-slack), max(b.east, p.Lon+slack)
	}
	return &area{g.Contains, b}
}
