# METADATA
# description: From the four sets to an outcome. Nothing here depends on the order of a set.
package ssh.kernel

import data.ssh

# METADATA
# description: |
#   `allow` and `challenge` name everything that they need; whatever is left over denies.
# scope: document
default outcome := "deny"

outcome := "challenge" if {
	not known
	count(ssh.closed) == 0
}

outcome := "challenge" if {
	admissible
	count(missing) > 0
}

outcome := "allow" if {
	admissible
	count(missing) == 0
}

admissible if {
	known
	count(ssh.closed) == 0
	count(ssh.deny) == 0
	count(malformed) == 0
	grant
}

# METADATA
# description: The person has signed in. An identity that is null or a text is none.
# scope: document
known if is_object(input.identity)

live if is_object(input.session)

# METADATA
# description: What the gateway must ask for before it asks again.
# scope: document
missing := {{"type": "login"}} if not known

missing := ssh.require if {
	known
	not live
}

# What must hold on in a live session is a denial; requirements are for the door.
missing := set() if {
	known
	live
}

# METADATA
# description: Why not, as it is told and written down.
# scope: document
refusals contains reason(denial) if some denial in ssh.closed

refusals contains reason(denial) if {
	known
	some denial in ssh.deny
}

refusals contains {"code": "malformed-grant", "message": "the policy offers a grant that does not read"} if {
	known
	count(malformed) > 0
}

# The message is empty on purpose: who has no grant is not told that there is such a route.
refusals contains {"code": "no-matching-grant", "message": ""} if {
	known
	count(ssh.closed) == 0
	count(ssh.deny) == 0
	count(malformed) == 0
	not grant
}

# A denial that is not written as one denies all the same.
reason(denial) := {"code": denial.code, "message": denial.message} if is_reason(denial)

reason(denial) := {"code": "malformed-denial", "message": ""} if not is_reason(denial)

is_reason(denial) if {
	is_object(denial)
	is_text(denial.code, 1, 128)
	is_text(denial.message, 0, 1024)
}

is_text(value, least, most) if {
	is_string(value)
	count(value) >= least
	count(value) <= most
}
