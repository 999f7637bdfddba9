package system.authz_test

import data.system.authz

token(groups) := {"kind": "token", "username": "ci", "groups": groups}

# Each row: method, path, whose groups, and whether it may.
requests := {
	"metrics are open": ["GET", ["metrics"], null, true],
	"the API's description is open": ["GET", ["openapi.json"], null, true],
	"nothing below them is": ["GET", ["metrics", ""], null, false],
	"and only to be read": ["POST", ["metrics"], null, false],
	"everything else needs a token": ["GET", ["v1", "decisions"], null, false],
	"a token without groups opens nothing": ["GET", ["v1", "decisions"], [], false],
	"a token of another group opens nothing": ["GET", ["v1", "decisions"], ["admin"], false],
	"read reads decisions": ["GET", ["v1", "decisions"], ["read"], true],
	"read reads along": ["GET", ["v1", "decisions", "tail"], ["read"], true],
	"read reads logins": ["GET", ["v1", "logins"], ["read"], true],
	"read revokes none": ["DELETE", ["v1", "logins", "l1"], ["read"], false],
	"operate revokes one": ["DELETE", ["v1", "logins", "l1"], ["operate"], true],
	"read sees which policy is in force": ["GET", ["v1", "policy"], ["read"], true],
	"read reads one": ["GET", ["v1", "decisions", "7b0c"], ["read"], true],
	"read ends no session": ["DELETE", ["v1", "sessions", "s1"], ["read"], false],
	"read asks no what-if": ["POST", ["v1", "data", "ssh", "decision"], ["read"], false],
	"read writes no log": ["POST", ["logs"], ["read"], false],
	"operate ends a session": ["DELETE", ["v1", "sessions", "s1"], ["operate"], true],
	"operate asks a what-if": ["POST", ["v1", "data", "ssh", "decision"], ["operate"], true],
	"operate alone reads nothing": ["GET", ["v1", "sessions"], ["operate"], false],
	"operate does nothing else": ["PUT", ["v1", "policy"], ["operate"], false],
	"read and operate do both": ["GET", ["v1", "sessions"], ["operate", "read"], true],
	"logs sends logs": ["POST", ["logs"], ["logs"], true],
	"logs sends nothing else": ["POST", ["v1", "data", "ssh", "decision"], ["logs"], false],
	"logs sends no part of them": ["POST", ["logs", "part"], ["logs"], false],
	"logs reads nothing": ["GET", ["v1", "decisions"], ["logs"], false],
	"logs does not read them back": ["GET", ["logs"], ["logs"], false],
	"a method in small letters is none": ["get", ["v1", "decisions"], ["read"], false],
	"groups that are one text are none": ["GET", ["v1", "decisions"], "read", false],
}

asked(method, path, null) := {"method": method, "path": path}

asked(method, path, groups) := {"method": method, "path": path, "identity": token(groups)} if groups != null

test_allow[rule] if {
	some rule, [method, path, groups, want] in requests
	request := asked(method, path, groups)
	want == authz.allow with input as request
}

test_allow_every_row if {
	count(requests) > 0
	object.keys(requests) == {rule | some rule, _ in test_allow}
}

test_a_request_that_says_nothing_is_refused if {
	authz.allow == false with input as {}
	authz.allow == false with input as {"path": ["metrics"]}
	authz.allow == false with input as {"method": "GET", "identity": token(["read"]).groups}
}
