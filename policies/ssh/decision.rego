# METADATA
# title: SSH access, contract ssh/v1
# description: |
#   What the gateway asks, and the four sets that any file of this package may add to: `grants`, `deny`, `require` and
#   `closed`. One grant is chosen, denials outweigh it, and two grants are never merged. How it is chosen stands in
#   `ssh.kernel`, where no rule of a team's file can meet a rule of the same name.
# scope: subpackages
# schemas:
#   - input: schema.ssh.input
package ssh

import data.ssh.kernel

# METADATA
# description: What the gateway does with one connection.
# entrypoint: true
# scope: document
decision := {
	"version": "ssh/v1",
	"outcome": "allow",
	"grant": kernel.grant.id,
	"certificate": kernel.grant.certificate,
	"reasons": [{"code": kernel.grant.id, "message": object.get(kernel.grant, "why", "")}],
} if {
	kernel.outcome == "allow"
}

decision := {
	"version": "ssh/v1",
	"outcome": "challenge",
	"require": sort(kernel.missing),
	"reasons": [],
} if {
	kernel.outcome == "challenge"
}

decision := {
	"version": "ssh/v1",
	"outcome": "deny",
	"reasons": array.slice(sort(kernel.refusals), 0, 64), # more would not read as a decision
} if {
	kernel.outcome == "deny"
}

# METADATA
# description: |
#   The logins that grants hold out to this person on this route, asked without `target.login`. None where principals are
#   roles: there a grant does not say which accounts the host gives them.
# entrypoint: true
# scope: document
offers := sort({login |
	kernel.known
	input.target.principals == "login"
	some offered in kernel.sound
	some login in offered.certificate.principals
})

# METADATA
# description: Why the decision is what it is; for people who may read policies. Every list is sorted.
# entrypoint: true
# scope: document
explain := {
	"outcome": kernel.outcome,
	"offered": sort({offered.id | some offered in kernel.sound}),
	"eligible": sort({candidate.id | some candidate in kernel.eligible}),
	"malformed": sort(kernel.malformed),
	"closed": sort(closed),
	"deny": sort(deny),
	"require": sort(require),
}

# METADATA
# description: |
#   Certificates on offer: `{id, why?, priority?, certificate}`. Of those that fit the login, the lowest priority (100
#   when absent) is taken, and of equals the first id.
# scope: document
grants contains nothing if some nothing in []

# METADATA
# description: |
#   What stands against a person: `{code, message}`. Asked once it is known who they are, at admission and at every
#   re-decision. An empty message tells the person nothing but "no access to X, or no such route".
# scope: document
deny contains nothing if some nothing in []

# METADATA
# description: |
#   What is missing at the door: a login, a reason or an approval. Asked of who has a grant and no denial, and never in a
#   live session: what must hold on is a denial.
# scope: document
require contains nothing if some nothing in []

# METADATA
# description: |
#   What stands against everyone: `{code, message}`. Asked before the sign-in as well, and so free of `input.identity`.
# scope: document
closed contains nothing if some nothing in []
