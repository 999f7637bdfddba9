package ssh_test

import data.ssh

# Each row: the key, and what is closed.
touches := {
	"a plain key is not asked to be touched": {"key": asked.key, "want": []},
	"a token that was touched": {"key": object.union(asked.key, {"hardware": true, "user_present": true}), "want": []},
	"one that was not": {"key": object.union(asked.key, {"hardware": true, "user_present": false}), "want": ["untouched"]},
	"one of which nothing is told": {"key": object.union(asked.key, {"hardware": true}), "want": ["untouched"]},
}

test_touch[rule] if {
	some rule, row in touches
	with_key := json.patch(asked, [{"op": "replace", "path": "/key", "value": row.key}])
	closed := ssh.closed with input as with_key with data.access as settings
	[denial.code | some denial in closed] == row.want
}

test_touch_every_row if {
	count(touches) > 0
	object.keys(touches) == {rule | some rule, _ in test_touch}
}

test_somebody_without_a_key_is_not_asked_to_touch_one if {
	closed := ssh.closed with input as object.remove(asked, ["key"]) with data.access as settings
	closed == set()
}
