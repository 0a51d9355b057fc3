package judge

import (
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"
)

var weekdays = []string{"SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"}

var months = []string{"JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"}

// zoned takes a last argument GMT off args, and reads the clock there.
func zoned(now time.Time, args []string) (time.Time, []string) {
	if n := len(args); n > 0 && strings.EqualFold(args[n-1], "GMT") {
		return now.UTC(), args[:n-1]
	}
	return now, args
}

// between tells whether n is from a to b; where a is after b, the range goes
// round: FRI to MON, 22 to 6.
func between(a, n, b int) bool {
	if a <= b {
		return a <= n && n <= b
	}
	return n >= a || n <= b
}

// weekdayRange is (day), (day, day), each with GMT behind it.
func weekdayRange(now time.Time, args []string) bool {
	now, args = zoned(now, args)
	if len(args) != 1 && len(args) != 2 {
		return false
	}
	a, b := slices.Index(weekdays, args[0]), slices.Index(weekdays, args[len(args)-1])
	return a >= 0 && b >= 0 && between(a, int(now.Weekday()), b)
}

// dateRange is a day, a month or a year, or two ends made of some of them.
func dateRange(now time.Time, args []string) bool {
	now, args = zoned(now, args)
	half := len(args) / 2
	first, ok1 := dateOf(args[:half])
	last, ok2 := dateOf(args[half:])
	if len(args)%2 == 1 || first.parts() != last.parts() { // one date: 24, or 24 DEC
		first, ok1 = dateOf(args)
		last, ok2 = first, ok1
	}
	if len(args) == 0 || len(args) > 6 || !ok1 || !ok2 {
		return false
	}
	today := date{day: now.Day(), month: int(now.Month()), year: now.Year()}
	return between(first.key(first), today.key(first), last.key(first))
}

// date is parts of a date; zero is not said.
type date struct{ day, month, year int }

// parts tells which parts are said.
func (d date) parts() [3]bool { return [3]bool{d.day > 0, d.month > 0, d.year > 0} }

// key orders dates by the parts that like has.
func (d date) key(like date) int {
	n := 0
	if like.year > 0 {
		n = d.year * 10000
	}
	if like.month > 0 {
		n += d.month * 100
	}
	if like.day > 0 {
		n += d.day
	}
	return n
}

func dateOf(args []string) (date, bool) {
	var d date
	for _, s := range args {
		n, err := strconv.Atoi(s)
		m := slices.Index(months, s)
		switch {
		case m >= 0:
			d.month = m + 1
		case err == nil && n >= 1 && n <= 31:
			d.day = n
		case err == nil && n > 31 && n < 10000:
			d.year = n
		default:
			return date{}, false
		}
	}
	return d, true
}

// timeRange is (hour), (hour, hour), (hour, minute, hour, minute), or with
// seconds. As in browsers, the last hour or minute is whole, hours alone do not
// go round midnight, and another number of arguments is an error.
func timeRange(now time.Time, args []string) (bool, error) {
	now, args = zoned(now, args)
	var n []int
	for _, s := range args {
		i, err := strconv.Atoi(s)
		if err != nil {
			return false, nil
		}
		n = append(n, i)
	}
	h, m, s := now.Clock()
	switch len(n) {
	case 0:
		return false, nil
	case 1:
		return h == n[0], nil
	case 2:
		return n[0] <= h && h <= n[1], nil
	case 4:
		return between(n[0]*60+n[1], h*60+m, n[2]*60+n[3]), nil
	case 6:
		return between(n[0]*3600+n[1]*60+n[2], h*3600+m*60+s, n[3]*3600+n[4]*60+n[5]), nil
	}
	return false, errors.New("timeRange: bad number of arguments")
}
