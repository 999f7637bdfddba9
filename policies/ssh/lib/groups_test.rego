package ssh.lib_test

import data.ssh.lib

person := {"identity": {"groups": ["sre", "db-oncall"]}}

memberships := {
	"a group of theirs": {"group": "sre", "want": true},
	"another group": {"group": "root", "want": false},
	"a part of a group's name": {"group": "db", "want": false},
	"another case": {"group": "SRE", "want": false},
	"a person without groups": {"group": "sre", "input": {"identity": {"groups": []}}, "want": false},
	"groups that are not told": {"group": "sre", "input": {"identity": {}}, "want": false},
	"groups that are one text": {"group": "sre", "input": {"identity": {"groups": "sre"}}, "want": false},
	"nobody yet": {"group": "sre", "input": {}, "want": false},
}

default member(_) := false

member(row) if {
	lib.member_of(row.group) with input as object.get(row, "input", person)
}

default member_of_any(_, _) := false

member_of_any(groups, who) if {
	lib.member_of_any(groups) with input as who
}

test_member_of[rule] if {
	some rule, row in memberships
	member(row) == row.want
	member_of_any(["nobody", row.group], object.get(row, "input", person)) == row.want
}

test_member_of_every_row if {
	count(memberships) > 0
	object.keys(memberships) == {rule | some rule, _ in test_member_of}
}

test_a_member_of_no_group_at_all if {
	not member_of_any([], person)
	not member_of_any("sre", person)
	member_of_any({"sre"}, person)
}
