package ssh.kernel

import data.ssh

# METADATA
# description: |
#   The grant that a decision rests on, whole: two are never merged, so that no certificate has one team's principal and
#   another team's lifetime.
# scope: document
grant := candidates[ranking[0][1]]

# The first of a set is another one in each runtime: so it is sorted, lowest priority first, then by id.
ranking := sort([[object.get(candidate, "priority", 100), candidate.id] | some candidate in eligible])

# Two grants with one id are no choice: the keys conflict, the evaluation ends, and the gateway denies.
candidates := {candidate.id: candidate | some candidate in eligible}

# METADATA
# description: Grants that fit what is asked for.
# scope: document
eligible contains candidate if {
	input.target.principals == "login"
	some candidate in sound
	input.target.login in candidate.certificate.principals
}

# Here principals are roles, and it is the host that knows which of them may use the account.
eligible contains candidate if {
	input.target.principals == "roles"
	is_string(input.target.login)
	some candidate in sound
}

# METADATA
# description: Grants that read as such. What a certificate may hold besides is the gateway's to judge, and it is strict.
# scope: document
sound contains offered if {
	some offered in ssh.grants
	is_grant(offered)
}

# METADATA
# description: |
#   The others. One of them denies whoever it is offered to: it may have been meant to come before a wider one, and a
#   mistake in it must not be what opens that.
# scope: document
malformed contains offered if {
	some offered in ssh.grants
	not is_grant(offered)
}

is_grant(offered) if {
	is_object(offered)
	object.keys(offered) - {"id", "why", "priority", "certificate"} == set()
	is_text(offered.id, 1, 128)
	is_text(object.get(offered, "why", ""), 0, 1024)
	is_number(object.get(offered, "priority", 100))
	is_array(offered.certificate.principals)
	every principal in offered.certificate.principals {
		is_string(principal)
	}
}
