// Package hello has the smallest complete program for each framework, one a folder. They share one application in
// Redis, so a browser that has met one of them is known to all.
package hello
