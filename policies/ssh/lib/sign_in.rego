package ssh.lib

# METADATA
# description: |
#   The person last signed in at the identity provider (`auth_time`) at most so many seconds ago:
#   `signed_in_within(seconds("15m"))`. Undefined when the provider does not say when.
signed_in_within(most) if {
	age := (time.now_ns() / 1000000000) - input.identity.auth_time
	is_number(most)
	age <= most
	age >= -60 # two clocks are never quite the same, but nobody signs in tomorrow
}

# METADATA
# description: |
#   The same, and with more than one factor: the provider's `amr` says `mfa`, or names two factors of different kinds.
mfa_within(most) if {
	signed_in_within(most)
	"mfa" in input.identity.amr
}

mfa_within(most) if {
	signed_in_within(most)
	kinds := {kind | some kind, methods in factors; some method in methods; method in input.identity.amr}
	count(kinds) > 1
}

# RFC 8176, section 2, by what the person knows, has and is. Two of one kind are one factor.
factors := {
	"knows": ["pwd", "pin", "kba"],
	"has": ["otp", "sms", "tel", "hwk", "swk", "sc", "pop"],
	"is": ["face", "fpt", "iris", "retina", "vbm"],
}
