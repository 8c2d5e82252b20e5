package store

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"
)

// A page ends with the step that finds the session number pageSize, or after pageSteps steps. A step looks
// at pageCount keys.
const (
	pageSize  = 50
	pageCount = 100
	pageSteps = 100
)

// ErrCursor says that no page has that cursor, or that its server is not a master any more.
var ErrCursor = errors.New("no page has that cursor")

// Page is [Store.Scan] in pages: it returns some live sessions, and the cursor of the next page, "" after
// the last. The cursor "" is that of the first page. A page may be empty and not the last.
//
// A cursor is the position of SCAN, after the address of the master and a slash where there are several.
func (s *Store) Page(ctx context.Context, valid func(handle string) bool, cursor string, fields []string, again Repeat) (page []Inspected, next string, err error) {
	var masters []*Master
	err = again(func() (err error) {
		masters, err = Masters(ctx, s.Client)
		return err
	})
	if err != nil {
		return nil, "", err
	}
	slices.SortFunc(masters, func(a, b *Master) int { return cmp.Compare(a.Addr, b.Addr) })
	at, position, err := parseCursor(masters, cursor)
	if err != nil {
		return nil, "", err
	}
	for range pageSteps {
		var found []Inspected
		found, position, err = s.step(ctx, masters[at], position, pageCount, valid, fields, again)
		if err != nil {
			return nil, "", err
		}
		page = append(page, found...)
		if position == 0 {
			if at++; at == len(masters) {
				return page, "", nil
			}
		}
		if len(page) >= pageSize {
			break
		}
	}
	return page, formatCursor(masters[at], position), nil
}

// step is one SCAN, and a look at the sessions that it finds. An error about a single session is in the list.
func (s *Store) step(ctx context.Context, master *Master, cursor uint64, count int64, valid func(handle string) bool, fields []string, again Repeat) (found []Inspected, next uint64, err error) {
	var keys []string
	err = again(func() (err error) {
		keys, next, err = master.Scan(ctx, cursor, s.Keys.AllData(), count).Result()
		return err
	})
	if err != nil {
		return nil, 0, err
	}
	var handles []string
	for _, key := range keys {
		if handle, ok := s.Keys.DataHandle(key); ok && valid(handle) {
			handles = append(handles, handle)
		}
	}
	err = again(func() (err error) {
		found, err = s.inspect(ctx, handles, fields, true)
		return err
	})
	found = slices.DeleteFunc(found, func(i Inspected) bool { return i.Status != Done && i.Err == nil })
	return found, next, err
}

func formatCursor(m *Master, position uint64) string {
	text := strconv.FormatUint(position, 10)
	if m.Addr == "" {
		return text
	}
	return m.Addr + "/" + text
}

func parseCursor(masters []*Master, cursor string) (at int, position uint64, err error) {
	if len(masters) == 0 {
		return 0, 0, errors.New("no master of Redis is known")
	}
	if cursor == "" {
		return 0, 0, nil
	}
	addr, number, several := strings.Cut(cursor, "/")
	if !several {
		addr, number = "", cursor
	}
	at = slices.IndexFunc(masters, func(m *Master) bool { return m.Addr == addr })
	position, err = strconv.ParseUint(number, 10, 64)
	if at < 0 || err != nil {
		return 0, 0, ErrCursor
	}
	return at, position, nil
}
