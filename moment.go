package lode

import (
	"strconv"
	"strings"
	"time"
)

// Moment is a place in the log, and the time that the command there says.
type Moment struct {
	Index uint64    `cbor:"1,keyasint"`
	At    time.Time `cbor:"2,keyasint"`
}

// Period is a length of time as settings say it: in days ("7d"), or as Go writes durations
// ("36h", "90m").
type Period time.Duration

const day = 24 * time.Hour

// Bounds of [Tuning.History].
const (
	LeastHistory = Period(time.Second)
	MostHistory  = Period(3660 * day)
)

// ParsePeriod reads a length of time.
func ParsePeriod(s string) (Period, error) {
	if days, ok := strings.CutSuffix(s, "d"); ok {
		n, err := strconv.ParseUint(days, 10, 16)
		if err == nil {
			return Period(time.Duration(n) * day), nil
		}
	}
	if s == "0" {
		return 0, nil
	}
	d, err := time.ParseDuration(s)
	if err != nil || d < 0 {
		return 0, Errorf(CodeInvalid, "%q is no length of time", s).WithHint("write it as 7d, 36h or 90m, or 0 for none")
	}
	return Period(d), nil
}

// String is the period as [ParsePeriod] reads it.
func (p Period) String() string {
	d := time.Duration(p)
	switch {
	case d == 0:
		return "0"
	case d%day == 0:
		return strconv.FormatInt(int64(d/day), 10) + "d"
	}
	return d.String()
}

// MarshalText and UnmarshalText are the same for JSON.
func (p Period) MarshalText() ([]byte, error) { return []byte(p.String()), nil }

// UnmarshalText reads what ParsePeriod reads.
func (p *Period) UnmarshalText(b []byte) (err error) {
	*p, err = ParsePeriod(string(b))
	return err
}
