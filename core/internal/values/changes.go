package values

import "slices"

// Changes are what a commit has to write.
type Changes struct {
	Set     []string // keys, sorted
	Deleted []string // keys, sorted

	// Before and After are the bytes in keys and encoded values, in Redis and with the changes.
	Before, After int

	encoded [][]byte // the values of Set, before encryption
}

// Empty tells whether there are none.
func (c Changes) Empty() bool { return len(c.Set) == 0 && len(c.Deleted) == 0 }

// Bytes returns how large the keys and encoded values of Set are.
func (c Changes) Bytes() int {
	n := 0
	for i, key := range c.Set {
		n += len(key) + len(c.encoded[i])
	}
	return n
}

// Sealed returns the keys of Set and their values as Redis gets them, in turn. The handle is
// the session's.
func (c Changes) Sealed(coding *Coding, handle string) []any {
	list := make([]any, 0, 2*len(c.Set))
	for i, key := range c.Set {
		list = append(list, key, coding.seal(handle, key, c.encoded[i]))
	}
	return list
}

// Changes compares the values with what Redis has. It changes nothing.
func (vs *Values) Changes() (Changes, error) {
	var c Changes
	for key, raw := range vs.stored {
		c.Before += len(key) + len(raw)
	}
	c.After = c.Before
	for _, key := range vs.candidates() {
		v := vs.held[key]
		if v.deleted {
			c.After -= len(key) + len(v.raw)
			c.Deleted = append(c.Deleted, key)
			continue
		}
		content, changed, err := vs.content(key, v)
		if err != nil {
			return Changes{}, err
		}
		if !changed {
			continue
		}
		if v.stored {
			c.After -= len(key) + len(v.raw)
		}
		c.After += len(key) + len(content) + vs.coding.Sealer.overhead()
		c.Set, c.encoded = append(c.Set, key), append(c.encoded, content)
	}
	for _, key := range vs.dropped {
		if !slices.Contains(c.Set, key) {
			c.Deleted = append(c.Deleted, key)
		}
	}
	slices.Sort(c.Deleted)
	return c, nil
}

// candidates returns the keys of values that may have changed, sorted.
func (vs *Values) candidates() []string {
	var keys []string
	for key, v := range vs.held {
		if v.deleted || len(v.views) > 0 {
			keys = append(keys, key)
		}
	}
	slices.Sort(keys)
	return keys
}
