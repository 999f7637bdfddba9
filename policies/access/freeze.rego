package ssh

import data.ssh.lib

# METADATA
# description: |
#   A route is frozen while data.access.freeze names it or its label `freeze` says anything but "off". It holds for
#   everyone, and so it is said before anybody signs in.
closed contains {"code": "freeze", "message": "frozen: nobody is let in while a change is under way"} if not thawed

thawed if {
	frozen := data.access.freeze
	is_array(frozen)
	not input.target.route in frozen
	not frozen_by_label
}

frozen_by_label if lib.label("freeze") != "off"
