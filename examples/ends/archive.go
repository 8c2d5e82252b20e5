package main

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"net/url"
	"time"

	_ "modernc.org/sqlite" // the driver

	"github.com/berthgo/berth/core/session"
)

// archive keeps the sessions that have ended.
type archive struct{ db *sql.DB }

// openArchive opens the archive in a file. It makes the file if there is none.
func openArchive(ctx context.Context, path string) (archive, error) {
	// Other processes may write at the same time: SQLite waits for them for 5 s.
	escaped := (&url.URL{Path: path}).EscapedPath()
	db, err := sql.Open("sqlite", "file:"+escaped+"?_pragma=busy_timeout(5000)&_pragma=journal_mode(wal)")
	if err != nil {
		return archive{}, err
	}
	_, err = db.ExecContext(ctx, `CREATE TABLE IF NOT EXISTS ended (
		handle  TEXT PRIMARY KEY, -- a session ends once
		user    TEXT NOT NULL,
		reason  TEXT NOT NULL,    -- '' if the data were gone
		at      INTEGER NOT NULL, -- in ms since 1970
		cart    TEXT NOT NULL     -- a JSON array
	) STRICT`)
	if err != nil {
		return archive{}, errors.Join(err, db.Close())
	}
	return archive{db}, nil
}

// save is a handler of ends. An end may come twice, as when this process dies before berth hears that it was saved. So
// the second one changes nothing. If save returns an error, berth hands the end out again.
func (a archive) save(ctx context.Context, e session.Ended) error {
	items, err := cart.Get(e.Session)
	if err != nil && !errors.Is(err, session.ErrNoValue) {
		return err // this program cannot read the cart: it is kept for one that can
	}
	content, err := json.Marshal(append([]string{}, items...))
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second) // HandleEnd and Close wait for handlers
	defer cancel()
	_, err = a.db.ExecContext(ctx, `INSERT INTO ended VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`,
		e.Handle, e.Principal, string(e.Reason), e.EndedAt.UnixMilli(), string(content))
	return err
}

// line is a session in the archive.
type line struct {
	User, Reason string
	At           time.Time
	Cart         []string
}

// last returns the sessions that have ended last, the last one first.
func (a archive) last(ctx context.Context, n int) (lines []line, err error) {
	rows, err := a.db.QueryContext(ctx, `SELECT user, reason, at, cart FROM ended ORDER BY at DESC LIMIT ?`, n)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var l line
		var at int64
		var content []byte
		if err := rows.Scan(&l.User, &l.Reason, &at, &content); err != nil {
			return nil, err
		}
		l.At = time.UnixMilli(at)
		if err := json.Unmarshal(content, &l.Cart); err != nil {
			return nil, err
		}
		lines = append(lines, l)
	}
	return lines, rows.Err()
}
