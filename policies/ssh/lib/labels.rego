package ssh.lib

# METADATA
# description: The route's label of that name; undefined when it has none.
label(key) := input.target.labels[key]

# METADATA
# description: "The route's label of that name has this value: `labelled(\"env\", \"prod\")`."
labelled(key, value) if input.target.labels[key] == value
