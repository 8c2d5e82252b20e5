// Command uploads takes files over slow lines, and lists them in the visitor's session. An upload holds no session, so
// the visitor's other pages need not wait for it.
//
//	go run -C examples ./uploads
//
// It needs a Redis at 127.0.0.1:6379; REDIS_URL names another one, PORT another port than 8080, and UPLOADS the folder
// of the files. Open http://127.0.0.1:8080 in two windows. Send a large file in one, and load the page in the other
// meanwhile: it answers at once. To see a slow upload:
//
//	curl -c jar http://127.0.0.1:8080
//	head -c 1000000 /dev/zero | curl -b jar --limit-rate 100k -F file=@- http://127.0.0.1:8080/upload
package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"html/template"
	"io"
	"io/fs"
	"log"
	"net"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"github.com/berthgo/berth/core/httpsession"
	"github.com/berthgo/berth/core/session"
)

const (
	maxBytes = 1 << 30 // of an upload
	maxName  = 255     // bytes of a file's name
	maxFiles = 20      // of a session, which stays small so
)

var (
	errName = fmt.Errorf("The name of the file is too long: use %d bytes at most.", maxName)    //nolint:staticcheck // clients read it
	errFull = fmt.Errorf("You have %d files already, and there is no room for more.", maxFiles) //nolint:staticcheck // so too
)

// file is what the session knows of an upload. The content is elsewhere: a session is small.
type file struct {
	Name  string // as the client calls it
	Path  string // where it is, a name of our own
	Bytes int64
}

const files session.Key[[]file] = "files"

var page = template.Must(template.New("").Parse(`<!doctype html>
<html lang="en">
<meta name="viewport" content="width=device-width">
<title>Uploads</title>
<h1>Your files</h1>
<ul>{{range .}}
  <li>{{.Name}}, {{.Bytes}} bytes{{end}}
</ul>
<form method="post" action="/upload" enctype="multipart/form-data">
  <label>A file <input type="file" name="file" required></label>
  <button>Send it</button>
</form>
`))

