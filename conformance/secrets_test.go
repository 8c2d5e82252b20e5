//go:build testall

package conformance_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/berthgo/berth/core/redistest"
)

const redisPassword = "the-password-of-this-redis"

// evidence is all that a run of the suite has said, by where, and what it must not say.
type evidence struct {
	said map[string][]byte
	ids  []string
}

// The places where a secret may turn up.
const (
	output  = "the output, with all logs and errors"
	monitor = "MONITOR"
	slowlog = "SLOWLOG"
	stored  = "the keys in Redis"
	itsLog  = "the log of redis-server, CLIENT LIST, ACL LOG and INFO"
)

// runSearched runs tests of this package in a process of their own, on a Redis of their own, and collects
// what that process and the Redis say. Everything ends with the context.
func runSearched(ctx context.Context, t *testing.T, tests, mistake string) evidence {
	t.Helper()
	redistest.NeedServer(t)
	dir := t.TempDir()
	server, err := redistest.Start(ctx, redistest.Options{
		Dir: dir, Password: redisPassword,
		// Everything is slow, and the keys are not compressed in DUMP.
		Args: []string{"--slowlog-log-slower-than", "0", "--slowlog-max-len", "20000", "--rdbcompression", "no"},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Stop() })
	client := redis.NewClient(&redis.Options{Addr: server.Addr(), Password: redisPassword})
	t.Cleanup(func() { _ = client.Close() })
	const done = "the suite is done"
	seen := watch(t, server.Addr(), done)

	asks := search{URL: server.URL(), Secrets: filepath.Join(dir, "secrets"), Break: mistake}
	text, err := json.Marshal(asks)
	if err != nil {
		t.Fatal(err)
	}
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(ctx, program, "-test.run", tests, "-test.v", "-test.timeout", "3m")
	cmd.Env = append(os.Environ(), searchEnv+"="+string(text))
	said, err := cmd.CombinedOutput()
	if err != nil {
		failed := regexp.MustCompile(`(?m)^( *--- FAIL|.*_test\.go:\d+: |panic: |WARNING: DATA RACE).*`).FindAll(said, 20)
		t.Errorf("the run that is searched failed: %v\n%s", err, bytes.Join(failed, []byte("\n")))
	}
	e := evidence{said: map[string][]byte{output: said}}
	if text, err = os.ReadFile(asks.Secrets); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &e.ids); err != nil {
		t.Fatal(err)
	}
	if err := client.Echo(ctx, done).Err(); err != nil {
		t.Fatal(err)
	}
	e.said[monitor] = <-seen
	e.ask(ctx, t, client)
	log, err := os.ReadFile(filepath.Join(dir, fmt.Sprintf("redis-%d.log", server.Port())))
	if err != nil {
		t.Fatal(err)
	}
	e.said[itsLog] = append(e.said[itsLog], log...)
	return e
}

// watch reads what MONITOR says until it says done, or the server ends.
func watch(t *testing.T, addr, done string) <-chan []byte {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	if _, err := fmt.Fprintf(conn, "AUTH %s\r\nMONITOR\r\n", redisPassword); err != nil {
		t.Fatal(err)
	}
	seen := make(chan []byte, 1)
	go func() {
		var all bytes.Buffer
		for from := bufio.NewReader(conn); ; {
			line, err := from.ReadBytes('\n')
			all.Write(line)
			if err != nil || bytes.Contains(line, []byte(done)) {
				seen <- all.Bytes()
				return
			}
		}
	}()
	return seen
}

// ask collects what the server answers to those who may ask it.
func (e *evidence) ask(ctx context.Context, t *testing.T, client *redis.Client) {
	t.Helper()
	slow, err := client.SlowLogGet(ctx, -1).Result()
	if err != nil {
		t.Fatal(err)
	}
	for _, one := range slow {
		e.said[slowlog] = fmt.Appendln(e.said[slowlog], one)
	}
	keys := client.Scan(ctx, 0, "*", 1000).Iterator()
	for keys.Next(ctx) {
		e.said[stored] = append(e.said[stored], keys.Val()+" "+client.Dump(ctx, keys.Val()).Val()+"\n"...)
	}
	if err := keys.Err(); err != nil {
		t.Fatal(err)
	}
	for _, command := range []string{"CLIENT LIST", "ACL LOG", "INFO everything"} {
		var args []any
		for arg := range strings.FieldsSeq(command) {
			args = append(args, arg)
		}
		answer, err := client.Do(ctx, args...).Result()
		if err != nil {
			t.Fatalf("%s: %v", command, err)
		}
		e.said[itsLog] = fmt.Append(e.said[itsLog], answer, "\n")
	}
}

