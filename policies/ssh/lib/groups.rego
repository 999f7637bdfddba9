package ssh.lib

# METADATA
# description: The identity provider says that the person is in this group.
member_of(group) if group in input.identity.groups

# METADATA
# description: The person is in one of these groups.
member_of_any(groups) if {
	some group in groups
	member_of(group)
}
