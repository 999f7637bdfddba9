# METADATA
# title: What policies are written with
# description: |
#   Each function is a positive statement that is undefined when a fact is missing, so that `not lib.…` denies. To deny
#   when one of them holds, deny unless its opposite does.
package ssh.lib

# METADATA
# description: |
#   Whole seconds of a duration, for `ttl` and for the functions below: `seconds("8h")` is 28800. Undefined for anything
#   that is not one, a part of a second and a negative duration included.
seconds(text) := whole if {
	whole := time.parse_duration_ns(text) / 1000000000
	whole == floor(whole)
	whole >= 0
}

# METADATA
# description: Monday to Friday.
weekdays := ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday"]

# METADATA
# description: |
#   The time is on one of `days` (English names), from hour `from` on and before hour `to` (0 to 24), in the time zone
#   `tz` (IANA name): `business_hours("Europe/Berlin", weekdays, 8, 18)`. Hours over midnight are two statements.
business_hours(tz, days, from, to) if {
	now := time.now_ns()
	time.weekday([now, tz]) in days
	[hour, _, _] := time.clock([now, tz])
	is_number(from)
	is_number(to)
	hour >= from
	hour < to
}