// half is how many characters of a secret must not be seen together.
const half = 13

// find returns what was said and must not be: where, which secret, and what stands before it.
func (e evidence) find() (found []string) {
	parts := make(map[string]int) // of secrets, all that have half their length
	for i, id := range e.ids {
		secret := id[len(id)-26:]
		for at := range len(secret) - half + 1 {
			parts[secret[at:at+half]] = i
		}
	}
	for _, where := range []string{output, monitor, slowlog, stored, itsLog} {
		text := e.said[where]
		told := func(what string, at int) {
			found = append(found, fmt.Sprintf("%s: %s, behind %q", where, what, text[max(0, at-50):at]))
		}
		first := true // one is enough
		for _, r := range readings(text) {
			if n, at := r.search(parts); first && at >= 0 {
				first = false
				if r.form != "" {
					at = r.at
				}
				told(strings.TrimSpace(fmt.Sprintf("secret %d of %d %s", n+1, len(e.ids), r.form)), at)
			}
		}
		if at := sessionCookie.FindIndex(text); at != nil && first {
			told("what has the form of an ID", at[0])
		}
		for name, word := range map[string]string{
			"an encryption key": visitKey, "the password": redisPassword, "a wrong password": wrongPassword, "a value": visitValue,
		} {
			for _, form := range forms(word) {
				if at := bytes.Index(text, []byte(form)); at >= 0 {
					told(name, at)
				}
			}
		}
	}
	slices.Sort(found)
	return found
}

// forms are the ways in which a program may write a secret.
func forms(word string) []string {
	list := fmt.Sprint([]byte(word))
	goes := fmt.Sprintf("%#v", []byte(word))
	return []string{
		word, hex.EncodeToString([]byte(word)), strings.ToUpper(hex.EncodeToString([]byte(word))),
		base64.StdEncoding.EncodeToString([]byte(word))[:len(word)/3*4], list[1 : len(list)-1], goes[len("[]byte{") : len(goes)-1],
	}
}

// Nothing that the suite gives out is seen anywhere: not in a line of any log or any error, nor by
// somebody who watches Redis or reads what it keeps.
func TestNoSecretIsTold(t *testing.T) {
	began := time.Now()
	e := runSearched(t.Context(), t, `^Test(Visit|Chi|Echo|Echo5|Fiber|Fiber3|Gin|HTTP)$/^(redis|chi|echo|echo5|fiber|fiber3|gin|net-http)$`, "")
	t.Logf("searched for %d secrets, in %v:", len(e.ids), time.Since(began).Round(time.Second))
	for where, text := range e.said {
		t.Logf("%9d bytes, %7d lines of %s", len(text), bytes.Count(text, []byte("\n")), where)
	}
	for _, what := range e.find() {
		t.Error(what)
	}
	if len(e.ids) < 1000 {
		t.Errorf("the clients had only %d IDs", len(e.ids))
	}
	for where, part := range map[string]string{output: "session failure", monitor: "_berth_secret", slowlog: "_berth_secret", stored: "_berth_secret", itsLog: "evalsha"} {
		if !bytes.Contains(bytes.ToLower(e.said[where]), []byte(part)) {
			t.Errorf("%s is not that of the suite: %q is not in it", where, part)
		}
	}
}

// Each mistake is found, where it is to be found.
func TestToldSecretsAreFound(t *testing.T) {
	t.Parallel()
	for mistake, places := range map[string][]string{
		"no mistake":                 nil,
		"an ID in the log":           {output},
		"half a secret in the log":   {output},
		"an ID in an error":          {output},
		"a secret in Redis":          {monitor, slowlog, stored},
		"an encryption key in bytes": {output},
		"a password":                 {output},
		"a value in the log":         {output},
	} {
		t.Run(mistake, func(t *testing.T) {
			t.Parallel()
			found := runSearched(t.Context(), t, "^TestVisit$/^net-http$", mistake).find()
			for _, where := range []string{output, monitor, slowlog, stored, itsLog} {
				is := slices.ContainsFunc(found, func(what string) bool { return strings.HasPrefix(what, where+": ") })
				if is != slices.Contains(places, where) {
					t.Errorf("found in %s: %t; all that was found: %q", where, is, found)
				}
			}
		})
	}
}
