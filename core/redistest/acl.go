package redistest

import (
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
)

// ownUser is the user that the package adds where there are users, so that no
// line of Options.ACL can lock it out.
const ownUser = "redistest"

// login is what AUTH gets; without a password there is no AUTH.
type login struct{ user, password string }

func newLogin(o Options) (login, error) {
	for _, line := range o.ACL {
		fields := strings.Fields(line)
		if len(fields) < 2 || fields[0] != "user" {
			// The line is not repeated: it may hold a password.
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

// userArguments are arguments and not an ACL file, because loading a file
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
	return args
}
