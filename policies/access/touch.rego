package ssh

import data.ssh.lib

# METADATA
# description: |
#   A FIDO key that signed without a touch lets nobody in, as with sshd: whoever has its file and its token in reach could
#   use it unseen. It holds for everyone, and so it is said before anybody signs in.
closed contains {"code": "untouched", "message": "touch your security key when it blinks"} if {
	input.key.hardware
	not lib.touched
}
