package vfs

import "fmt"

// Residence says how much of a mapped file the system should keep in memory.
type Residence uint8

// The residences.
const (
	Cached Residence = iota // what there is room for; the default
	Pinned                  // all of it, locked where the process may
	Cold                    // as little as can be: nothing is read ahead, what was read is given back
)

// Keep tells the system how to hold the mapping. It may be called again, with the same or
// another residence; Cold gives back what was read since. Only Pinned can fail: where the
// process may not lock so much, the content is read and then left to the system.
func (m *Mapping) Keep(r Residence) error {
	if len(m.data) == 0 || !m.mapped {
		return nil
	}
	if err := keep(m.data, r); err != nil {
		return fmt.Errorf("lock %d bytes in memory: %w", len(m.data), err)
	}
	return nil
}
