package main

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
)

// send sends a small file, and returns the status of the answer and what it says.
func (p program) send(name string) (status int, said string) {
	p.t.Helper()
	form := "--x\r\nContent-Disposition: form-data; name=file; filename=" + name + "\r\n\r\napples\r\n--x--\r\n"
	response, err := p.Post(p.url+"/upload", "multipart/form-data; boundary=x", strings.NewReader(form))
	if err != nil {
		p.t.Fatal(err)
	}
	return response.StatusCode, text(p.t, response)
}

// A file's name has 255 bytes at most.
func TestLongName(t *testing.T) {
	t.Parallel()
	onEach(t, func(p program) {
		p.page()
		if status, said := p.send(strings.Repeat("a", 255)); status != http.StatusOK {
			t.Errorf("255 bytes: %d %s", status, said)
		}
		if status, said := p.send(strings.Repeat("a", 256)); status != http.StatusBadRequest || !strings.Contains(said, "255 bytes") {
			t.Errorf("256 bytes: %d %s", status, said)
		}
	})
}

// A session has 20 files at most, also if the last two come at once.
func TestFull(t *testing.T) {
	t.Parallel()
	onEach(t, func(p program) {
		p.page()
		for n := range 19 {
			if status, said := p.send(fmt.Sprint(n)); status != http.StatusOK {
				t.Fatalf("file %d: %d %s", n, status, said)
			}
		}
		late := p.begin("file", "late")
		if status, said := p.send("last"); status != http.StatusOK {
			t.Errorf("the last file: %d %s", status, said)
		}
		if status, said := late.end(); status != http.StatusConflict || !strings.Contains(said, "20 files") {
			t.Errorf("the file that came too late: %d %s", status, said)
		}
		if status, _ := p.send("more"); status != http.StatusConflict {
			t.Errorf("one more: %d", status)
		}
		if n := len(p.files()); n != 20 {
			t.Errorf("there are %d files", n)
		}
	})
}