func list(w http.ResponseWriter, r *http.Request) {
	s := session.FromContext(r.Context())
	if s.IsNew() {
		files.Set(s, nil) // so that there is a session before the first upload
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	if err := page.Execute(w, files.GetOr(s, nil)); err != nil {
		log.Print(err) // the client has gone
	}
}

// uploads has the route of uploads.
type uploads struct {
	m       *session.Manager
	folder  string
	running *sync.WaitGroup // uploads that may have a file
}

// upload reads the body without the session, which is [session.ReadOnly]. At the end it takes the session for the
// moment that it takes to add a line.
func (u uploads) upload(w http.ResponseWriter, r *http.Request) {
	u.running.Add(1)
	defer u.running.Done()
	s := session.FromContext(r.Context())
	if s.IsNew() || s.Detached() {
		http.Error(w, "You have no session: load the page first.", http.StatusConflict)
		return
	}
	if len(files.GetOr(s, nil)) >= maxFiles { // before the body comes; uploads that run too are counted below
		http.Error(w, errFull.Error(), http.StatusConflict)
		return
	}
	r.Body = http.MaxBytesReader(w, r.Body, maxBytes)
	f, err := u.receive(r)
	if err != nil {
		refuseBody(w, err)
		return
	}
	err = u.m.DoHandle(r.Context(), s.Handle(), session.Exclusive, func(s *session.Session) error {
		all := files.GetOr(s, nil)
		if len(all) >= maxFiles {
			return errFull
		}
		files.Set(s, append(all, f))
		return nil
	})
	if err != nil {
		var failed *session.OpError
		if !errors.As(err, &failed) { // after an OpError the session may have the line: then it needs the file
			_ = os.Remove(f.Path)
		}
		refuseEntry(w, r, err)
		return
	}
	http.Redirect(w, r, "/", http.StatusSeeOther)
}

// refuseBody answers an upload whose body could not be read or kept.
func refuseBody(w http.ResponseWriter, err error) {
	var tooLarge *http.MaxBytesError
	var disk *fs.PathError
	switch {
	case errors.As(err, &tooLarge):
		http.Error(w, fmt.Sprintf("Send %d bytes at most.", tooLarge.Limit), http.StatusRequestEntityTooLarge)
	case errors.As(err, &disk):
		log.Print(err)
		http.Error(w, "The file cannot be kept: try again later.", http.StatusInternalServerError)
	case errors.Is(err, errName):
		http.Error(w, err.Error(), http.StatusBadRequest)
	default:
		http.Error(w, "Send a form with a file.", http.StatusBadRequest)
	}
}

// refuseEntry answers an upload whose session could not be changed.
func refuseEntry(w http.ResponseWriter, r *http.Request, err error) {
	if errors.Is(err, session.ErrUnknown) || errors.Is(err, session.ErrEnded) {
		// The visitor has logged out, or the upload took longer than the idle timeout and nothing else came.
		http.Error(w, "Your session has ended meanwhile: load the page, and send the file again.", http.StatusConflict)
		return
	}
	if errors.Is(err, errFull) {
		http.Error(w, err.Error(), http.StatusConflict)
		return
	}
	httpsession.Error(w, r, err)
}

// receive writes the file of a form into the folder. If that fails, it leaves nothing there.
func (u uploads) receive(r *http.Request) (f file, err error) {
	form, err := r.MultipartReader()
	if err != nil {
		return file{}, err
	}
	part, err := form.NextPart()
	if err != nil {
		return file{}, err
	}
	if part.FormName() != "file" {
		return file{}, fmt.Errorf("the form begins with %q", part.FormName())
	}
	if len(part.FileName()) > maxName {
		return file{}, errName
	}
	to, err := os.CreateTemp(u.folder, "upload-*")
	if err != nil {
		return file{}, err
	}
	defer func() {
		if err = errors.Join(err, to.Close()); err != nil {
			_ = os.Remove(to.Name())
		}
	}()
	n, err := io.Copy(to, part)
	return file{part.FileName(), to.Name(), n}, err
}

func (u uploads) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", list)
	mux.HandleFunc("POST /upload", u.upload)
	access := session.ByRoute(map[string]session.Access{"POST /upload": session.ReadOnly})
	return httpsession.Middleware(u.m, httpsession.WithAccess(access))(mux)
}

// run serves until ctx ends. Then it lets uploads finish, for stopTime.
func run(ctx context.Context, listener net.Listener, redis, folder string, stopTime time.Duration) (err error) {
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return err
	}
	m, err := session.Open(session.Config{URL: redis}, session.Options{App: "uploads"})
	if err != nil {
		return err
	}
	u := uploads{m, folder, new(sync.WaitGroup)}
	defer u.running.Wait()                               // those that were cut off leave no file
	defer func() { err = errors.Join(err, m.Close()) }() // after the last commit
	log.Printf("http://%s, with files in %s", listener.Addr(), folder)

	server := &http.Server{Handler: u.handler(), ReadHeaderTimeout: 5 * time.Second}
	done := make(chan error, 1)
	context.AfterFunc(ctx, func() {
		limited, cancel := context.WithTimeout(context.Background(), stopTime)
		defer cancel()
		done <- errors.Join(server.Shutdown(limited), server.Close()) // Close cuts off what takes longer
	})
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return <-done
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second Ctrl-C ends the process at once
	listener, err := net.Listen("tcp", "127.0.0.1:"+cmp.Or(os.Getenv("PORT"), "8080"))
	if err != nil {
		log.Fatal(err)
	}
	folder := cmp.Or(os.Getenv("UPLOADS"), filepath.Join(os.TempDir(), "berth-uploads"))
	if err := run(ctx, listener, os.Getenv("REDIS_URL"), folder, 20*time.Second); err != nil {
		log.Fatal(err)
	}
}
