package ssh_test

import data.ssh

dba := {
	"id": "dba",
	"why": "keeps the databases",
	"certificate": {"principals": ["postgres", "backup"], "ttl": 300, "extensions": {"permit-pty": ""}},
}

# As wide as dba, but for other logins.
web := {"id": "web", "certificate": {"principals": ["www"], "ttl": 60}}

urgent := object.union(dba, {"id": "urgent", "priority": 10})

later := object.union(dba, {"id": "later", "priority": 200})

early := object.union(dba, {"id": "early"})

no := {"code": "no", "message": "not today"}

ticket := {"type": "reason", "prompt": "Ticket?"}

session := set_to("/session", {"id": "s1", "started_at": 1763981700, "renewals": 1})

# As long as a code and as a message may be.
x128 := concat("", ["xxxxxxxxxxxxxxxx" | some _ in numbers.range(1, 8)])

x1024 := concat("", [x128 | some _ in numbers.range(1, 8)])

longest := {"code": x128, "message": x1024}

allowed(grant) := {
	"version": "ssh/v1",
	"outcome": "allow",
	"grant": grant.id,
	"certificate": grant.certificate,
	"reasons": [{"code": grant.id, "message": object.get(grant, "why", "")}],
}

denied(reasons) := {"version": "ssh/v1", "outcome": "deny", "reasons": reasons}

challenged(requirements) := {"version": "ssh/v1", "outcome": "challenge", "require": requirements, "reasons": []}

nothing_grants := denied([{"code": "no-matching-grant", "message": ""}])

