package audit

import "cmp"

// openSpool opens the spool and gives the file what a crash kept from it: the
// spool is written first. Nobody was answered on the strength of such an event,
// but its number is taken.
func (l *Log) openSpool(known uint64) (opening, error) {
	if !l.spools.Load() {
		return opening{}, nil
	}
	o, err := l.spool.open(known)
	if err != nil {
		return o, err
	}
	var lines []byte
	if known > 0 {
		for _, one := range o.missing {
			lines = append(lines, one.line...)
		}
	}
	if len(lines) > 0 {
		if _, err := l.file.append(lines); err != nil {
			return o, err
		}
	}
	l.seq = max(l.seq, o.last)
	l.damaged = cmp.Or(l.damaged, o.aside)
	return o, nil
}

// tellDamage records what was found damaged.
func (l *Log) tellDamage(file int64, spooled opening) error {
	if file > 0 {
		if err := l.Record(damagedEvent(file)); err != nil {
			return err
		}
	}
	if spooled.torn > 0 {
		return l.Record(damagedEvent(spooled.torn))
	}
	return nil
}
