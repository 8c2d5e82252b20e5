package handlertests

import (
	"io"
	"net/http"
	"testing"
)

// wantBody reads the body of a response, which must be this.
func wantBody(t *testing.T, response *http.Response, err error, want string) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	got, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != http.StatusOK || string(got) != want {
		t.Errorf("the answer is %d %q (%v), want 200 %q", response.StatusCode, got, err, want)
	}
}
