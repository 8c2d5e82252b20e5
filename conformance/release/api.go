package main

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/parser"
	"go/printer"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// writeAPI writes the exported names of each public package into a file of dir, and removes the files of packages
// that are no more.
func (r repository) writeAPI(dir string) error {
	all, err := r.api()
	if err != nil {
		return err
	}
	if err := os.RemoveAll(dir); err != nil {
		return fmt.Errorf("release: %w", err)
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("release: %w", err)
	}
	for name, lines := range all {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(lines), 0o644); err != nil {
			return fmt.Errorf("release: %w", err)
		}
	}
	return nil
}

// api returns the exported names of each public package, a line each, by the name of the file for them:
// core-session.txt.
func (r repository) api() (map[string]string, error) {
	all := make(map[string]string)
	for _, m := range r.released() {
		err := filepath.WalkDir(r.path(m), func(dir string, d fs.DirEntry, err error) error {
			if err != nil || !d.IsDir() {
				return err
			}
			path, err := filepath.Rel(r.dir, dir)
			if err != nil {
				return err
			}
			path = filepath.ToSlash(path)
			if path != m && slices.Contains(r.modules, path) || d.Name() == "testdata" || !public(path) {
				return fs.SkipDir
			}
			lines, err := exported(dir)
			if err == nil && len(lines) > 0 {
				all[strings.ReplaceAll(path, "/", "-")+".txt"] = strings.Join(lines, "\n") + "\n"
			}
			return err
		})
		if err != nil {
			return nil, fmt.Errorf("release: %w", err)
		}
	}
	return all, nil
}

// exported returns the exported names of the package in dir, whatever the build tags of their files. A command has
// none.
func exported(dir string) ([]string, error) {
	names, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil {
		return nil, err
	}
	var lines []string
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
		if err != nil {
			return nil, err
		}
		if file.Name.Name == "main" {
			return nil, nil
		}
		ast.FileExports(file)
		for _, decl := range file.Decls {
			lines = append(lines, declared(decl)...)
		}
	}
	slices.Sort(lines)
	return slices.Compact(lines), nil
}

// declared returns the lines of a declaration, from which the names that are not exported have been taken.
func declared(decl ast.Decl) (lines []string) {
	switch decl := decl.(type) {
	case *ast.FuncDecl:
		decl.Doc, decl.Body = nil, nil
		if decl.Recv != nil {
			decl.Recv.List[0].Names = nil
			if base := strings.TrimPrefix(source(decl.Recv.List[0].Type), "*"); !token.IsExported(base) {
				return nil
			}
		}
		return []string{source(decl)}
	case *ast.GenDecl:
		var kind ast.Expr // a constant without type and value has those of the one before
		for _, spec := range decl.Specs {
			switch spec := spec.(type) {
			case *ast.ValueSpec:
				if spec.Type != nil || len(spec.Values) > 0 {
					kind = spec.Type
				}
				for _, name := range spec.Names {
					if name.IsExported() {
						lines = append(lines, strings.TrimSpace(fmt.Sprintf("%s %s %s", decl.Tok, name, source(kind))))
					}
				}
			case *ast.TypeSpec:
				lines = append(lines, typed(spec)...)
			}
		}
	}
	return lines
}

// typed returns the lines of a type: itself, and each field of a struct or method of an interface.
func typed(spec *ast.TypeSpec) []string {
	name := "type " + spec.Name.Name
	if spec.TypeParams != nil {
		parameters := make([]string, 0, len(spec.TypeParams.List))
		for _, p := range spec.TypeParams.List {
			for _, n := range p.Names {
				parameters = append(parameters, n.Name+" "+source(p.Type))
			}
		}
		name += "[" + strings.Join(parameters, ", ") + "]"
	}
	if spec.Assign.IsValid() {
		name += " ="
	}
	var kind string
	var members *ast.FieldList
	switch t := spec.Type.(type) {
	case *ast.StructType:
		kind, members = "struct", t.Fields
	case *ast.InterfaceType:
		kind, members = "interface", t.Methods
	default:
		return []string{name + " " + source(t)}
	}
	lines := []string{name + " " + kind}
	for _, member := range members.List {
		text := strings.TrimPrefix(source(member.Type), "func")
		if len(member.Names) == 0 {
			lines = append(lines, fmt.Sprintf("%s %s, embedded %s", name, kind, source(member.Type)))
		}
		for _, n := range member.Names {
			if kind == "struct" {
				text = " " + source(member.Type)
			}
			lines = append(lines, fmt.Sprintf("%s %s, %s%s", name, kind, n, text))
		}
	}
	return lines
}

// source prints a node on one line.
func source(node ast.Node) string {
	if node == nil {
		return ""
	}
	var b bytes.Buffer
	if err := (&printer.Config{Mode: printer.RawFormat}).Fprint(&b, token.NewFileSet(), node); err != nil {
		return err.Error()
	}
	return strings.Join(strings.Fields(b.String()), " ")
}
