# METADATA
# title: Who may call the gateway's HTTP API
# description: |
#   Asked with `{path, method, identity?}`: the path in segments, the identity that of a token
#   (`{kind: "token", username, groups}`) or of a person who has signed in. Health, /ca.pub and /login are open in code.
package system.authz

# METADATA
# description: Whether this request may be answered.
# entrypoint: true
# scope: document
default allow := false

allow if {
	input.method == "GET"
	input.path in [["metrics"], ["openapi.json"]]
}

allow if {
	input.method == "GET"
	member_of("read")
}

allow if {
	input.method in ["DELETE", "POST"]
	member_of("operate")
}

# OPA and other gateways send their decision logs here, and may do nothing else.
allow if {
	input.method == "POST"
	input.path == ["logs"]
	member_of("logs")
}

member_of(group) if group in input.identity.groups
