package stage

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
)

// keyView is a key in Redis, for the page.
type keyView struct {
	Name   string      `json:"name"`
	Says   string      `json:"says"` // what it is for
	Fields []fieldView `json:"fields"`
	LeftMS int64       `json:"leftMs"` // until it expires; -1 if it does not
}

// fieldView is a field of a hash, or the content of another key, with Name "".
type fieldView struct {
	Name  string `json:"name"`
	Value string `json:"value"`
	Says  string `json:"says"`
}

// suffixes are the keys of a session, and what each is for.
var suffixes = []struct{ name, says string }{
	{"Data", "the session: a field for each value"},
	{"Lock", "a request holds the session"},
	{"Waiters", "requests that wait, in other processes"},
	{"Timeout", "the session is alive while this key is there"},
	{"Rotated", "proofs of secrets that were replaced, for a minute"},
	{"Merged", "commits of requests without a lock, for a minute"},
	{"Ended", "what the session held at its end, until that is handled"},
	{"Claim", "somebody handles the end"},
}

// keys reads what Redis has of a session.
func (s *Stage) keys(ctx context.Context, handle string) ([]keyView, error) {
	pipe := s.Client.Pipeline()
	type reply struct {
		hash *redis.MapStringStringCmd
		text *redis.StringCmd
		left *redis.DurationCmd
	}
	replies := make([]reply, len(suffixes))
	for i, suffix := range suffixes {
		key := s.key(handle, suffix.name)
		if suffix.name == "Data" || suffix.name == "Ended" {
			replies[i].hash = pipe.HGetAll(ctx, key)
		} else {
			replies[i].text = pipe.Get(ctx, key)
		}
		replies[i].left = pipe.PTTL(ctx, key)
	}
	if _, err := pipe.Exec(ctx); err != nil && !errors.Is(err, redis.Nil) {
		return nil, err
	}
	views := []keyView{}
	for i, suffix := range suffixes {
		view := keyView{Name: s.key(handle, suffix.name), Says: suffix.says, LeftMS: replies[i].left.Val().Milliseconds()}
		if replies[i].left.Val() < 0 { // -1ns: it does not expire; -2ns: it is not there
			view.LeftMS = -1
		}
		if replies[i].hash != nil {
			if view.Fields = fieldsOf(replies[i].hash.Val()); len(view.Fields) == 0 {
				continue
			}
		} else if text, err := replies[i].text.Result(); err == nil {
			view.Fields = []fieldView{{Value: cmp.Or(short(text), `""`)}}
		} else {
			continue
		}
		views = append(views, view)
	}
	return views, nil
}

func (s *Stage) key(handle, suffix string) string { return "{" + s.App + "_" + handle + "}_" + suffix }

func fieldsOf(hash map[string]string) []fieldView {
	var fields []fieldView
	for name, value := range hash {
		field := fieldView{Name: name, Value: value}
		switch name {
		case "_berth":
			field.Says = "times, last commit, and who is signed in"
		case "_berth_secret":
			field.Value, field.Says = short(value), "a proof of the cookie's secret; the secret is not here"
		}
		fields = append(fields, field)
	}
	slices.SortFunc(fields, func(a, b fieldView) int {
		if own := strings.HasPrefix(a.Name, "_berth"); own != strings.HasPrefix(b.Name, "_berth") {
			if own {
				return 1
			}
			return -1
		}
		return strings.Compare(a.Name, b.Name)
	})
	return fields
}

// short is the beginning of a token or proof, which says nothing to a reader.
func short(text string) string {
	if len(text) <= 8 {
		return text
	}
	return text[:8] + "…"
}

// decoded adds to the session's own facts what they say.
func (s *Stage) decoded(ctx context.Context, handle string, views []keyView) []keyView {
	seen, err := s.Manager.Inspect(ctx, handle)
	if err != nil {
		return views // it has ended, and the fields say enough
	}
	user := "nobody is signed in"
	if seen.Principal != "" {
		user = seen.Principal + " is signed in"
	}
	views = slices.Clone(views)
	views[0].Fields = slices.Clone(views[0].Fields)
	for i, field := range views[0].Fields {
		if field.Name == "_berth" {
			views[0].Fields[i].Says = fmt.Sprintf("%s; ends after %s without a request; began at %s",
				user, plain(seen.Timeout), seen.CreatedAt.Format("15:04:05"))
		}
	}
	if seen.Principal == "" {
		return views
	}
	key := "{" + s.App + "_Principal_" + seen.Principal + "}"
	handles, err := s.Client.ZRange(ctx, key, 0, 9).Result()
	left, leftErr := s.Client.PTTL(ctx, key).Result()
	if err != nil || leftErr != nil || len(handles) == 0 {
		return views
	}
	index := keyView{Name: key, Says: "the sessions of " + seen.Principal, LeftMS: left.Milliseconds()}
	for _, one := range handles {
		index.Fields = append(index.Fields, fieldView{Value: one})
	}
	return append(views, index)
}

// plain is a duration as people say it.
func plain(d time.Duration) string {
	if d%time.Minute == 0 {
		return fmt.Sprintf("%d minutes", d/time.Minute)
	}
	return fmt.Sprintf("%d seconds", d/time.Second)
}

// same tells whether two looks at the keys show the same, after the time between them.
func same(a, b []keyView, between time.Duration) bool {
	return slices.EqualFunc(a, b, func(a, b keyView) bool {
		drift := a.LeftMS - b.LeftMS - between.Milliseconds()
		expires := a.LeftMS >= 0
		return a.Name == b.Name && slices.Equal(a.Fields, b.Fields) && expires == (b.LeftMS >= 0) &&
			(!expires || drift > -500 && drift < 500)
	})
}
