package ssh.lib

# METADATA
# description: |
#   The key is a FIDO key, and somebody touched it for this very login; for denials of the kind `not lib.touched`.
touched if {
	input.key.hardware
	input.key.user_present
}

# METADATA
# description: The same, and the token knew who it was, by a PIN or a finger (`ssh-keygen -O verify-required`).
touched_by_owner if {
	touched
	input.key.user_verified
}
