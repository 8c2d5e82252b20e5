package redistest

import (
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// ownUser is the user that the package adds if Options.ACL has users. So no line of Options.ACL can
// lock the package out.
const ownUser = "redistest"

// login is the user and password for AUTH. Without a password there is no AUTH.
type login struct{ user, password string }

func newLogin(o Options) (login, error) {
	for _, line := range o.ACL {
		fields := strings.Fields(line)
		if len(fields) < 2 || fields[0] != "user" {
			// The error does not repeat the line: it may hold a password.
			return login{}, errors.New("redistest: a line of ACL must begin with \"user NAME\"")
		}
		if fields[1] == ownUser {
			return login{}, fmt.Errorf("redistest: ACL: the user %s is the package's own", ownUser)
		}
	}
	if len(o.ACL) == 0 {
		return login{password: o.Password}, nil
	}
	return login{user: ownUser, password: rand.Text()}, nil
}

func (l login) command() []string {
	if l.user == "" {
		return []string{"AUTH", l.password}
	}
	return []string{"AUTH", l.user, l.password}
}

// userArguments returns the users as arguments, and not as an ACL file: a server that loads a file
// forgets the password that --requirepass gave the default user.
func (c config) userArguments() []string {
	if len(c.ACL) == 0 {
		return nil
	}
	args := []string{"--user", c.login.user, "on", ">" + c.login.password, "~*", "&*", "+@all"}
	for _, line := range c.ACL {
		args = append(args, "--user")
		args = append(args, strings.Fields(line)[1:]...)
	}
	if versionOf(c.Path).atLeast(6, 2) {
		return args
	}
	return slices.DeleteFunc(args, aboutChannels)
}

// aboutChannels tells whether an argument is a rule that Redis 6.0 does not know.
func aboutChannels(arg string) bool {
	return strings.HasPrefix(arg, "&") || arg == "allchannels" || arg == "resetchannels"
}
