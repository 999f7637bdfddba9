package ssh.lib_test

import data.ssh.lib

# From which address, among which networks, and whether the client is in one of them; `reads` is false where one of them
# is no network, so that it can't be said to be outside either.
connections := {
	"in the network": {"ip": "10.1.2.3", "networks": ["10.0.0.0/8"], "inside": true},
	"in the second network": {"ip": "10.1.2.3", "networks": ["192.0.2.0/24", "10.0.0.0/8"], "inside": true},
	"in none": {"ip": "203.0.113.9", "networks": ["10.0.0.0/8", "192.0.2.0/24"], "inside": false},
	"among no networks": {"ip": "10.1.2.3", "networks": [], "inside": false},
	"one address": {"ip": "10.1.2.3", "networks": ["10.1.2.3/32"], "inside": true},
	"its neighbour": {"ip": "10.1.2.4", "networks": ["10.1.2.3/32"], "inside": false},
	"everywhere": {"ip": "10.1.2.3", "networks": ["0.0.0.0/0"], "inside": true},
	"IPv6": {"ip": "2001:db8::5", "networks": ["2001:db8::/32"], "inside": true},
	"IPv6 in capitals": {"ip": "2001:db8::5", "networks": ["2001:DB8::/32"], "inside": true},
	"IPv6 elsewhere": {"ip": "2001:db9::5", "networks": ["2001:db8::/32"], "inside": false},
	"IPv4 is not in all of IPv6": {"ip": "10.1.2.3", "networks": ["::/0"], "inside": false},
	"IPv6 is not in all of IPv4": {"ip": "2001:db8::5", "networks": ["0.0.0.0/0"], "inside": false},
	"IPv4 is not in a network of mapped addresses": {"ip": "10.1.2.3", "networks": ["::ffff:10.0.0.0/104"], "inside": false},
	"an address that is no network": {"ip": "10.1.2.3", "networks": ["10.1.2.3"], "inside": false, "reads": false},
	"two lengths": {"ip": "10.1.2.3", "networks": ["10.0.0.0/8/8"], "inside": false, "reads": false},
	"a length too long": {"ip": "10.1.2.3", "networks": ["10.0.0.0/33"], "inside": false, "reads": false},
	"no length": {"ip": "10.1.2.3", "networks": ["10.0.0.0/"], "inside": false, "reads": false},
	"a short address": {"ip": "10.1.2.3", "networks": ["10/8"], "inside": false, "reads": false},
	"a name": {"ip": "10.1.2.3", "networks": ["office"], "inside": false, "reads": false},
	"a blank before it": {"ip": "10.1.2.3", "networks": [" 10.0.0.0/8"], "inside": false, "reads": false},
	"a number": {"ip": "10.1.2.3", "networks": [10], "inside": false, "reads": false},
	"null": {"ip": "10.1.2.3", "networks": [null], "inside": false, "reads": false},
	"one that reads beside one that does not": {
		"ip": "10.1.2.3",
		"networks": ["office", "10.0.0.0/8"],
		"inside": true,
		"reads": false,
	},
	"networks that are one text": {"ip": "10.1.2.3", "networks": "10.0.0.0/8", "inside": false, "reads": false},
	"networks that are null": {"ip": "10.1.2.3", "networks": null, "inside": false, "reads": false},
	"networks that are a number": {"ip": "10.1.2.3", "networks": 10, "inside": false, "reads": false},
	"networks in a set": {"ip": "10.1.2.3", "networks": {"10.0.0.0/8", "192.0.2.0/24"}, "inside": true},
	"in none of a set": {"ip": "10.1.2.3", "networks": {"192.0.2.0/24"}, "inside": false},
	"an address that does not read": {"ip": "somewhere", "networks": ["0.0.0.0/0", "::/0"], "inside": false, "reads": false},
}

default inside(_, _) := false

inside(ip, networks) if {
	lib.from_cidr(networks) with input as {"connection": {"source": {"ip": ip}}}
}

default outside(_, _) := false

outside(ip, networks) if {
	lib.outside_cidr(networks) with input as {"connection": {"source": {"ip": ip}}}
}

said_to_be_outside(row) := false if row.inside

said_to_be_outside(row) := object.get(row, "reads", true) if not row.inside

test_networks[rule] if {
	some rule, row in connections
	inside(row.ip, row.networks) == row.inside
	outside(row.ip, row.networks) == said_to_be_outside(row)
}

test_networks_every_row if {
	count(connections) > 0
	object.keys(connections) == {rule | some rule, _ in test_networks}
}

test_from_nowhere if {
	not lib.from_cidr(["0.0.0.0/0", "::/0"]) with input as {}
	not lib.outside_cidr([]) with input as {}
}
