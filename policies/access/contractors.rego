package ssh

import data.ssh.lib

# METADATA
# description: |
#   Contractors on staging: a few commands that look and change nothing, and no shell. Its priority is lower than the
#   developers', so that a contractor among the developers gets this one.
grants contains {
	"id": "contractors-staging",
	"priority": 50,
	"why": "contractor on staging",
	"certificate": {
		"principals": data.access.logins,
		"ttl": lib.seconds("5m"),
		"extensions": lib.run_only([
			"uptime",
			"df -h",
			"systemctl status *",
			"tail -n * /var/log/app/*.log",
		]),
	},
} if {
	lib.member_of("contractors")
	lib.labelled("env", "staging")
}

# METADATA
# description: Contractors work in office hours.
deny contains {"code": "contractor-hours", "message": "contractors work in office hours only"} if {
	lib.member_of("contractors")
	not contractor_hours
}

# METADATA
# description: Once the company's networks are listed, contractors come in through them.
deny contains {"code": "contractor-network", "message": "contractors connect from the company's networks only"} if {
	lib.member_of("contractors")
	not contractor_network
}

# Rules of their own, so that `not` also covers data that is missing: `not f(data.x)` is undefined when data.x is.
contractor_hours if {
	office := data.access.office
	lib.business_hours(office.zone, office.days, office.from, office.to)
}

contractor_network if data.access.networks == []

contractor_network if lib.from_cidr(data.access.networks)
