package ssh.lib_test

import data.ssh.lib

plain := {"type": "ssh-ed25519", "fingerprint": "SHA256:k", "hardware": false}

# Each row: what the key is, and whether it was touched, and by its owner.
keys := {
	"a plain key": {"key": plain, "want": []},
	"no key at all": {"want": []},
	"a token that was touched": {"key": token(true, false), "want": ["touched"]},
	"with a PIN": {"key": token(true, true), "want": ["touched", "owner"]},
	"a token that nobody touched": {"key": token(false, false), "want": []},
	"that knows who, and was not touched": {"key": token(false, true), "want": []},
	"a token of which nothing is told": {"key": object.union(plain, {"hardware": true}), "want": []},
	"a plain key that claims a touch": {"key": object.union(token(true, true), {"hardware": false}), "want": []},
}

token(present, verified) := object.union(
	plain,
	{"hardware": true, "user_present": present, "user_verified": verified},
)

asked_with(row) := {"key": row.key}

asked_with(row) := {} if not row.key

said("touched") if lib.touched

said("owner") if lib.touched_by_owner

test_keys[rule] if {
	some rule, row in keys
	[word | some word in ["touched", "owner"]; said(word)] == row.want with input as asked_with(row)
}

test_keys_every_row if {
	count(keys) > 0
	object.keys(keys) == {rule | some rule, _ in test_keys}
}
