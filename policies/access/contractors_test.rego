package ssh_test

import data.ssh

contractor := [grouped(["contractors"]), labelled({"env": "staging"}), as_login("deploy")]

evening := 1764007200000000000

saturday := 1764414000000000000

contracts := {
	"contractors get the shared login": {"want": ["allow", "contractors-staging"]},
	"but no other login": {"changes": [as_login("root")], "want": ["deny", "no-matching-grant"]},
	"and nothing in production": {"changes": [labelled({"env": "prod"})], "want": ["deny", "no-matching-grant"]},
	"nobody else does": {"changes": [grouped([])], "want": ["deny", "no-matching-grant"]},
	"a contractor among the developers gets no more": {
		"changes": [grouped(["developers", "contractors"])],
		"want": ["allow", "contractors-staging"],
	},
	"not in the evening": {"now": evening, "want": ["deny", "contractor-hours"]},
	"not on Saturday": {"now": saturday, "want": ["deny", "contractor-hours"]},
	"not as a developer in the evening either": {
		"changes": [grouped(["developers", "contractors"])],
		"now": evening,
		"want": ["deny", "contractor-hours"],
	},
	"a developer may in the evening": {
		"changes": [grouped(["developers"])],
		"now": evening,
		"want": ["allow", "developers-staging"],
	},
	"no hours are no time to work": {
		"settings": object.remove(settings, ["office"]),
		"want": ["deny", "contractor-hours"],
	},
	"hours without an end are none": {
		"settings": json.patch(settings, [without("/office/to")]),
		"want": ["deny", "contractor-hours"],
	},
	"from the company's networks": {
		"settings": object.union(settings, {"networks": ["198.51.100.0/24", "203.0.113.0/24"]}),
		"want": ["allow", "contractors-staging"],
	},
	"from elsewhere": {
		"settings": object.union(settings, {"networks": ["198.51.100.0/24"]}),
		"want": ["deny", "contractor-network"],
	},
	"a developer may from elsewhere": {
		"changes": [grouped(["developers"])],
		"settings": object.union(settings, {"networks": ["198.51.100.0/24"]}),
		"want": ["allow", "developers-staging"],
	},
	"networks that do not read are no networks": {
		"settings": object.union(settings, {"networks": ["203.0.113.9"]}),
		"want": ["deny", "contractor-network"],
	},
	"networks that are missing are not everywhere": {
		"settings": object.remove(settings, ["networks"]),
		"want": ["deny", "contractor-network"],
	},
	"both is said at once": {
		"settings": object.union(settings, {"networks": ["198.51.100.0/24"]}),
		"now": evening,
		"want": ["deny", "contractor-hours", "contractor-network"],
	},
}

test_contractors[rule] if {
	some rule, row in contracts
	changes := array.concat(contractor, object.get(row, "changes", []))
	decision := ssh.decision with input as json.patch(asked, changes)
		with data.access as object.get(row, "settings", settings)
		with time.now_ns as object.get(row, "now", noon)
	array.concat([decision.outcome], codes(decision)) == row.want
}

test_contractors_every_row if {
	count(contracts) > 0
	object.keys(contracts) == {rule | some rule, _ in test_contractors}
}

test_contractors_certificate if {
	decision := ssh.decision with input as json.patch(asked, contractor)
		with data.access as settings
		with time.now_ns as noon
	decision.certificate == {
		"principals": ["deploy", "app"],
		"ttl": 300,
		"extensions": {"permit-exec@regate": [
			"uptime",
			"df -h",
			"systemctl status *",
			"tail -n * /var/log/app/*.log",
		]},
	}
}
