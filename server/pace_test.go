package server

import (
	"context"
	"testing"
	"time"
)

// TestPace: a build pauses while searches beside it are slow, for a bounded time, and not
// otherwise.
func TestPace(t *testing.T) {
	const quiet = time.Millisecond
	for _, c := range []struct {
		name    string
		before  int           // quiet searches
		beside  time.Duration // what each of ten searches takes, 0: none is there
		worked  time.Duration
		want    time.Duration
		learned bool // something about quiet searches
	}{
		{"nobody searches", 10, 0, 20 * time.Millisecond, 0, true},
		{"searches do not suffer", 10, quiet, 20 * time.Millisecond, 0, true},
		{"searches suffer", 10, 2 * quiet, 20 * time.Millisecond, pausePerWork * 20 * time.Millisecond, true},
		{"a long piece of work", 10, 2 * quiet, time.Minute, longestPause, true},
		{"it is too early to tell", 10, 2 * quiet, lookInterval / 2, 0, true},
		{"what is quiet is not known", 0, quiet, 20 * time.Millisecond, pausePerWork * 20 * time.Millisecond, false},
	} {
		var p pace
		for range c.before {
			p.searched(time.Now(), quiet)
		}
		end := p.begin()
		if c.beside > 0 {
			for range 10 {
				p.searched(time.Now(), c.beside)
			}
		}
		if got := p.due(p.looked.Add(c.worked)); got != c.want {
			t.Errorf("%s: a pause of %v, want %v", c.name, got, c.want)
		}
		if (p.quiet == quiet) != c.learned {
			t.Errorf("%s: quiet searches take %v", c.name, p.quiet)
		}
		p.resume(time.Now())
		end()
	}
}

// TestPaceLearnsInPauses: what searches take in a pause is what they take without a build, and
// a build that is stopped does not wait for the end of its pause.
func TestPaceLearnsInPauses(t *testing.T) {
	var p pace
	defer p.begin()()
	p.searched(time.Now(), time.Second)
	p.looked = time.Now().Add(-time.Hour)
	ctx, stop := context.WithCancel(t.Context())
	stop()
	began := time.Now()
	p.yield(ctx)
	if p.paused || time.Since(began) > longestPause {
		t.Errorf("paused %v after %v", p.paused, time.Since(began))
	}
	p.searched(time.Now(), time.Second)
	if p.due(p.looked.Add(time.Second)) == 0 {
		t.Fatal("no pause is due")
	}
	p.searched(p.calm.Add(time.Millisecond/2), time.Millisecond) // it began before the pause
	if p.quiet != 0 || p.count != 1 {
		t.Errorf("quiet searches take %v, %d suffer", p.quiet, p.count)
	}
	p.searched(p.calm.Add(2*time.Millisecond), time.Millisecond)
	if p.quiet != time.Millisecond {
		t.Errorf("quiet searches take %v", p.quiet)
	}
}
