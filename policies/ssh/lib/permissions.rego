package ssh.lib

# Sets of extensions for a grant's certificate, put together with object.union or object.union_n: of two that name the same
# extension the later one counts, and what none of them names stays closed.

# METADATA
# description: A person at a terminal.
interactive := {"permit-pty": "", "permit-shell@regate": ""}

# METADATA
# description: "Any command: `ssh host uptime`, rsync, git, Ansible. As wide as a shell."
any_command := {"permit-exec@regate": ["*"]}

# METADATA
# description: |
#   Commands that match one of these patterns as a whole, word by word: `*` is a word that does not begin with `-`, `-*`
#   one that does, a trailing `**` any number of words that do not.
run_only(patterns) := {"permit-exec@regate": patterns}

# METADATA
# description: sftp, and scp as it works since OpenSSH 9.0. Reads and writes whatever the account may.
file_copy := {"permit-subsystem@regate": ["sftp"]}

# METADATA
# description: sftp and scp that read whatever the account may, and change nothing.
file_read := {"permit-sftp@regate": "read"}

# METADATA
# description: |
#   sftp and scp of these paths and no others: `["/srv/out/**"]` to read, `["/srv/in/*"]` to write; what may be written is
#   not thereby to be read.
files(read, write) := {"permit-sftp@regate": {"read": read, "write": write}}

# METADATA
# description: |
#   TCP forwards from the client (`ssh -L`, `-D`, `-W`) to these destinations and no others: `["localhost:5432"]`. Names
#   and addresses are different things: for both, name both.
forward_to(destinations) := {"permit-port-forwarding": "", "permit-open@regate": destinations}

# METADATA
# description: No TCP and no Unix-socket forward, whatever the sets before this one open.
no_forwarding := {
	"permit-open@regate": [],
	"permit-listen@regate": [],
	"permit-socket@regate": {"open": [], "listen": []},
}
