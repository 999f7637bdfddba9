package ssh.lib_test

import data.ssh.lib

# A Monday; 12:00 in Berlin, 11:00 UTC.
noon := 1763982000000000000

hour := 3600000000000

second := 1000000000

durations := {
	"30s": 30,
	"5m": 300,
	"8h": 28800,
	"1h30m": 5400,
	"1d": 86400,
	"0s": 0,
	"1000ms": 1,
}

test_seconds[text] if {
	some text, want in durations
	lib.seconds(text) == want
}

test_seconds_every_row if {
	count(durations) > 0
	object.keys(durations) == {text | some text, _ in test_seconds}
}

# A text that is no duration at all is a fault, not a row: the gateway ends the evaluation of a policy that holds one.
test_seconds_are_whole_and_not_negative if {
	not lib.seconds("1500ms")
	not lib.seconds("-5m")
}

hours := {
	"noon": {"now": noon, "want": true},
	"eight is in": {"now": noon - (4 * hour), "want": true},
	"a second before eight is not": {"now": (noon - (4 * hour)) - second, "want": false},
	"a second before eighteen is in": {"now": (noon + (6 * hour)) - second, "want": true},
	"eighteen is not": {"now": noon + (6 * hour), "want": false},
	"Saturday is not": {"now": noon + (5 * (24 * hour)), "want": false},
	"eight by another zone's clock is not": {"now": noon - (4 * hour), "zone": "UTC", "want": false},
	"Monday by another zone's calendar is not": {"now": noon - (11 * hour), "zone": "America/New_York", "to": 24, "want": false},
	"to the end of the day": {"now": noon + (11 * hour), "from": 20, "to": 24, "want": true},
	"hours over midnight are none": {"now": noon + (11 * hour), "from": 20, "to": 6, "want": false},
	"no days, no hours": {"now": noon, "days": [], "want": false},
	"days in a set": {"now": noon, "days": {"Monday"}, "want": true},
	"days as one text are none": {"now": noon, "days": "Monday", "want": false},
	"an end that is a text is none": {"now": noon, "to": "18", "want": false},
	"a beginning that is null is none": {"now": noon, "from": null, "want": false},
}

default within_hours(_) := false

within_hours(row) if {
	lib.business_hours(
		object.get(row, "zone", "Europe/Berlin"),
		object.get(row, "days", lib.weekdays),
		object.get(row, "from", 8),
		object.get(row, "to", 18),
	) with time.now_ns as row.now
}

test_business_hours[rule] if {
	some rule, row in hours
	within_hours(row) == row.want
}

test_business_hours_every_row if {
	count(hours) > 0
	object.keys(hours) == {rule | some rule, _ in test_business_hours}
}
