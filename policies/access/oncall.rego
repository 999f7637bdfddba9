package ssh

import data.ssh.lib

# METADATA
# description: |
#   On call for a database: its login on its host, five minutes at a time, at a terminal, and the database's own port
#   from there. It goes before wider grants.
grants contains {
	"id": "oncall-database",
	"priority": 10,
	"why": "on call for the databases",
	"certificate": {
		"principals": ["postgres"],
		"ttl": lib.seconds("5m"),
		"extensions": object.union(
			lib.interactive,
			lib.forward_to(["localhost:5432", "127.0.0.1:5432", "[::1]:5432"]),
		),
	},
} if {
	lib.member_of("db-oncall")
	lib.labelled("role", "postgres")
}
