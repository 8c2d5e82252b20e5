package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"slices"
	"strings"

	"golang.org/x/mod/semver"
)

// prepare checks what a release needs before anything is changed, and then sets the version in every go.mod.
func (r repository) prepare(ctx context.Context, version string, out io.Writer) error {
	changed, err := r.changes(ctx)
	if err != nil {
		return err
	}
	if len(changed) > 0 && !slices.ContainsFunc(changed, isNotGoMod) {
		return fmt.Errorf("release: commit these files first, or, if a release that stopped has changed them, run %s: %s", undo, strings.Join(changed, ", "))
	}
	if len(changed) > 0 {
		return fmt.Errorf("release: commit these files first, or remove them: %s", strings.Join(changed, ", "))
	}
	if err := r.check(ctx, version); err != nil {
		return err
	}
	files, err := r.setVersion(version)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "release: %d files require their siblings at %s now\n", len(files), version)
	return nil
}

// undo takes back what prepare has changed.
const undo = `git checkout -- "*go.mod"`

func isNotGoMod(name string) bool { return name != "go.mod" && !strings.HasSuffix(name, "/go.mod") }

// tag commits the go.mod files that prepare has changed, if it has changed any, and tags every released module: all
// of them or none.
func (r repository) tag(ctx context.Context, version string, out io.Writer) error {
	changed, err := r.changes(ctx)
	if err != nil {
		return err
	}
	if i := slices.IndexFunc(changed, isNotGoMod); i >= 0 {
		return fmt.Errorf("release: %s has changed since the last commit: a release changes go.mod files alone", changed[i])
	}
	if err := r.check(ctx, version); err != nil {
		return err
	}
	if err := r.wrongVersions(version); err != nil {
		return fmt.Errorf("%w: run release prepare %s", err, version)
	}
	if len(changed) > 0 {
		if _, err := r.git(ctx, "", append([]string{"commit", "--quiet", "--message", "Modules require each other at " + version, "--"}, changed...)...); err != nil {
			return err
		}
	}
	commit, err := r.git(ctx, "", "rev-parse", "HEAD")
	if err != nil {
		return err
	}
	tags := make([]string, 0, len(r.modules))
	var create strings.Builder
	for _, m := range r.released() {
		tags = append(tags, m+"/"+version)
		fmt.Fprintf(&create, "create refs/tags/%s/%s %s\n", m, version, commit)
	}
	if _, err := r.git(ctx, create.String(), "update-ref", "--stdin"); err != nil && len(changed) > 0 {
		return fmt.Errorf("%w\nThe new versions are committed. To take the commit back: git reset --keep HEAD^", err)
	} else if err != nil {
		return err
	}
	fmt.Fprintf(out, "release: tagged %d modules. Nothing is pushed. To push the commit and all tags:\n\n  git push --atomic origin HEAD %s\n",
		len(tags), strings.Join(tags, " "))
	fmt.Fprintf(out, "\nTo take the tags back before that:\n\n  git tag --delete %s\n", strings.Join(tags, " "))
	return nil
}

// check says what of a release is wrong but the files that are not committed.
func (r repository) check(ctx context.Context, version string) error {
	if !semver.IsValid(version) || semver.Canonical(version) != version {
		return fmt.Errorf("release: the version is %q: it must be like v0.1.0, as in make release VERSION=v0.1.0", version)
	}
	if major := semver.Major(version); major != "v0" && major != "v1" {
		return fmt.Errorf("release: the version is %s: from v2 on, the paths of all modules must end in /%s", version, major)
	}
	changelog, err := os.ReadFile(r.path("CHANGELOG.md"))
	if err != nil {
		return fmt.Errorf("release: %w", err)
	}
	if err := inChangelog(string(changelog), version); err != nil {
		return err
	}
	versions, err := r.versions(ctx)
	if err != nil || len(versions) == 0 {
		return err
	}
	last := versions[0]
	if semver.Compare(version, last) <= 0 {
		return fmt.Errorf("release: the last release is %s: %s does not come after it", last, version)
	}
	if semver.MajorMinor(version) != semver.MajorMinor(last) && semver.Major(version) == "v0" || semver.Major(version) != semver.Major(last) {
		return nil // such a version may break what was there
	}
	changes, err := r.changedAPI(ctx, last)
	if err != nil {
		return err
	}
	for _, c := range changes {
		for _, change := range c.report.Changes {
			if !change.Compatible {
				return fmt.Errorf("release: %s breaks the API of %s (%s: %s): make apidiff tells all", version, last, c.path, change.Message)
			}
		}
	}
	return nil
}

// inChangelog says what CHANGELOG.md lacks for a release of version.
func inChangelog(changelog, version string) error {
	sections := regexp.MustCompile(`(?m)^## `).Split(changelog, -1)[1:]
	heading := regexp.MustCompile(`^\[` + regexp.QuoteMeta(strings.TrimPrefix(version, "v")) + `\] - \d{4}-\d\d-\d\d$`)
	found := false
	for _, section := range sections {
		title, text, _ := strings.Cut(section, "\n")
		empty := !strings.Contains(text, "\n- ")
		switch {
		case title == "[Unreleased]" && !empty:
			return fmt.Errorf("release: move what CHANGELOG.md has under Unreleased to a section of %s", version)
		case heading.MatchString(title) && empty:
			return fmt.Errorf("release: the section of %s in CHANGELOG.md is empty", version)
		}
		found = found || heading.MatchString(title)
	}
	if !found {
		return errors.New("release: CHANGELOG.md needs a section \"## [" + strings.TrimPrefix(version, "v") + "] - YYYY-MM-DD\"")
	}
	return nil
}
