// Package report shows what was measured: as tables for a terminal, as JSON, as a picture,
// and as a page of the documentation.
package report

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/berthgo/berth/conformance/bench/internal/figure"
)

// The files that [WriteDocs] writes.
const (
	pageFile    = "benchmarks.md"
	pictureFile = "benchmarks.png"
	dataFile    = "benchmarks.json"
)

// Print writes all tables.
func Print(w io.Writer, r figure.Results) {
	for _, t := range Tables(r) {
		fmt.Fprintf(w, "\n%s\n%s\n", t.Title, t.Text())
	}
}

// WriteJSON writes all that was measured, and the goals, to a file.
func WriteJSON(file string, r figure.Results) error {
	return create(file, func(w io.Writer) error {
		e := json.NewEncoder(w)
		e.SetIndent("", " ")
		return e.Encode(struct {
			Goals []Goal `json:"goals"`
			figure.Results
		}{Goals(r), r})
	})
}

// ReadJSON reads what WriteJSON has written.
func ReadJSON(file string) (figure.Results, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return figure.Results{}, err
	}
	var r figure.Results
	return r, json.Unmarshal(text, &r)
}

// WriteDocs writes the page, its picture and its data into a folder.
func WriteDocs(folder string, r figure.Results) error {
	return errors.Join(
		WriteJSON(filepath.Join(folder, dataFile), r),
		create(filepath.Join(folder, pictureFile), func(w io.Writer) error { return picture(w, r) }),
		create(filepath.Join(folder, pageFile), func(w io.Writer) error { return page(w, r) }),
	)
}

func create(file string, write func(io.Writer) error) error {
	f, err := os.Create(file)
	if err != nil {
		return err
	}
	return errors.Join(write(f), f.Close())
}
