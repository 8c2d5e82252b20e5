package conformance

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var (
	citedTest = regexp.MustCompile("`((?:Test|Fuzz|Benchmark|Example)[A-Z]\\w*)`")
	citedCase = regexp.MustCompile("`(\\w+)/([A-Z]\\w+)`")
	isTest    = regexp.MustCompile(`(?m)^func ((?:Test|Fuzz|Benchmark|Example)[A-Z]\w*)\(`)
)

// tests returns the names of all tests of this repository, and of the cases of the suite as topic/Case.
func tests(t *testing.T) map[string]bool {
	t.Helper()
	names := make(map[string]bool)
	for _, topic := range contents {
		for _, c := range topic.cases {
			names[topic.name+"/"+c.name] = true
		}
	}
	err := filepath.WalkDir("..", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || !strings.HasSuffix(path, "_test.go") {
			return err
		}
		source, err := os.ReadFile(path)
		for _, match := range isTest.FindAllSubmatch(source, -1) {
			names[string(match[1])] = true
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return names
}

// The pages that say which test shows what name tests that exist.
func TestCitedTestsExist(t *testing.T) {
	t.Parallel()
	all := tests(t)
	for _, page := range []string{"design.md", "security-model.md"} {
		text, err := os.ReadFile("../docs/" + page)
		if err != nil {
			t.Fatal(err)
		}
		cited := 0
		for _, match := range citedTest.FindAllSubmatch(text, -1) {
			cited++
			if !all[string(match[1])] {
				t.Errorf("docs/%s names %s, which is no test", page, match[1])
			}
		}
		for _, match := range citedCase.FindAllSubmatch(text, -1) {
			cited++
			if !all[string(match[1])+"/"+string(match[2])] {
				t.Errorf("docs/%s names %s/%s, which is no case of the suite", page, match[1], match[2])
			}
		}
		if cited < 50 {
			t.Errorf("docs/%s names %d tests; the expressions that find them are wrong", page, cited)
		}
	}
}

// asvs says how many requirements each section of OWASP ASVS 5.0 has, of those that are about sessions and
// their cookies.
var asvs = map[string]int{"7.1": 3, "7.2": 4, "7.3": 2, "7.4": 5, "7.5": 3, "7.6": 2, "3.3": 5}

// docs/security-model.md has each of these requirements in one row, with who meets it, how, and a test.
func TestEveryRequirementHasItsRow(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../docs/security-model.md")
	if err != nil {
		t.Fatal(err)
	}
	rows := make(map[string][]string)
	for line := range strings.Lines(string(text)) {
		if cells := strings.Split(strings.TrimSpace(line), "|"); len(cells) == 7 {
			rows[strings.TrimSpace(cells[1])] = append(rows[strings.TrimSpace(cells[1])], line)
		}
	}
	for section, count := range asvs {
		if _, more := rows[fmt.Sprintf("V%s.%d", section, count+1)]; more {
			t.Errorf("there is a row for V%s.%d, which the standard does not have", section, count+1)
		}
		for i := range count {
			number := fmt.Sprintf("V%s.%d", section, i+1)
			if len(rows[number]) != 1 {
				t.Errorf("%s has %d rows", number, len(rows[number]))
				continue
			}
			cells := strings.Split(rows[number][0], "|")
			if by := strings.TrimSpace(cells[3]); by != "default" && by != "option" && by != "application" {
				t.Errorf("%s is met by %q: write default, option or application", number, by)
			}
			if !citedTest.MatchString(cells[5]) && !citedCase.MatchString(cells[5]) {
				t.Errorf("%s names no test", number)
			}
		}
	}
}
