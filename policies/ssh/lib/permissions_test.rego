package ssh.lib_test

import data.ssh.lib

test_sets_come_together if {
	object.union_n([lib.interactive, lib.file_copy, lib.run_only(["uptime"]), lib.forward_to(["db1:5432"])]) == {
		"permit-pty": "",
		"permit-shell@regate": "",
		"permit-subsystem@regate": ["sftp"],
		"permit-exec@regate": ["uptime"],
		"permit-port-forwarding": "",
		"permit-open@regate": ["db1:5432"],
	}
}

test_of_two_commands_the_later_counts if {
	object.union(lib.any_command, lib.run_only(["uptime"])) == {"permit-exec@regate": ["uptime"]}
}

test_files_are_named_for_either_way if {
	object.union(lib.file_read, lib.files(["/srv/out/**"], ["/srv/in/*"])) == {"permit-sftp@regate": {
		"read": ["/srv/out/**"],
		"write": ["/srv/in/*"],
	}}
}

test_no_forwarding_takes_back_what_was_opened if {
	open := object.union(
		lib.forward_to(["*:*"]),
		{"permit-listen@regate": ["*"], "permit-socket@regate": {"open": ["/**"], "listen": ["/**"]}},
	)
	object.union(open, lib.no_forwarding) == {
		"permit-port-forwarding": "",
		"permit-open@regate": [],
		"permit-listen@regate": [],
		"permit-socket@regate": {"open": [], "listen": []},
	}
}
