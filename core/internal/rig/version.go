package rig

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

var versionForm = regexp.MustCompile(`redis_version:(\d+)\.(\d+)`)

// Since tells whether the real server is Redis major.minor or newer. Valkey calls itself Redis 7.2.
func (r *Rig) Since(major, minor int) bool {
	r.T.Helper()
	info, err := r.Client.Info(r.T.Context(), "server").Result()
	found := versionForm.FindStringSubmatch(info)
	if err != nil || found == nil {
		r.T.Fatal(fmt.Errorf("the server does not tell its version: %w", err))
	}
	isMajor, _ := strconv.Atoi(found[1]) // they are digits
	isMinor, _ := strconv.Atoi(found[2])
	return isMajor > major || isMajor == major && isMinor >= minor
}

// Rules are rules of a user, without those that the server does not know: permissions for channels came
// with Redis 6.2, sharded channels with Redis 7.
func (r *Rig) Rules(rules ...string) []string {
	r.T.Helper()
	channels, sharded := r.Since(6, 2), r.Since(7, 0)
	var known []string
	for _, rule := range rules {
		switch {
		case !channels && (strings.HasPrefix(rule, "&") || rule == "resetchannels"):
		case !sharded && rule == "-ssubscribe":
		default:
			known = append(known, rule)
		}
	}
	return known
}
