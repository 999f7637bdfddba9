package ssh_test

import data.ssh

on_call := [grouped(["db-oncall"]), labelled({"role": "postgres", "env": "prod"})]

# Each row: what is changed in the input of somebody on call, and the outcome with its codes.
calls := {
	"on call gets the database's login": {"want": ["allow", "oncall-database"]},
	"but no other login": {"changes": [as_login("root")], "want": ["deny", "no-matching-grant"]},
	"and no other host": {
		"changes": [labelled({"role": "web", "env": "prod"})],
		"want": ["deny", "no-matching-grant"],
	},
	"and no host without the label": {"changes": [labelled({})], "want": ["deny", "no-matching-grant"]},
	"nobody else does": {"changes": [grouped(["developers"])], "want": ["deny", "no-matching-grant"]},
	"a stranger signs in first": {"changes": [stranger], "want": ["challenge"]},
}

test_oncall[rule] if {
	some rule, row in calls
	decision := ssh.decision with input as json.patch(asked, array.concat(on_call, object.get(row, "changes", [])))
		with data.access as settings
		with time.now_ns as noon
	array.concat([decision.outcome], codes(decision)) == row.want
}

test_oncall_every_row if {
	count(calls) > 0
	object.keys(calls) == {rule | some rule, _ in test_oncall}
}

test_oncall_certificate if {
	decision := ssh.decision with input as json.patch(asked, on_call)
		with data.access as settings
		with time.now_ns as noon
	decision.certificate == {
		"principals": ["postgres"],
		"ttl": 300,
		"extensions": {
			"permit-pty": "",
			"permit-shell@regate": "",
			"permit-port-forwarding": "",
			"permit-open@regate": ["localhost:5432", "127.0.0.1:5432", "[::1]:5432"],
		},
	}
}

# Who may do both gets the grant that is made for the case.
test_oncall_goes_before_developers if {
	changes := [grouped(["db-oncall", "developers"]), labelled({"role": "postgres", "env": "staging"})]
	decision := ssh.decision with input as json.patch(asked, changes)
		with data.access as object.union(settings, {"logins": ["postgres"]})
		with time.now_ns as noon
	decision.grant == "oncall-database"
}
