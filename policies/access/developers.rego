package ssh

import data.ssh.lib

# METADATA
# description: |
#   Developers on staging: the shared logins of policies/data/access/data.json, with a shell, any command, file copies, and
#   TCP forwards to what `forwards` names there. As shipped that is nothing, and forwarding stays closed.
grants contains {
	"id": "developers-staging",
	"why": "developer on staging",
	"certificate": {
		"principals": data.access.logins,
		"ttl": lib.seconds("5m"),
		"extensions": object.union_n([lib.interactive, lib.any_command, lib.file_copy, developer_forwards]),
	},
} if {
	lib.member_of("developers")
	lib.labelled("env", "staging")
}

developer_forwards := {} if data.access.forwards == []

developer_forwards := lib.forward_to(data.access.forwards) if data.access.forwards != []
