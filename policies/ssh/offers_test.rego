package ssh_test

import data.ssh

offers := {
	"the logins of all grants, sorted, each once": {"grants": {web, dba, urgent}, "want": ["backup", "postgres", "www"]},
	"no grant, no login": {"grants": set(), "want": []},
	"a stranger is told none": {"grants": {dba}, "changes": [stranger], "want": []},
	"a grant that does not read offers none": {
		"grants": {web, {"certificate": {"principals": ["root"], "ttl": 1}}},
		"want": ["www"],
	},
	"roles are no logins": {"grants": {dba}, "changes": [set_to("/target/principals", "roles")], "want": []},
}

test_offers[rule] if {
	some rule, row in offers
	changes := array.concat([without("/target/login")], object.get(row, "changes", []))
	logins := ssh.offers with input as json.patch(asked, changes) with data.ssh.grants as row.grants
	logins == row.want
}

test_offers_every_row if {
	count(offers) > 0
	object.keys(offers) == {rule | some rule, _ in test_offers}
}

test_explain if {
	explained := ssh.explain with input as asked
		with data.ssh.grants as {web, urgent, dba, {"id": 7}}
		with data.ssh.deny as {{"code": "z", "message": ""}, no}
		with data.ssh.require as {ticket}
		with data.ssh.closed as {no}
	explained == {
		"outcome": "deny",
		"offered": ["dba", "urgent", "web"],
		"eligible": ["dba", "urgent"],
		"malformed": [{"id": 7}],
		"closed": [no],
		"deny": [no, {"code": "z", "message": ""}],
		"require": [ticket],
	}
}
