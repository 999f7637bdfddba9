package ssh_test

import data.ssh

# Each row: the freeze list, the route's label, and what is closed before anybody has signed in.
freezes := {
	"nothing is frozen": {"list": [], "want": []},
	"another route is frozen": {"list": ["db2", "db"], "want": []},
	"the route is frozen": {"list": ["web1", "db1"], "want": ["freeze"]},
	"its label says so": {"list": [], "labels": {"freeze": "on"}, "want": ["freeze"]},
	"its label says until when": {"list": [], "labels": {"freeze": "until Monday"}, "want": ["freeze"]},
	"its label says off": {"list": [], "labels": {"freeze": "off"}, "want": []},
	"its label says off, the list says on": {"list": ["db1"], "labels": {"freeze": "off"}, "want": ["freeze"]},
	"a list that is a text freezes all": {"list": "db2", "want": ["freeze"]},
	"a list that is null freezes all": {"list": null, "want": ["freeze"]},
}

closed_codes(list, labels) := [denial.code | some denial in closed] if {
	closed := ssh.closed with input as json.patch(asked, [stranger, labelled(labels)])
		with data.access.freeze as list
}

test_freeze[rule] if {
	some rule, row in freezes
	closed_codes(row.list, object.get(row, "labels", {})) == row.want
}

test_freeze_every_row if {
	count(freezes) > 0
	object.keys(freezes) == {rule | some rule, _ in test_freeze}
}

test_no_list_freezes_all if {
	count(ssh.closed) == 1 with input as asked with data.access as object.remove(settings, ["freeze"])
}

test_a_freeze_is_told_before_the_sign_in if {
	decision := ssh.decision with input as json.patch(asked, [stranger])
		with data.access as object.union(settings, {"freeze": ["db1"]})
	decision == {
		"version": "ssh/v1",
		"outcome": "deny",
		"reasons": [{"code": "freeze", "message": "frozen: nobody is let in while a change is under way"}],
	}
}
