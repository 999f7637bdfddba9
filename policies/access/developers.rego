package ssh

import data.ssh.lib

# METADATA
# description: |
#   Developers on staging: the shared logins of policies/data/access/data.json, with a shell, any command and file copies.
#   Forwarding is not named, and so stays closed.
grants contains {
	"id": "developers-staging",
	"why": "developer on staging",
	"certificate": {
		"principals": data.access.logins,
		"ttl": lib.seconds("5m"),
		"extensions": object.union_n([lib.interactive, lib.any_command, lib.file_copy]),
	},
} if {
	lib.member_of("developers")
	lib.labelled("env", "staging")
}
