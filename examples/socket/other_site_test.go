package main

import (
	"net/http"
	"testing"
)

// Another site's form signs nobody in.
func TestOtherSite(t *testing.T) {
	t.Parallel()
	_, _, v, _ := servers(t)
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, v.url+"/login", nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Sec-Fetch-Site", "cross-site")
	response, err := v.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	_ = response.Body.Close()
	if response.StatusCode != http.StatusForbidden {
		t.Errorf("status %d", response.StatusCode)
	}
}