# Each row: what the four sets hold (nothing, when left out), what is changed in the input, and the whole answer.
decisions := {
	"a grant for the login allows": {"grants": {dba, web}, "want": allowed(dba)},
	"a grant without a reason allows, and its reason is empty": {
		"grants": {web},
		"changes": [as_login("www")],
		"want": allowed(web),
	},
	"no grant denies, and says nothing": {"want": nothing_grants},
	"a grant for other logins denies, and says nothing": {"grants": {web}, "want": nothing_grants},
	"no login asked for is no login": {
		"grants": {dba},
		"changes": [without("/target/login")],
		"want": nothing_grants,
	},
	"the lowest priority is chosen": {"grants": {dba, later, urgent, early}, "want": allowed(urgent)},
	"of equal priorities the first id is chosen": {"grants": {later, early, dba}, "want": allowed(dba)},
	"a priority left out is 100": {
		"grants": {later, object.union(early, {"priority": 100.5}), dba},
		"want": allowed(dba),
	},
	"a better grant for another login is not chosen": {
		"grants": {dba, object.union(web, {"priority": 1})},
		"want": allowed(dba),
	},
	"a denial outweighs a grant": {"grants": {dba}, "deny": {no}, "want": denied([no])},
	"a denial outweighs a requirement": {"grants": {dba}, "deny": {no}, "require": {ticket}, "want": denied([no])},
	"a denial is told without a grant too": {"deny": {no}, "want": denied([no])},
	"denials are sorted": {
		"grants": {dba},
		"deny": {{"code": "z", "message": ""}, no, {"code": "a", "message": ""}},
		"closed": {{"code": "m", "message": ""}},
		"want": denied([
			{"code": "a", "message": ""},
			{"code": "m", "message": ""},
			no,
			{"code": "z", "message": ""},
		]),
	},
	"what is closed is closed to everyone": {"grants": {dba}, "closed": {no}, "want": denied([no])},
	"what is closed is told without a grant too": {"closed": {no}, "want": denied([no])},
	"what is closed is closed to a stranger": {"closed": {no}, "changes": [stranger], "want": denied([no])},
	"a stranger is asked to sign in": {"changes": [stranger], "want": challenged([{"type": "login"}])},
	"of a stranger only what is closed is asked": {
		"grants": {dba, {"id": 7}},
		"deny": {no},
		"require": {ticket},
		"changes": [stranger],
		"want": challenged([{"type": "login"}]),
	},
	"a stranger is told only what is closed to everyone": {
		"grants": {dba, {"id": 7}},
		"deny": {{"code": "person", "message": "not you"}},
		"closed": {no},
		"changes": [stranger],
		"want": denied([no]),
	},
	"a stranger in a live session is asked to sign in": {
		"grants": {dba},
		"changes": [stranger, session],
		"want": challenged([{"type": "login"}]),
	},
	"an identity that is null is none": {
		"grants": {dba},
		"changes": [set_to("/identity", null)],
		"want": challenged([{"type": "login"}]),
	},
	"what is missing is asked for": {"grants": {dba}, "require": {ticket}, "want": challenged([ticket])},
	"requirements are sorted": {
		"grants": {dba},
		"require": {ticket, {"type": "login", "max_age": 900}, {"type": "approval", "from": ["leads"], "count": 1, "within": 60}},
		"want": challenged([
			{"type": "approval", "from": ["leads"], "count": 1, "within": 60},
			{"type": "login", "max_age": 900},
			ticket,
		]),
	},
	"nothing is asked for when nothing grants": {"grants": {web}, "require": {ticket}, "want": nothing_grants},
	"a live session is asked for nothing": {
		"grants": {dba},
		"require": {ticket},
		"changes": [session],
		"want": allowed(dba),
	},
	"a live session is denied": {"grants": {dba}, "deny": {no}, "changes": [session], "want": denied([no])},
	"a live session ends with its grant": {"grants": {web}, "changes": [session], "want": nothing_grants},
	"a session that is null is none": {
		"grants": {dba},
		"require": {ticket},
		"changes": [set_to("/session", null)],
		"want": challenged([ticket]),
	},
	"where principals are roles, any login may be asked for": {
		"grants": {dba},
		"changes": [set_to("/target/principals", "roles"), as_login("root")],
		"want": allowed(dba),
	},
	"where principals are roles, a login must still be asked for": {
		"grants": {dba},
		"changes": [set_to("/target/principals", "roles"), without("/target/login")],
		"want": nothing_grants,
	},
	"principals of an unknown kind are none": {
		"grants": {dba},
		"changes": [set_to("/target/principals", "any")],
		"want": nothing_grants,
	},
	"more than a denial holds is left out": {"deny": {object.union(no, {"level": 3})}, "want": denied([no])},
	"a requirement that does not read does not vanish; the gateway refuses it": {
		"grants": {dba},
		"require": {"ticket"},
		"want": challenged(["ticket"]),
	},
	"the longest texts that are told": {"deny": {longest}, "want": denied([longest])},
	"the longest id and reason of a grant": {
		"grants": {object.union(dba, {"id": x128, "why": x1024})},
		"want": allowed(object.union(dba, {"id": x128, "why": x1024})),
	},
	"of more than 64 denials the first 64 are told": {
		"deny": {{"code": c, "message": ""} | some i in numbers.range(100, 199); c := format_int(i, 10)},
		"want": denied([{"code": c, "message": ""} | some i in numbers.range(100, 163); c := format_int(i, 10)]),
	},
}

# Written out here and not in a function: a function that asks for a decision does not build, since OPA takes whatever rests
# on an entrypoint for one.
test_decision[rule] if {
	some rule, row in decisions
	decision := ssh.decision with input as json.patch(asked, object.get(row, "changes", []))
		with data.ssh.grants as object.get(row, "grants", set())
		with data.ssh.deny as object.get(row, "deny", set())
		with data.ssh.require as object.get(row, "require", set())
		with data.ssh.closed as object.get(row, "closed", set())
	decision == row.want
}

test_decision_every_row if {
	count(decisions) > 0
	object.keys(decisions) == {rule | some rule, _ in test_decision}
}

test_an_empty_input_lets_nobody_in if {
	decision := ssh.decision with input as {} with data.ssh.grants as {dba} with data.ssh.closed as set()
	decision.outcome == "challenge"
}
