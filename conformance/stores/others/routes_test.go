package others

import "strconv"

// exchange is one request and its session, under one library.
type exchange interface {
	get(name string) string
	set(name, value string)
	cart() *cart // nil if the session has none
	putCart(c *cart)

	save() error              // what a handler calls before it answers
	saveInPlace() error       // with aid alone: the same after a change of the cart in place
	signIn(user string) error // sets the value "user"; with aid, the cookie from before is worthless
	signOut() error

	stream(text string) error // sends the headers, and then the text
	waitUntilGone()           // returns when the client has hung up, or at once if nobody tells
}

// cart is a value that handlers change in place.
type cart struct{ Items []string }

// page is what an application does with a request. It does the same under each library.
func (s *site) page(x exchange, path string, query func(name string) string) (text string, err error) {
	switch path {
	case "/get":
		return x.get(query("name")), nil
	case "/set":
		x.get("user") // gin-contrib reads Redis only now
		if query("heal") != "" {
			s.heal()
		}
		if query("pause") != "" {
			s.pause()
		}
		if query("gone") != "" {
			x.waitUntilGone()
		}
		x.set(query("name"), query("value"))
		return "saved", x.save()
	case "/cart/new":
		x.putCart(&cart{Items: []string{"apple"}})
		return "saved", x.save()
	case "/cart/add":
		c := x.cart()
		c.Items = append(c.Items, "pear")
		if s.aid != "" {
			return "saved", x.saveInPlace()
		}
		return "saved", nil
	case "/cart":
		return strconv.Itoa(len(x.cart().Items)), nil
	case "/in":
		if err := x.signIn(query("user")); err != nil {
			return "", err
		}
		return "saved", x.save()
	case "/out":
		return "saved", x.signOut()
	case "/early":
		x.set(query("name"), query("value"))
		if err := x.save(); err != nil {
			return "", err
		}
		return "", x.stream("saved")
	}
	return "no such page", nil
}
