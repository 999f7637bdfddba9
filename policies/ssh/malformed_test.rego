package ssh_test

import data.ssh

unreadable := denied([{"code": "malformed-grant", "message": "the policy offers a grant that does not read"}])

# Each of them is offered beside dba, which would allow: nobody gets in over a grant that does not read.
malformed_grants := {
	"no id": object.remove(urgent, ["id"]),
	"an empty id": object.union(urgent, {"id": ""}),
	"an id that is a number": object.union(urgent, {"id": 7}),
	"an id too long for a reason": object.union(urgent, {"id": concat("", [x128, "x"])}),
	"a why that is no text": object.union(urgent, {"why": {"code": "x"}}),
	"a why too long to be told": object.union(urgent, {"why": concat("", [x1024, "x"])}),
	"a priority that is a text": object.union(urgent, {"priority": "10"}),
	"a priority that is null": object.union(urgent, {"priority": null}),
	"a key that nobody knows": object.union(urgent, {"expires": "2026-01-01"}),
	"no certificate": object.remove(urgent, ["certificate"]),
	"a certificate that is a text": object.union(urgent, {"certificate": "any"}),
	"a certificate that is null": object.union(urgent, {"certificate": null}),
	"no principals": {"id": "x", "certificate": {"ttl": 60}},
	"principals that are a text": {"id": "x", "certificate": {"principals": "postgres", "ttl": 60}},
	"principals that are a set": {"id": "x", "certificate": {"principals": {"postgres"}, "ttl": 60}},
	"principals that are an object": {"id": "x", "certificate": {"principals": {"login": "postgres"}, "ttl": 60}},
	"a principal that is no text": {"id": "x", "certificate": {"principals": ["postgres", 0], "ttl": 60}},
	"a list": [urgent],
	"a text": "urgent",
	"null": null,
	"false": false,
	"nothing at all": {},
}

malformed_grant_decisions[rule] := row if {
	some name, grant in malformed_grants
	some occasion, row in {
		"beside a good one": {"grants": {dba, grant}, "want": unreadable},
		"in a live session": {"grants": {dba, grant}, "changes": [session], "want": unreadable},
		"before the sign-in": {
			"grants": {dba, grant},
			"changes": [stranger],
			"want": challenged([{"type": "login"}]),
		},
	}
	rule := $"a grant that does not read: {name}, {occasion}"
}

malformed_denials := {
	"a text": "no",
	"null": null,
	"false": false,
	"an empty object": {},
	"an empty list": [],
	"a set of the right words": {"code", "message"},
	"no message": {"code": "no"},
	"no code": {"message": "not today"},
	"an empty code": {"code": "", "message": ""},
	"a code that is a number": {"code": 7, "message": ""},
	"a message that is a list": {"code": "no", "message": ["not", "today"]},
	"a code too long to be told": {"code": concat("", [x128, "x"]), "message": ""},
	"a message too long to be told": {"code": "no", "message": concat("", [x1024, "x"])},
}

malformed_denial_decisions[rule] := row if {
	some name, denial in malformed_denials
	malformed := {"code": "malformed-denial", "message": ""}
	some occasion, row in {
		"alone": {"grants": {dba}, "deny": {denial}, "want": denied([malformed])},
		"beside a good one": {"grants": {dba}, "deny": {denial, no}, "want": denied([malformed, no])},
		"closed before the sign-in": {"closed": {denial}, "changes": [stranger], "want": denied([malformed])},
	}
	rule := $"a denial that does not read: {name}, {occasion}"
}

malformed_decisions := object.union(malformed_grant_decisions, malformed_denial_decisions)

test_malformed[rule] if {
	some rule, row in malformed_decisions
	decision := ssh.decision with input as json.patch(asked, object.get(row, "changes", []))
		with data.ssh.grants as object.get(row, "grants", set())
		with data.ssh.deny as object.get(row, "deny", set())
		with data.ssh.require as object.get(row, "require", set())
		with data.ssh.closed as object.get(row, "closed", set())
	decision == row.want
}

test_malformed_every_row if {
	count(malformed_grants) > 0
	count(malformed_denials) > 0
	count(malformed_decisions) == 3 * (count(malformed_grants) + count(malformed_denials))
	object.keys(malformed_decisions) == {rule | some rule, _ in test_malformed}
}
