package shop

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"strconv"

	"github.com/berthgo/berth/core/session"
)

// view is what page.html shows.
type view struct {
	User, Error, ServedBy string
	Items                 []string
	MaxItem, MaxUser      int
}

// answer is a response of this type. It belongs to one visitor, so no cache may keep it.
func answer(code int, contentType string, body []byte) Answer {
	return Answer{code, map[string]string{"Content-Type": contentType, "Cache-Control": "no-store"}, body}
}

// AnswerJSON is a response with v as JSON.
func AnswerJSON(code int, v any) Answer {
	body, err := json.Marshal(v)
	if err != nil {
		return answer(http.StatusInternalServerError, "application/json", []byte(`{"error":"internal error"}`+"\n"))
	}
	return answer(code, "application/json", append(body, '\n'))
}

func (s *Shop) cartAnswer(c Cart) Answer {
	if c.Items == nil {
		c.Items = []string{}
	}
	return AnswerJSON(http.StatusOK, struct {
		Cart
		Count    int    `json:"count"`
		ServedBy string `json:"served_by"`
	}{c, len(c.Items), s.servedBy})
}

func (s *Shop) userAnswer(user string) Answer {
	return AnswerJSON(http.StatusOK, struct {
		User     string `json:"user"`
		ServedBy string `json:"served_by"`
	}{user, s.servedBy})
}

// backHome sends a browser that posted a form back to the page. There a reload does not post again.
func backHome() Answer {
	return Answer{http.StatusSeeOther, map[string]string{"Location": "/", "Cache-Control": "no-store"}, nil}
}

// refused answers a form that was not accepted. A browser gets the page, which says why.
func (s *Shop) refused(ctx context.Context, r Request, err error) Answer {
	if code := status(err); code < 500 && wantsPage(r) {
		return s.page(ctx, code, err.Error())
	}
	return s.Failed(ctx, err)
}

// Failed answers an error. It tells the whole error only if the visitor made the mistake.
func (s *Shop) Failed(ctx context.Context, err error) Answer {
	code, message := status(err), err.Error()
	if code >= 500 {
		s.logger.ErrorContext(ctx, "request failed", "error", err)
		message = "internal error"
	}
	failed := AnswerJSON(code, struct {
		Error string `json:"error"`
	}{message})
	if _, after := session.HTTPStatus(err); after > 0 {
		failed.Header["Retry-After"] = strconv.Itoa(after)
	}
	return failed
}

func (s *Shop) page(ctx context.Context, code int, message string) Answer {
	held := session.FromContext(ctx)
	c, err := cart(held)
	if err != nil {
		return s.Failed(ctx, err)
	}
	var body bytes.Buffer
	err = s.html.Execute(&body, view{
		User: held.Principal(), Error: message, ServedBy: s.servedBy, Items: c.Items,
		MaxItem: maxItem, MaxUser: maxUser,
	})
	if err != nil {
		return s.Failed(ctx, err)
	}
	return answer(code, "text/html; charset=utf-8", body.Bytes())
}
