package ssh.lib_test

import data.ssh.lib

# Seconds before noon at which the person signed in, how (RFC 8176), and what that is at noon, asked for 15 minutes.
sign_ins := {
	"two factors, just now": {"ago": 0, "amr": ["pwd", "otp"], "fresh": true, "mfa": true},
	"to the second": {"ago": 900, "amr": ["pwd", "otp"], "fresh": true, "mfa": true},
	"a second too old": {"ago": 901, "amr": ["pwd", "otp"], "fresh": false, "mfa": false},
	"a clock a little ahead": {"ago": -60, "amr": ["mfa"], "fresh": true, "mfa": true},
	"tomorrow": {"ago": -61, "amr": ["mfa"], "fresh": false, "mfa": false},
	"the provider says mfa": {"ago": 60, "amr": ["pwd", "mfa"], "fresh": true, "mfa": true},
	"a key and a PIN": {"ago": 60, "amr": ["hwk", "pin"], "fresh": true, "mfa": true},
	"a key and a finger": {"ago": 60, "amr": ["hwk", "fpt"], "fresh": true, "mfa": true},
	"a password": {"ago": 60, "amr": ["pwd"], "fresh": true, "mfa": false},
	"two things that are known": {"ago": 60, "amr": ["pwd", "pin"], "fresh": true, "mfa": false},
	"two things that are had": {"ago": 60, "amr": ["otp", "sms"], "fresh": true, "mfa": false},
	"something else": {"ago": 60, "amr": ["pwd", "user", "geo"], "fresh": true, "mfa": false},
	"no method": {"ago": 60, "amr": [], "fresh": true, "mfa": false},
	"no word of the method": {"ago": 60, "fresh": true, "mfa": false},
	"no word of the time": {"amr": ["mfa"], "fresh": false, "mfa": false},
}

identity_of(row) := object.union(
	{name: value | some name in ["amr"]; value := row[name]},
	{"auth_time": at | at := 1763982000 - row.ago},
)

default fresh(_) := false

fresh(row) if {
	lib.signed_in_within(lib.seconds("15m")) with input as {"identity": identity_of(row)}
		with time.now_ns as noon
}

default strong(_) := false

strong(row) if {
	lib.mfa_within(lib.seconds("15m")) with input as {"identity": identity_of(row)}
		with time.now_ns as noon
}

test_sign_in[rule] if {
	some rule, row in sign_ins
	fresh(row) == row.fresh
	strong(row) == row.mfa
}

test_sign_in_every_row if {
	count(sign_ins) > 0
	object.keys(sign_ins) == {rule | some rule, _ in test_sign_in}
}

test_nobody_has_signed_in if {
	not lib.signed_in_within(900) with input as {} with time.now_ns as noon
	not lib.mfa_within(900) with input as {} with time.now_ns as noon
}

test_an_age_that_is_a_text_is_none if {
	not lib.signed_in_within("900") with input as {"identity": {"auth_time": 1763982000}} with time.now_ns as noon
}
