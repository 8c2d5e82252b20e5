package conformance

import (
	"crypto/sha256"
	"errors"
	"io"
	"net/http"
	"strings"
	"time"
)

var bodies = []testCase{
	{name: "LargeBody", run: largeBody},
	{name: "ReadFrom", run: readFrom, needs: []Feature{ReaderFrom}},
	{name: "ResponseController", run: responseController, needs: []Feature{Controller}},
	{name: "WriteString", run: writeString},
}

func largeBody(r *rig) {
	const size = 4 << 20
	line := "0123456789abcde\n"
	s := r.serve(setting{routes: Routes{"/show": show("k"), "/large": func(x *Exchange) error {
		x.From().Set("k", "v")
		_, err := io.Copy(x.W, strings.NewReader(strings.Repeat(line, size/len(line))))
		return err
	}}})
	b := s.browser()
	a := b.get("/large")
	if want := strings.Repeat(line, size/len(line)); sha256.Sum256([]byte(a.body)) != sha256.Sum256([]byte(want)) {
		r.Errorf("the body has %d bytes, or other ones, want %d", len(a.body), size)
	}
	r.wantBody(b.get("/show"), "v")
}

func readFrom(r *rig) {
	s := r.serve(setting{routes: Routes{"/show": show("k"), "/read": func(x *Exchange) error {
		x.From().Set("k", "v")
		to, ok := x.W.(io.ReaderFrom)
		if !ok {
			return errors.New("not an io.ReaderFrom")
		}
		_, err := to.ReadFrom(strings.NewReader("all of it"))
		return err
	}}})
	b := s.browser()
	r.wantBody(b.get("/read"), "all of it")
	r.wantBody(b.get("/show"), "v")
}

func responseController(r *rig) {
	s := r.serve(setting{routes: Routes{"/": func(x *Exchange) error {
		control := http.NewResponseController(x.W)
		if err := control.SetWriteDeadline(time.Now().Add(time.Hour)); err != nil {
			return err
		}
		if err := control.EnableFullDuplex(); err != nil {
			return err
		}
		return write(x, "done")
	}}})
	a := s.browser().get("/")
	r.wantStatus(a, http.StatusOK)
	r.wantBody(a, "done")
}

func writeString(r *rig) {
	s := r.serve(setting{routes: Routes{"/show": show("k"), "/write": func(x *Exchange) error {
		x.From().Set("k", "v")
		_, err := io.WriteString(x.W, "all of it")
		return err
	}}})
	b := s.browser()
	r.wantBody(b.get("/write"), "all of it")
	r.wantBody(b.get("/show"), "v")
}
