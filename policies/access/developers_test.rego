package ssh_test

import data.ssh

developer := [grouped(["developers"]), labelled({"env": "staging"}), as_login("deploy")]

developments := {
	"developers get the shared login": {"want": ["allow", "developers-staging"]},
	"and every login of the list": {"changes": [as_login("app")], "want": ["allow", "developers-staging"]},
	"but none that is not on it": {"changes": [as_login("root")], "want": ["deny", "no-matching-grant"]},
	"and nothing in production": {"changes": [labelled({"env": "prod"})], "want": ["deny", "no-matching-grant"]},
	"nobody else does": {"changes": [grouped(["sales"])], "want": ["deny", "no-matching-grant"]},
	"no list, no grant": {"settings": object.remove(settings, ["logins"]), "want": ["deny", "no-matching-grant"]},
	"a list that is a text is no grant": {
		"settings": object.union(settings, {"logins": "deploy"}),
		"want": ["deny", "malformed-grant"],
	},
	"without a word about forwards, no grant": {
		"settings": object.remove(settings, ["forwards"]),
		"want": ["deny", "no-matching-grant"],
	},
}

test_developers[rule] if {
	some rule, row in developments
	changes := array.concat(developer, object.get(row, "changes", []))
	decision := ssh.decision with input as json.patch(asked, changes)
		with data.access as object.get(row, "settings", settings)
		with time.now_ns as noon
	array.concat([decision.outcome], codes(decision)) == row.want
}

test_developers_every_row if {
	count(developments) > 0
	object.keys(developments) == {rule | some rule, _ in test_developers}
}

test_developers_certificate if {
	decision := ssh.decision with input as json.patch(asked, developer)
		with data.access as settings
		with time.now_ns as noon
	decision.certificate == {
		"principals": ["deploy", "app"],
		"ttl": 300,
		"extensions": {
			"permit-pty": "",
			"permit-shell@regate": "",
			"permit-exec@regate": ["*"],
			"permit-subsystem@regate": ["sftp"],
		},
	}
}

test_developers_forward_to_what_the_data_names if {
	decision := ssh.decision with input as json.patch(asked, developer)
		with data.access as object.union(settings, {"forwards": ["localhost:8080"]})
		with time.now_ns as noon
	forwarding := object.filter(decision.certificate.extensions, ["permit-port-forwarding", "permit-open@regate"])
	forwarding == {"permit-port-forwarding": "", "permit-open@regate": ["localhost:8080"]}
	decision.certificate.extensions["permit-shell@regate"] == ""
}

test_developers_are_offered_their_logins if {
	ssh.offers == ["app", "deploy"] with input as json.patch(asked, array.concat(developer, [without("/target/login")]))
		with data.access as settings
		with time.now_ns as noon
}
