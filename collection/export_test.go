package collection

// SetKeep makes a node keep fewer named writes, so that tests see them dropped.
func (e *Engine) SetKeep(n int) { e.keep = n }
