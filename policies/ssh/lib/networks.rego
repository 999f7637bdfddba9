package ssh.lib

# METADATA
# description: |
#   The client connects from one of these networks: `from_cidr(["10.0.0.0/8", "2001:db8::/32"])`. A network that does not
#   read lets nobody in.
from_cidr(cidrs) if {
	some cidr in cidrs
	is_cidr(cidr)
	same_family(cidr)
	net.cidr_contains(cidr, input.connection.source.ip)
}

# METADATA
# description: |
#   The client connects from none of these networks; for denials of the kind `not lib.outside_cidr(blocked)`.
#   Undefined when one of them does not read.
outside_cidr(cidrs) if {
	is_boolean(net.cidr_contains("::/0", input.connection.source.ip))
	every cidr in cidrs {
		is_cidr(cidr)
	}
	not from_cidr(cidrs)
}

# Looked at before net.cidr_contains is: compiled to WASM that takes "10.0.0.0/8/8" for a network, and OPA does not.
is_cidr(cidr) if {
	regex.match(`^[0-9a-fA-F:.]+/[0-9]{1,3}$`, cidr)
	is_boolean(net.cidr_contains(cidr, "::"))
}

# A network of mapped addresses (::ffff:0:0/96) holds IPv4 addresses for OPA and none in WASM. It holds none here.
same_family(cidr) if contains(cidr, ":") == contains(input.connection.source.ip, ":")
